// The sums of a convolution that has a kernel for each channel, 3×3 or 5×5, without stride and dilation.
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/convolution.hpp"
#include "layers/gradient_sum.hpp"

namespace cnnbp {

/// Whether a convolution is of that form.
bool is_depthwise(const Convolution& convolution);

/// Whether it has a gradient of that form, too: of 3×3.
bool has_depthwise_gradient(const Convolution& convolution);

/// What a depthwise sum runs over: target pixel (u, v) reads from source pixel (u − pad_top, v − pad_left) on.
struct DepthwiseShape {
  Index channels, kernel, source_height, source_width, target_height, target_width, pad_top, pad_left;
  bool mirrored;  // the kernel, as in the delta

  static DepthwiseShape forward(const Convolution& convolution);
  static DepthwiseShape delta(const Convolution& convolution);
};

template <class T>
class DepthwiseSum : public ChannelSum<T> {
 public:
  explicit DepthwiseSum(const DepthwiseShape& shape) : shape_(shape) {}

  Index packed_size(Index) const override { return 0; }
  Index parts(const Blocks<T>& blocks) const override { return blocks.count(); }

 private:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights;

  Loop packing(T* const& weight, T* packed) override;
  Loop sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const override;

  DepthwiseShape shape_;
};

/// Of 3×3 kernels.
template <class T>
class DepthwiseGradientSum : public GradientSum<T> {
 public:
  explicit DepthwiseGradientSum(const DepthwiseShape& forward) : shape_(forward) {}

  Schedule accumulate(const Tensor<T>& input, const Source<T>& delta, const Gradients<T>& gradients,
                      T* workspace) override;

 private:
  void sum_channel(const Tensor<T>& input, const Tensor<T>& delta, Index channel, const Gradients<T>& gradients) const;
  DepthwiseShape shape_;
};

}  // namespace cnnbp
