// Winograd's tiles, some of them together: what one task takes to the points.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// Points along an axis, where outputs are summed, and those of the input's tiles, which are as many as the pixels that
/// they read: with a stride of 2 those of both phases (kernels/winograd_phases.hpp).
constexpr Index output_points(Index kernel, Index stride) {
  return (kernel + stride - 1) / stride + winograd_outputs - 1;
}
constexpr Index input_points(Index kernel, Index stride) { return kernel + stride * (winograd_outputs - 1); }

constexpr Index squared(Index points) { return points * points; }

/// Tiles of so many pixels that cover an axis.
constexpr Index tiles_along(Index pixels, Index step = winograd_outputs) { return (pixels + step - 1) / step; }

/// Tiles on one side of a sum: points along an axis, of how many phases in both axes, pixels from one tile to the next,
/// and where the first one starts.
struct WinogradSide {
  Index size, phases, step;
  Index first_row = 0, first_column = 0;
};

/// Tiles of one block that are worked on together.
struct Patch {
  Index block;
  Span rows, columns;

  Index tiles() const { return (rows.end - rows.begin) * (columns.end - columns.begin); }
};

/// Full lane vectors of a patch, if nobody wants fewer: a product at one point has so many columns, and reads each
/// weight once.
constexpr Index patch_vectors = 4;

/// Half as many for transposed deltas of 5×5 kernels with so many channels of the output, whose 64 points are all there
/// at once: with LeNet's 50 a thread needs 0.6 MB instead of 1.2, and it takes as long.
constexpr Index delta_vectors(Index size, Index channels) {
  return size == input_points(5, 1) && channels >= 32 ? patch_vectors / 2 : patch_vectors;
}

/// So many tiles down and across in patches of at most so many vectors, a block after the other.
template <class T>
std::vector<Patch> patches_of(const Blocks<T>& blocks, Index down, Index across, Index vectors = patch_vectors);

/// All channels of a patch, without its points.
template <class T>
WinogradTiles<T> tiles_of(const Tensor<T>& map, const Patch& patch, const WinogradSide& side);

/// What tiles of one block read in place of a map that is not in memory; none if there is no such delta.
template <class T>
Unpooling<T> unpooling_of(const Unpooled<T>& unpooled, Index block);

/// Elements from one point to the next: a cache line more than there are, so that the points of a tile do not fall
/// into one set of the first cache.
template <class T>
constexpr Index point_stride(Index channels, Index width) {
  return channels * width + Blocks<T>::full_lanes;
}

}  // namespace cnnbp
