// The sum over pixels and samples that is the gradient of a convolution's kernels. How it is summed is the matter of
// KernelGradientSum (directly), ProductGradientSum, PanelGradientSum, DepthwiseGradientSum and WinogradGradientSum.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// gradient(c) += Σ_n Σ_uv δ(c, u, v), a task a channel.
template <class T>
Loop bias_gradient(const Source<T>& delta, T* gradient);

/// What is added to.
template <class T>
struct Gradients {
  T* weight;
  T* bias = nullptr;  // without
};

template <class T>
class GradientSum {
 public:
  virtual ~GradientSum() = default;

  /// Elements that the first phase leaves for the second.
  virtual Index workspace(const Blocks<T>& /*blocks*/) const { return 0; }
  /// weight(oc, ic, kh, kw) += Σ_n Σ_oh Σ_ow δ(oc, oh, ow) · x(ic, oh·stride − pad + kh·dilation, …) and
  /// bias(oc) += Σ_n Σ_oh Σ_ow δ(oc, oh, ow).
  virtual Schedule accumulate(const Tensor<T>& input, const Source<T>& delta, const Gradients<T>& gradients,
                              T* workspace) = 0;
  /// Whether the input may be a map whose readers normalize it.
  virtual bool normalizes_input() const { return false; }
  /// The first phases, so many, read input and delta.
  virtual Index reading_phases() const { return gradient_phases; }
  /// Whether the delta may be rows that are made.
  virtual bool reads_rows() const { return false; }
  /// Whether it may be an unpooled one.
  virtual bool reads_unpooled() const { return false; }

 protected:
  const KernelTable<T>* kernel_ = &kernels().of<T>();
};

/// Leaves the bias to a loop of its own.
template <class T>
class WeightGradientSum : public GradientSum<T> {
 public:
  Schedule accumulate(const Tensor<T>& input, const Source<T>& delta, const Gradients<T>& gradients,
                      T* workspace) override {
    Schedule schedule = sum(input, delta, gradients.weight, workspace);
    if (gradients.bias) schedule[0].push_back(bias_gradient(delta, gradients.bias));
    return schedule;
  }

 private:
  virtual Schedule sum(const Tensor<T>& input, const Source<T>& delta, T* gradient, T* workspace) = 0;
};

}  // namespace cnnbp
