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
class ProductGradientSum : public GradientSum<T> {
 public:
  explicit ProductGradientSum(const Convolution& convolution);

 private:
  Schedule sum(const Tensor<T>& input, const Tensor<T>& delta, T* gradient, const Workspace<T>& workspace) override;
  /// Sums over some of the rows that taps read, all blocks' rows counted on, for a range of channels: one task is their
  /// only writer.
  struct Part {
    Span rows, outputs, inputs;
    Index number;  // which of the sums over rows
  };
  struct Row;

  std::vector<Part> parts_of(Index rows) const;
  void sum_part(const Tensor<T>& input, const Tensor<T>& delta, const Part& part, T* turned) const;
  void turn(const Tensor<T>& input, const Part& part, const Row& row, T* turned) const;
  void add_row(const Tensor<T>& delta, const Part& part, const Row& row, const T* turned) const;
  void finish(Index output, Index numbers, T* gradient) const;
  Index first_column(Index kw) const;
  Index sums_size() const { return convolution_.taps() * convolution_.out_channels * convolution_.in_channels; }

  Convolution convolution_;
  std::vector<Span> column_spans_;
  std::vector<Index> rows_;  // of the input, those that a tap reads
  /// Of each column in a turned row: by its phase to the stride, so that a tap reads neighbours.
  std::vector<Index> places_;
  Workspace<T> sums_;  // [number][tap][output channel][input channel]
};

}  // namespace cnnbp
