// u = W·fv + b, where fv stacks the maps in the order (channel, row, column): in lanes that is no work at all.
#pragma once

#include "layers/correlator.hpp"

namespace cnnbp {

template <class T>
class LinearLayer : public Layer<T> {
 public:
  LinearLayer(const Linear& definition, const Shape& input);

  Schedule pack_forward() override;
  Index packed_for_delta() const override { return delta_.packed_size(); }
  Loop pack_delta(T* packed) override;
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output) override;

 private:
  void accumulate(const Tensor<T>& delta, const Buffer<T>& rows, Span outputs, Span features) const;

  Index in_features_, out_features_;
  Correlator<T> forward_, delta_;
  Buffer<T> packed_;  // for forward
};

}  // namespace cnnbp
