// The sum over source channels and taps by Winograd's algorithm: 3×3 and 5×5 kernels, stride 1, one group. A task
// takes a patch of tiles through all source channels to the points, multiplies there and brings the targets back.
// winograd_delta.hpp has it the other way round.
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/convolution.hpp"
#include "layers/patches.hpp"

namespace cnnbp {

/// The patch that the first target reads starts at (first_row, first_column) of the source; of the transposed sum it is
/// the other way round.
struct WinogradShape : SumShape {
  Index first_row, first_column;
  bool mirrored = false;

  static WinogradShape forward(const Convolution& convolution);
  /// The forward pass's tiles, from the output's delta to the input's.
  static WinogradShape transposed(const Convolution& convolution);
  /// The delta as a sum over mirrored maps, where the kernel keeps its order: flipping a kernel or both maps is the
  /// same.
  static WinogradShape mirrored_delta(const Convolution& convolution);
};

/// Tiles that cover the convolution's output, and its input.
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

  Index packed_size() const override { return points() * point_stride_; }

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
      target.points = source.points + points() * source.point_stride;
      lay_in_strips(target);
      multiply_points(source, target, group.begin, packed);
      run(target, group);
    }
  }
  Index most_grouped() const;
  /// Elements that a patch of so many vectors needs at the points: all its sources and a group of targets.
  Index scratch(Index vectors = patch_vectors) const;
  /// The tiles of a patch, all its channels, with points from `memory` on.
  WinogradTiles<T> tiles(const Tensor<T>& map, const Patch& patch, T* memory, Walk walk = Walk::forwards) const;
  Index size() const { return winograd_size(shape_.kernel_height); }
  Index points() const { return size() * size(); }

  WinogradShape shape_;

 private:
  /// Points as the product reads them best: in strips of all channels, or, if there is less than one, close together.
  static void lay_in_strips(WinogradTiles<T>& tiles);
  void multiply_points(const WinogradTiles<T>& source, const WinogradTiles<T>& target, Index first,
                       const T* packed) const;

  Index target_stride_, point_stride_;  // of the packed weights
};

template <class T>
class WinogradSum : public WinogradProducts<T> {
 public:
  using WinogradProducts<T>::WinogradProducts;

  bool normalizes_source() const override { return true; }

 private:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights, typename ChannelSum<T>::Planes;

  Loop sum(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const override;
  void sum_patch(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights, const Patch& patch,
                 Span channels, T* scratch, const Finish& finish) const;
  Pixels pixels_of(const Patch& patch) const;
  Walk walk() const { return this->shape_.mirrored ? Walk::mirrored : Walk::forwards; }
};

}  // namespace cnnbp
