// The sum over source channels and taps by Winograd's algorithm: 3×3 and 5×5 kernels with stride 1, 3×3 and 7×7 with
// stride 2, one group. A task takes a patch of tiles through all source channels to the points, multiplies there and
// brings the targets back. winograd_delta.hpp has it the other way round.
#pragma once

#include <algorithm>

#include "layers/channel_sum.hpp"
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

/// The kernels at the points, and products with them.
template <class T>
class WinogradProducts : public ChannelSum<T> {
 public:
  explicit WinogradProducts(WinogradShape shape);

  Index packed_size() const override { return shape_.points() * point_stride_; }
  bool reads_unpooled() const override;

 protected:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights;

  Loop packing(T* const& weight, T* packed) override;
  /// The targets' points from all the sources', one group of target channels after the other, whose points stay in the
  /// second cache: run(tiles of the group, group) takes them. They follow the sources' in memory.
  template <class Run>
  void multiply(const WinogradTiles<T>& source, const WinogradTiles<T>& targets, Span channels, const T* packed,
                Run run) const {
    const Index count = channels.end - channels.begin, groups = (count + most_grouped() - 1) / most_grouped();
    for (Index g = 0; g < groups; ++g) {
      const Span group{channels.begin + count * g / groups, channels.begin + count * (g + 1) / groups};
      WinogradTiles<T> target = targets;
      target.map += group.begin * target.channel_stride;
      target.channels = group.end - group.begin;
      target.points = source.points + shape_.points() * source.point_stride;
      lay_in_strips(target, shape_.target.phases);
      multiply_points(source, target, group.begin, packed);
      run(target, group);
    }
  }
  Index most_grouped() const;
  /// Elements that a patch of so many vectors needs at the points: all its sources and a group of targets.
  Index scratch(Index vectors) const;
  /// The tiles of a patch, all its channels; `multiply` gives the targets' their points.
  WinogradTiles<T> source_tiles(const Source<T>& source, const Patch& patch, T* points) const;
  WinogradTiles<T> target_tiles(const Tensor<T>& target, const Patch& patch, const WinogradTiles<T>& source) const;

  WinogradShape shape_;

 private:
  /// Points as the product reads them best: in strips of all channels, or, if there is less than one, close together.
  static void lay_in_strips(WinogradTiles<T>& tiles, Index phases);
  void multiply_points(const WinogradTiles<T>& source, const WinogradTiles<T>& target, Index first,
                       const T* packed) const;

  Index target_stride_, phase_stride_, point_stride_;  // of the packed weights
};

template <class T>
class WinogradSum : public WinogradProducts<T> {
 public:
  using WinogradProducts<T>::WinogradProducts;

  bool normalizes_source() const override { return true; }
  bool overwrites() const override { return true; }

 private:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights, typename ChannelSum<T>::Planes;

  Loop sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const override;
  /// A task's: for the points of a patch, and for rows of a target without memory.
  struct Memory {
    T *points, *rows;
  };
  void sum_patch(const Source<T>& source, const Tensor<T>& target, const Weights& weights, const Patch& patch,
                 Span channels, const Memory& memory, const Finish& finish) const;
  Pixels pixels_of(const Patch& patch) const;
};

}  // namespace cnnbp
