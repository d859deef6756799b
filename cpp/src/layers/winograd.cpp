#include "layers/winograd.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Target channels whose points are kept at once, of four vectors each: 216 KB stay in the second cache.
constexpr Index group_channels(Index points) { return 24 * 36 / points; }

/// With few patches the targets are split among tasks, at least so many to a task: each transforms all sources.
constexpr Index wanted_tasks = 16, least_task_channels = 64;

/// Outputs of an axis times the taps that meet data there.
Index products(const Axis& axis) {
  Index count = 0;
  for (const Span& span : tap_spans(axis)) count += span.end - span.begin;
  return count;
}

/// Fewer channels than this leave the transforms more work than they save.
constexpr Index least_channels = 16;

}  // namespace

template <class T>
bool takes_winograd(Algorithm algorithm, const Convolution& convolution, const SumShape& sum) {
  const Window& window = convolution.window;
  if (algorithm == Algorithm::direct || !fits_winograd(window, convolution.groups)) return false;
  if (algorithm == Algorithm::winograd) return true;
  if (sizeof(T) > sizeof(float)) return false;
  if (std::min(sum.source_channels, sum.target_channels) < least_channels) return false;
  const Index size = winograd_size(window.rows.kernel);
  const Index tiles = tiles_along(sum.target_height) * tiles_along(sum.target_width);
  return products(window.rows) * products(window.columns) >= 2 * size * size * tiles;
}

template <class T>
WinogradSum<T>::WinogradSum(WinogradShape shape)
    : shape_(std::move(shape)),
      target_stride_(whole_vectors<T>(shape_.source_channels)),
      point_stride_(point_stride<T>(shape_.target_channels, target_stride_)) {}

template <class T>
Loop WinogradSum<T>::packing(T* const& weight, T* packed) {
  const std::vector<Span> parts = even_parts(shape_.target_channels, group_channels(points()));
  return {static_cast<Index>(parts.size()), [=, this, &weight](Index task, std::byte*) {
            const Span part = parts[static_cast<std::size_t>(task)];
            this->kernel_->winograd_weights({
                .weight = weight + part.begin * shape_.weight_target_stride,
                .points = packed + part.begin * target_stride_,
                .targets = part.end - part.begin,
                .sources = shape_.source_channels,
                .kernel = shape_.kernel_height,
                .weight_target_stride = shape_.weight_target_stride,
                .weight_source_stride = shape_.weight_source_stride,
                .point_stride = point_stride_,
                .point_target_stride = target_stride_,
            });
          }};
}

/// The targets of one group, from the sources' points.
template <class T>
void WinogradSum<T>::sum_group(const WinogradTiles<T>& source, const WinogradTiles<T>& target, Span channels,
                               const Weights& weights) const {
  for (Index p = 0; p < points(); ++p)
    this->kernel_->multiply({
        .a = weights.packed + p * point_stride_ + channels.begin * target_stride_,
        .b = source.points + p * source.point_stride,
        .c = target.points + p * target.point_stride,
        .rows = target.channels,
        .inner = source.channels,
        .columns = source.point_channel_stride,
        .a_stride = target_stride_,
        .b_stride = source.point_channel_stride,
        .c_stride = target.point_channel_stride,
        .accumulate = false,
    });
  this->kernel_->winograd_output(target, weights.bias_from(channels.begin));
}

template <class T>
void WinogradSum<T>::finish_patch(const Tensor<T>& target, const WinogradTiles<T>& tiles, const Patch& patch,
                                  Span channels, const Finish& finish) const {
  const Shape& shape = target.shape;
  const auto pixels = [&](Span span, Index size) {
    const Span found{span.begin * winograd_step, std::min(span.end * winograd_step, size)};
    return shape_.mirrored ? Span{size - found.end, size - found.begin} : found;
  };
  const Span rows = pixels(patch.rows, shape.height), columns = pixels(patch.columns, shape.width);
  const Index row = target.row_stride(patch.block), width = (columns.end - columns.begin) * tiles.lanes;
  const Index together = width == row ? rows.end - rows.begin : 1;  // rows that are one stretch
  for (Index c = channels.begin; c < channels.end; ++c)
    for (Index r = rows.begin; r < rows.end; r += together)
      finish(patch.block, c * tiles.channel_stride + r * row + columns.begin * tiles.lanes, together * width);
}

template <class T>
void WinogradSum<T>::sum_patch(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights,
                               const Patch& patch, Span channels, T* scratch, const Finish& finish) const {
  const Walk walk = shape_.mirrored ? Walk::mirrored : Walk::forwards;
  WinogradTiles<T> from = tiles_of(source, patch, size(), walk), to = tiles_of(target, patch, size(), walk);
  if (source.blocks.samples_in(patch.block) == 1) {  // a single image: its product has a quarter of the columns
    from.point_lanes = to.point_lanes = 1;
    from.point_channel_stride = to.point_channel_stride = whole_vectors<T>(patch.tiles());
  }
  from.row += shape_.first_row;
  from.column += shape_.first_column;
  from.points = scratch;
  from.point_stride = point_stride<T>(from.channels, from.point_channel_stride);
  this->kernel_->winograd_input(from);
  to.points = scratch + points() * from.point_stride;
  to.map += channels.begin * to.channel_stride;
  const Index count = channels.end - channels.begin, most = group_channels(points()), groups = (count + most - 1) / most;
  for (Index g = 0; g < groups; ++g) {
    const Span group{channels.begin + count * g / groups, channels.begin + count * (g + 1) / groups};
    to.channels = group.end - group.begin;
    to.point_stride = point_stride<T>(to.channels, to.point_channel_stride);
    sum_group(from, to, group, weights);
    finish_patch(target, to, patch, group, finish);
    to.map += to.channels * to.channel_stride;
  }
}

template <class T>
Loop WinogradSum<T>::sum(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights,
                         Finish finish) const {
  const std::vector<Patch> patches = patches_of(source.blocks, shape_.target_height, shape_.target_width);
  const Index count = static_cast<Index>(patches.size());
  const Index most = std::max(least_task_channels, shape_.target_channels / std::max<Index>(1, wanted_tasks / count));
  const std::vector<Span> parts = even_parts(shape_.target_channels, most);
  const Index width = patch_vectors * Blocks<T>::full_lanes;
  const Index scratch = point_stride<T>(shape_.source_channels, width) + point_stride<T>(group_channels(points()), width);
  return {count * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* memory) {
            sum_patch(source, target, weights, patches[static_cast<std::size_t>(task % count)],
                      parts[static_cast<std::size_t>(task / count)], reinterpret_cast<T*>(memory), finish);
          },
          static_cast<std::size_t>(points() * scratch) * sizeof(T)};
}

template bool takes_winograd<float>(Algorithm, const Convolution&, const SumShape&);
template bool takes_winograd<double>(Algorithm, const Convolution&, const SumShape&);
template class WinogradSum<float>;
template class WinogradSum<double>;

}  // namespace cnnbp
