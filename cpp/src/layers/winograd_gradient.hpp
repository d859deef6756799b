// The gradient of a convolution's kernels by Winograd's algorithm: δ and input are multiplied and summed over tiles and
// samples at the points, and only the sums come back as kernels.
#pragma once

#include "layers/gradient_sum.hpp"
#include "layers/winograd.hpp"

namespace cnnbp {

template <class T>
class WinogradGradientSum : public WeightGradientSum<T> {
 public:
  explicit WinogradGradientSum(const WinogradShape& forward);

  Index workspace(const Blocks<T>& blocks) const override;
  bool normalizes_input() const override { return true; }

 private:
  Schedule sum(const Tensor<T>& input, const Tensor<T>& delta, T* gradient, T* sums) override;
  /// Sums of some patches over a range of channels: one task is their only writer.
  struct Part {
    Span patches, rows, columns;
    Index number;  // which of the sums over patches
  };
  std::vector<Patch> patches(const Blocks<T>& blocks) const;
  std::vector<Part> parts_of(Index patches) const;
  /// `sums`: [point][row][column], those of the part's number.
  void sum_part(const Tensor<T>& input, const Tensor<T>& delta, const std::vector<Patch>& patches, const Part& part,
                T* sums, T* scratch) const;
  void add_patch(const WinogradTiles<T>& rows, const WinogradTiles<T>& columns, T* sums, bool first,
                 T* transposed) const;
  Index vectors() const { return backward_vectors(shape_.source.size, shape_.target_channels); }
  Index row() const;    // of the sums: columns, up to whole 32 bytes
  Index point() const;  // elements from one point's sums to the next

  WinogradShape shape_;
  /// The sums at a point are a matrix, input or output channels its columns: those that fill their vectors better.
  bool columns_are_outputs_;
  Index rows_, columns_;  // channels
};

}  // namespace cnnbp
