// x_j = f(β_j down(x_j) + b_j)
#pragma once

#include "layers/pooling.hpp"

namespace cnnbp {

/// Saves d_j = down(x_j), of which the gradient of β is made.
template <class T>
class Subsample2dLayer : public Layer<T> {
 public:
  Subsample2dLayer(const Subsample2d& definition, const Shape& input);

  std::optional<Shape> saves(const Shape& output) const override { return output; }
  Reads backward_reads(const Elementwise&) const override { return {.input = false}; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) override;

 private:
  Subsampling<T> plane(const Tensor<T>& below, const Tensor<T>& pooled, const Tensor<T>& sums, Index block,
                       Index channel) const;

  PlaneWindows<T> windows_;
};

}  // namespace cnnbp
