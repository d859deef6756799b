// The gradients of a convolution's kernels and biases: products of delta and input, and deltas, summed over pixels
// and samples.
#pragma once

#include "layers/convolution.hpp"

namespace cnnbp {

template <class T>
class KernelGradientSum {
 public:
  explicit KernelGradientSum(const Convolution& convolution);

  /// gradient(oc, ic, kh, kw) += Σ_n Σ_oh Σ_ow δ(oc, oh, ow) · x(ic, oh·stride − pad + kh·dilation, …)
  Loop run(const Tensor<T>& input, const Tensor<T>& delta, T* gradient) const;

 private:
  /// One task's share of the gradient: it visits all blocks in order and is its only writer.
  struct Task {
    Index group;
    Span output_channels, input_channels;  // of the group
    Span kernel_rows;
  };
  std::vector<Task> tasks() const;
  Index sums_of(const Task& task) const;
  void accumulate(const Tensor<T>& input, const Tensor<T>& delta, const Task& task, T* sums, T* gradient) const;
  void sum_blocks(const Tensor<T>& input, const Tensor<T>& delta, const Task& task, Span blocks, T* sums) const;
  void add_to_gradient(const Task& task, T* sums, Index lanes, T* gradient) const;

  const KernelTable<T>* kernel_ = &kernels().of<T>();
  Convolution convolution_;
  std::vector<Span> row_spans_, column_spans_;
};

/// gradient(c) += Σ_n Σ_uv δ(c, u, v), a task a channel.
template <class T>
Loop bias_gradient(const Tensor<T>& delta, T* gradient);

}  // namespace cnnbp
