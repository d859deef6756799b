// u = W·fv + b, where fv stacks the maps in the order (channel, row, column): in lanes that is no work at all.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

template <class T>
class LinearLayer : public Layer<T> {
 public:
  LinearLayer(const Linear& definition, const Shape& input);

  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Index reading_phases() const override { return 1; }
  Index gradient_workspace(const Blocks<T>& blocks) const override;
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) override;

 private:
  /// Ends the rows of a product in one block.
  using Finish = std::function<void(Index block, Span rows)>;

  Loop product(const Tensor<T>& source, const Tensor<T>& target, Index row_stride, Index row_step, T* const* bias,
               Finish finish) const;
  void leave_lanes(const Tensor<T>& x, const Tensor<T>& delta, Index block, T* rows, T* deltas) const;
  void accumulate(const T* rows, const T* deltas, Index samples, Span outputs, Span features) const;

  Index in_features_, out_features_;
};

}  // namespace cnnbp
