// The sum over source channels and taps by Winograd's algorithm: 3×3 and 5×5 kernels with stride 1, 3×3 and 7×7 with
// stride 2, one group. A task takes a patch of tiles through all source channels to the points, multiplies there and
// brings the targets back. winograd_delta.hpp has it the other way round.
#pragma once

#include "layers/winograd_products.hpp"

namespace cnnbp {

template <class T>
class WinogradSum : public WinogradProducts<T> {
 public:
  using WinogradProducts<T>::WinogradProducts;

  bool normalizes_source() const override { return true; }
  bool overwrites() const override { return true; }
  Index parts(const Blocks<T>& blocks) const override { return std::ssize(patches(blocks, vectors(blocks))); }

 private:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights, typename ChannelSum<T>::Planes;

  /// Vectors of a patch.
  Index vectors(const Blocks<T>& blocks) const;
  std::vector<Patch> patches(const Blocks<T>& blocks, Index vectors) const {
    return patches_of(blocks, this->shape_.tiles_down, this->shape_.tiles_across, vectors);
  }
  Loop sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const override;
  /// A task's: for the points of a patch, and for rows of a target without memory.
  struct Memory {
    T *points, *rows;
  };
  void sum_patch(const Source<T>& source, const Tensor<T>& target, const Weights& weights, const Patch& patch,
                 Index number, Span channels, const Memory& memory, const Finish& finish) const;
  Pixels pixels_of(const Patch& patch, Index number) const;
};

}  // namespace cnnbp
