// The sum over pixels and samples that is the gradient of a convolution's kernels. How it is summed is the matter of
// KernelGradientSum (directly), ProductGradientSum, DepthwiseGradientSum and WinogradGradientSum.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// gradient(c) += Σ_n Σ_uv δ(c, u, v), a task a channel.
template <class T>
Loop bias_gradient(const Tensor<T>& delta, T* gradient);

template <class T>
class GradientSum {
 public:
  virtual ~GradientSum() = default;

  /// gradient(oc, ic, kh, kw) += Σ_n Σ_oh Σ_ow δ(oc, oh, ow) · x(ic, oh·stride − pad + kh·dilation, …).
  virtual Schedule accumulate(const Tensor<T>& input, const Tensor<T>& delta, T* gradient,
                              const Workspace<T>& workspace) = 0;
  /// And bias(oc) += Σ_n Σ_oh Σ_ow δ(oc, oh, ow).
  virtual Schedule accumulate_with_bias(const Tensor<T>& input, const Tensor<T>& delta, T* gradient, T* bias,
                                        const Workspace<T>& workspace) {
    Schedule schedule = accumulate(input, delta, gradient, workspace);
    schedule[0].push_back(bias_gradient(delta, bias));
    return schedule;
  }

 protected:
  const KernelTable<T>* kernel_ = &kernels().of<T>();
};

}  // namespace cnnbp
