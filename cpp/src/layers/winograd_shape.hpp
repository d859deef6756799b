// Which sums of a convolution go by Winograd's algorithm, and the tiles and points that they have.
#pragma once

#include <algorithm>

#include "layers/convolution.hpp"
#include "layers/patches.hpp"

namespace cnnbp {

struct WinogradShape : SumShape {
  Index tiles_down, tiles_across;
  WinogradSide source, target;
  bool flipped;  // kernels are rot180(w)

  static WinogradShape forward(const Convolution& convolution);
  /// The delta as a sum like the forward pass, from the output's delta to the input's.
  static WinogradShape delta(const Convolution& convolution);
  /// The forward pass's tiles the other way round; stride 1.
  static WinogradShape transposed_delta(const Convolution& convolution);

  Index phases() const { return source.phases * target.phases; }  // one of the sides has them, if there are any
  /// Points along an axis, where outputs are summed, and of kernels, of all phases.
  Index size() const { return std::min(source.size, target.size); }
  Index kernel_size() const { return std::max(source.size, target.size); }
  Index points() const { return size() * size(); }
  /// How many of them meet at a point: at infinity the first of an axis alone.
  Index phases_at(Index point) const {
    const Index infinity = size() - 1, along = phases() > 1 ? 2 : 1;
    return (point / size() < infinity ? along : 1) * (point % size() < infinity ? along : 1);
  }
};

/// Tiles of the forward pass, and of the delta as a sum like it.
Index output_tiles(const Window& window);
Index input_tiles(const Window& window);

/// Whether Winograd's algorithm computes a sum of the convolution that has so many tiles.
template <class T>
bool takes_winograd(Algorithm algorithm, const Convolution& convolution, Index tiles);

}  // namespace cnnbp
