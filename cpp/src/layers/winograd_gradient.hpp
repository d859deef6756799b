// The gradient of a convolution's kernels by Winograd's algorithm: δ and input are multiplied and summed over tiles and
// samples at the points, and only the sums come back as kernels.
#pragma once

#include "layers/gradient_sum.hpp"
#include "layers/winograd_shape.hpp"

namespace cnnbp {

template <class T>
class WinogradGradientSum : public WeightGradientSum<T> {
 public:
  explicit WinogradGradientSum(const WinogradShape& forward);

  Index workspace(const Blocks<T>& blocks) const override;
  bool normalizes_input() const override { return true; }
  Index reading_phases() const override { return 1; }
  bool reads_unpooled() const override { return shape_.phases() == 1; }

 private:
  Schedule sum(const Tensor<T>& input, const Source<T>& delta, T* gradient, T* workspace) override;
  /// Kernels of a range of channels, summed over some patches by one task.
  struct Part {
    Span patches, rows, columns;
    Index number;  // which of the sums over patches
  };
  /// Of a part, at the points: [point][phase][row][column].
  struct Sums {
    T* first;
    Index row, point;  // elements from one to the next: columns, up to whole 32 bytes; rows of them
  };
  std::vector<Patch> patches(const Blocks<T>& blocks) const;
  std::vector<Part> parts_of(Index patches) const;
  Sums sums_of(Index rows, Index columns, T* memory) const;
  Index size_of(const Sums& sums) const { return shape_.points() * shape_.phases() * sums.point; }
  void sum_part(const Tensor<T>& input, const Source<T>& delta, const std::vector<Patch>& patches, const Part& part,
                const Sums& sums, T* scratch) const;
  void add_patch(const WinogradTiles<T>& rows, const WinogradTiles<T>& columns, const Sums& sums, bool first,
                 T* transposed) const;
  void add_kernels(const Part& part, const Sums& sums, bool first, T* gradient) const;
  Index vectors() const;
  Index taps() const { return shape_.kernel_height * shape_.kernel_width; }
  Index weights() const { return rows_ * columns_ * taps(); }

  WinogradShape shape_;
  /// The sums at a point are a matrix, input or output channels its columns: those that fill their vectors better.
  bool columns_are_outputs_;
  Index rows_, columns_;  // channels
};

}  // namespace cnnbp
