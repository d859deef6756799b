// The gradient of a convolution's kernels by its definition: products of delta and input, summed over pixels and
// samples.
#pragma once

#include "layers/convolution.hpp"
#include "layers/gradient_sum.hpp"

namespace cnnbp {

template <class T>
class KernelGradientSum : public GradientSum<T> {
 public:
  explicit KernelGradientSum(const Convolution& convolution);

  Schedule accumulate(const Tensor<T>& input, const Tensor<T>& delta, T* gradient, const Workspace<T>&) override;

 private:
  /// One task's share of the gradient: it visits all blocks in order and is its only writer.
  struct Task {
    Index group;
    Span output_channels, input_channels;  // of the group
    Span kernel_rows;
  };
  std::vector<Task> tasks() const;
  Index sums_of(const Task& task) const;
  void run_task(const Tensor<T>& input, const Tensor<T>& delta, const Task& task, T* sums, T* gradient) const;
  void sum_blocks(const Tensor<T>& input, const Tensor<T>& delta, const Task& task, Span blocks, T* sums) const;
  void add_to_gradient(const Task& task, T* sums, Index lanes, T* gradient) const;

  Convolution convolution_;
  std::vector<Span> row_spans_, column_spans_;
};

}  // namespace cnnbp
