// The sum over source channels and taps by Winograd's algorithm: 3×3 and 5×5 kernels, stride 1, one group. A task
// takes a patch of tiles through all source channels to the points, multiplies there and brings the targets back.
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/convolution.hpp"
#include "layers/patches.hpp"

namespace cnnbp {

/// The patch that the first target reads starts at (first_row, first_column) of the source. The delta's sum runs over
/// mirrored maps, where the kernel keeps its order: flipping a kernel or both maps is the same.
struct WinogradShape : SumShape {
  Index first_row, first_column;
  bool mirrored;
};

/// Whether Winograd's algorithm computes this sum of the convolution.
template <class T>
bool takes_winograd(Algorithm algorithm, const Convolution& convolution, const SumShape& sum);

template <class T>
class WinogradSum : public ChannelSum<T> {
 public:
  explicit WinogradSum(WinogradShape shape);

  Index packed_size() const override { return points() * point_stride_; }

 private:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights;

  Loop packing(T* const& weight, T* packed) override;
  Loop sum(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const override;
  void sum_patch(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights, const Patch& patch,
                 Span channels, T* scratch, const Finish& finish) const;
  void sum_group(const WinogradTiles<T>& source, const WinogradTiles<T>& target, Span channels,
                 const Weights& weights) const;
  void finish_patch(const Tensor<T>& target, const WinogradTiles<T>& tiles, const Patch& patch, Span channels,
                    const Finish& finish) const;
  Index size() const { return winograd_size(shape_.kernel_height); }
  Index points() const { return size() * size(); }

  WinogradShape shape_;
  Index target_stride_, point_stride_;  // of the packed weights
};

}  // namespace cnnbp
