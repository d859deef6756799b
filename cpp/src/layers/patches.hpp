// Winograd's tiles, some of them together: what one task takes to the points.
#pragma once

#include "lanes/tensor.hpp"

namespace cnnbp {

/// Outputs of a tile along an axis, and pixels from one tile to the next.
constexpr Index winograd_step = 4;

/// Points along an axis.
constexpr Index winograd_size(Index kernel) { return kernel + winograd_step - 1; }

/// Tiles that cover so many pixels.
constexpr Index tiles_along(Index pixels) { return (pixels + winograd_step - 1) / winograd_step; }

/// Tiles of one block that are worked on together.
struct Patch {
  Index block;
  Span rows, columns;

  Index tiles() const { return (rows.end - rows.begin) * (columns.end - columns.begin); }
};

/// Full lane vectors of a patch, if nobody wants fewer: a product at one point has so many columns, and reads each
/// weight once.
constexpr Index patch_vectors = 4;

/// Half as many for deltas and gradients of 5×5 kernels with so many channels of the output, whose 64 points are all
/// there at once: with LeNet's 50 a thread needs 0.6 MB instead of 1.2, and the two take as long together.
constexpr Index backward_vectors(Index size, Index channels) {
  return size == winograd_size(5) && channels >= 32 ? patch_vectors / 2 : patch_vectors;
}

/// The tiles of a map of that size in patches of at most so many vectors, a block after the other.
template <class T>
std::vector<Patch> patches_of(const Blocks<T>& blocks, Index height, Index width, Index vectors = patch_vectors);

enum class Walk { forwards, mirrored };

/// All channels of a patch, without its `size` × `size` points. Mirrored maps are walked from their last pixel.
template <class T>
WinogradTiles<T> tiles_of(const Tensor<T>& map, const Patch& patch, Index size, Walk walk = Walk::forwards);

/// Elements from one point to the next: a cache line more than there are, so that the points of a tile do not fall
/// into one set of the first cache.
template <class T>
constexpr Index point_stride(Index channels, Index width) {
  return channels * width + Blocks<T>::full_lanes;
}

}  // namespace cnnbp
