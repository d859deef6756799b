#include "layers/depthwise.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Of the kernels that have a gradient of their own.
constexpr Index taps = 9;

/// One plane of source and target.
template <class T>
Depthwise<T> plane(const DepthwiseShape& shape, const Tensor<T>& source, const Tensor<T>& target, Index block,
                   Index channel) {
  return {.source = source.channel(block, channel),
          .target = target.channel(block, channel),
          .kernel = shape.kernel,
          .weight = nullptr,
          .row_step = shape.mirrored ? -shape.kernel : shape.kernel,
          .column_step = shape.mirrored ? -1 : 1,
          .bias = T(0),
          .source_height = shape.source_height,
          .source_width = shape.source_width,
          .source_row_stride = source.row_stride(block),
          .target_height = shape.target_height,
          .target_width = shape.target_width,
          .target_row_stride = target.row_stride(block),
          .pad_top = shape.pad_top,
          .pad_left = shape.pad_left,
          .lanes = source.blocks.lanes(block)};
}

}  // namespace

bool is_depthwise(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  return convolution.in_channels == 1 && convolution.out_channels == 1 && rows.kernel == columns.kernel &&
         (rows.kernel == 3 || rows.kernel == 5) && rows.stride * columns.stride == 1 &&
         rows.dilation * columns.dilation == 1;
}

bool has_depthwise_gradient(const Convolution& convolution) {
  return is_depthwise(convolution) && convolution.taps() == taps;
}

DepthwiseShape DepthwiseShape::forward(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  return {.channels = convolution.groups,
          .kernel = rows.kernel,
          .source_height = rows.input,
          .source_width = columns.input,
          .target_height = rows.output,
          .target_width = columns.output,
          .pad_top = rows.pad,
          .pad_left = columns.pad,
          .mirrored = false};
}

DepthwiseShape DepthwiseShape::delta(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  return {.channels = convolution.groups,
          .kernel = rows.kernel,
          .source_height = rows.output,
          .source_width = columns.output,
          .target_height = rows.input,
          .target_width = columns.input,
          .pad_top = rows.kernel - 1 - rows.pad,
          .pad_left = columns.kernel - 1 - columns.pad,
          .mirrored = true};
}

template <class T>
Loop DepthwiseSum<T>::packing(T* const&, T*) {
  return {};
}

template <class T>
Loop DepthwiseSum<T>::sum(const Source<T>& from, const Tensor<T>& target, const Weights& weights, Finish finish) const {
  const Tensor<T>& source = from.map;
  const Index blocks = source.blocks.count(), channels = shape_.channels;
  const Index height = shape_.target_height, width = shape_.target_width, kernel = shape_.kernel * shape_.kernel;
  const Index together = this->units_of_task(height * width * kernel * source.blocks.lanes(0), channels, blocks);
  const std::vector<Span> parts = even_parts(channels, together);
  const Index count = static_cast<Index>(parts.size());
  return {blocks * count,
          [=, this](Index task, std::byte* scratch) {
            const Index block = task / count;
            const Span part = parts[static_cast<std::size_t>(task % count)];
            for (Index c = part.begin; c < part.end; ++c) {
              Depthwise<T> sum = plane(shape_, source, target, block, c);
              sum.target = this->planes(target, block, c, {0, height}, reinterpret_cast<T*>(scratch)).first;
              sum.weight = *weights.weight + c * kernel + (shape_.mirrored ? kernel - 1 : 0);
              if (weights.bias) sum.bias = *weights.bias_from(c);
              this->kernel_->depthwise(sum);
              finish({block, c, {0, height}, {0, width}, block}, sum.target);
            }
          },
          static_cast<std::size_t>(this->scratch_for(target, 1, height)) * sizeof(T)};
}

/// A task a channel.
template <class T>
Schedule DepthwiseGradientSum<T>::accumulate(const Tensor<T>& input, const Source<T>& from,
                                             const Gradients<T>& gradients, T*) {
  return {{Loop{shape_.channels, [=, this, delta = from.map](Index channel, std::byte*) {
                  sum_channel(input, delta, channel, gradients);
                }}}};
}

/// The blocks in order: full ones, and then the narrower ones.
template <class T>
void DepthwiseGradientSum<T>::sum_channel(const Tensor<T>& input, const Tensor<T>& delta, Index channel,
                                          const Gradients<T>& gradients) const {
  const Blocks<T>& blocks = input.blocks;
  for (const Span range : {Span{0, blocks.full()}, Span{blocks.full(), blocks.count()}}) {
    if (range.begin == range.end) continue;
    T sums[taps * Blocks<T>::full_lanes] = {}, totals[taps];
    for (Index b = range.begin; b < range.end; ++b) {
      this->kernel_->accumulate_depthwise_gradient(plane(shape_, input, delta, b, channel), sums);
      if (gradients.bias)
        gradients.bias[channel] +=
            this->kernel_->sum_plane(delta.channel(b, channel), delta.shape.pixels(), blocks.lanes(b));
    }
    this->kernel_->sum_lanes(sums, taps, blocks.lanes(range.begin), totals);
    for (Index tap = 0; tap < taps; ++tap) gradients.weight[channel * taps + tap] += totals[tap];
  }
}

template class DepthwiseSum<float>;
template class DepthwiseSum<double>;
template class DepthwiseGradientSum<float>;
template class DepthwiseGradientSum<double>;

}  // namespace cnnbp
