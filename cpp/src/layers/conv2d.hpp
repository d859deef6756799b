// u_j = Σ_i x_i ⋆ k_ij + b_j
#pragma once

#include "layers/kernel_gradient_sum.hpp"
#include "layers/winograd_gradient.hpp"

namespace cnnbp {

template <class T>
class Conv2dLayer : public Layer<T> {
 public:
  Conv2dLayer(const Conv2d& definition, const Shape& input);

  Schedule pack_parameters(bool training) override;
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output) override;

 private:
  void make_sums(const Conv2d& definition);
  Loop hold_absent_gradients() const;

  Convolution convolution_;
  std::unique_ptr<ChannelSum<T>> forward_, delta_;
  KernelGradientSum<T> gradient_;
  std::unique_ptr<WinogradGradientSum<T>> winograd_gradient_;  // null: directly
};

}  // namespace cnnbp
