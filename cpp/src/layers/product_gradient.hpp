// The gradient of kernels as matrix products over pixels and samples: rows of the input are turned round to
// [pixel][lane][channel], where every tap's share is δ · xᵀ with neighbouring channels side by side.
#pragma once

#include "layers/convolution.hpp"
#include "layers/gradient_sum.hpp"

namespace cnnbp {

/// Whether the gradient of this convolution is summed so; decided by shapes alone.
template <class T>
bool takes_product_gradient(const Convolution& convolution);

template <class T>
class ProductGradientSum : public WeightGradientSum<T> {
 public:
  explicit ProductGradientSum(const Convolution& convolution);

  Index workspace(const Blocks<T>& blocks) const override { return numbers(parts_of(blocks)) * sums_size(); }

 private:
  Schedule sum(const Tensor<T>& input, const Source<T>& delta, T* gradient, T* sums) override;
  /// Sums over some of the rows that taps read, all blocks' rows counted on, for a range of channels: one task is their
  /// only writer.
  struct Part {
    Span rows, outputs, inputs;
    Index number;  // which of the sums over rows
  };
  struct Row;

  Index outputs_of_task() const;
  std::vector<Part> parts_of(const Blocks<T>& blocks) const;
  static Index numbers(const std::vector<Part>& parts) { return parts.back().number + 1; }
  /// `sums`: [tap][output channel][input channel], those of the part's number.
  void sum_part(const Tensor<T>& input, const Tensor<T>& delta, const Part& part, T* sums, T* turned) const;
  void turn(const Tensor<T>& input, const Part& part, const Row& row, T* turned) const;
  void add_row(const Tensor<T>& delta, const Part& part, const Row& row, T* sums, const T* turned) const;
  void finish(Index output, Index numbers, const T* sums, T* gradient) const;
  Index first_column(Index kw) const;
  Index sums_size() const { return convolution_.taps() * convolution_.out_channels * convolution_.in_channels; }

  Convolution convolution_;
  std::vector<Span> column_spans_;
  std::vector<Index> rows_;  // of the input, those that a tap reads
  /// Of each column in a turned row: by its phase to the stride, so that a tap reads neighbours.
  std::vector<Index> places_;
};

}  // namespace cnnbp
