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

  /// The bias's in the same pass, while the rows of delta are in the first cache.
  Schedule accumulate(const Tensor<T>& input, const Source<T>& delta, const Gradients<T>& gradients,
                      T* workspace) override;
  Index workspace(const Blocks<T>& blocks) const override;
  Index reading_phases() const override { return 1; }
  /// If one task reads each of them.
  bool reads_rows() const override;

 private:
  struct Operands {
    Tensor<T> input;
    Source<T> delta;
  };
  /// One task's share: some of the channels, and rows of delta, all blocks' parts of rows counted on. Where several
  /// tasks share a gradient, each has sums of its own, which are added up in their order.
  struct Task {
    Index group;
    Span output_channels, input_channels;  // of the group
    Span rows;
    Index number;
  };
  std::vector<Task> tasks(const Blocks<T>& blocks) const;
  Index first_row(Index number, Index numbers, const Blocks<T>& blocks) const;
  Index sums_of(const Task& task) const;
  void run_task(const Operands& from, const Task& task, T* made, T* sums, const Gradients<T>& gradients) const;
  void sum_rows(const Operands& from, const Task& task, Span rows, T* made, T* sums, T* bias) const;
  void add_to_gradient(const Task& task, T* sums, T* gradient) const;
  Gradients<T> shared_sums(T* workspace, Index number, bool with_bias) const;
  void clear(const Task& task, const Gradients<T>& gradients) const;
  void finish(Index output, Index numbers, T* workspace, const Gradients<T>& gradients) const;
  /// Rows of delta in one of the parts.
  Span rows_of(Index part) const;
  Index most_rows() const;
  Index row_unit() const;
  Index outputs() const { return convolution_.groups * convolution_.out_channels; }
  Index weights() const { return outputs() * weights_of_output(); }
  Index weights_of_output() const { return convolution_.in_channels * convolution_.taps(); }

  Convolution convolution_;
  std::vector<Span> row_spans_, column_spans_;
  Index row_parts_;  // of a map of deltas
  std::vector<Span> column_parts_;
};

}  // namespace cnnbp
