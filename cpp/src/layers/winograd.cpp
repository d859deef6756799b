#include "layers/winograd.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

constexpr Index points = 36;

/// Full lane vectors of a patch: the product reads each weight for so many.
constexpr Index patch_vectors = 4;

/// Target channels whose points are kept at once: 36 × 24 × 4 vectors, 216 KB, stay in the second cache.
constexpr Index group_channels = 24;

/// With few patches the targets are split among tasks, at least so many to a task: each transforms all sources.
constexpr Index wanted_tasks = 16, least_task_channels = 64;

/// Elements of one channel's tiles at one point, up to whole lane vectors.
template <class T>
Index width_of(Index tiles, Index lanes) {
  constexpr Index full = Blocks<T>::full_lanes;
  return (tiles * lanes + full - 1) / full * full;
}

/// One cache line more, so that the points of a tile do not fall into one set of the first cache.
template <class T>
Index point_stride(Index channels, Index width) {
  return channels * width + Blocks<T>::full_lanes;
}

/// Outputs of an axis times the taps that meet data there.
Index products(const Axis& axis) {
  Index count = 0;
  for (const Span& span : tap_spans(axis)) count += span.end - span.begin;
  return count;
}

Index tiles_along(Index pixels, Index step) { return (pixels + step - 1) / step; }

/// Fewer channels than this leave the transforms more work than they save.
constexpr Index least_channels = 16;

}  // namespace

template <class T>
bool takes_winograd(const Conv2d& layer, const Window& window, const SumShape& sum) {
  if (layer.algorithm == Algorithm::direct || !fits_winograd(layer)) return false;
  if (layer.algorithm == Algorithm::winograd) return true;
  if (sizeof(T) > sizeof(float)) return false;
  if (std::min(sum.source_channels, sum.target_channels) < least_channels) return false;
  const Index step = winograd_step(window.rows.kernel);
  const Index tiles = tiles_along(sum.target_height, step) * tiles_along(sum.target_width, step);
  return products(window.rows) * products(window.columns) >= 2 * points * tiles;
}

template <class T>
std::vector<Patch> patches_of(const Blocks<T>& blocks, Index height, Index width, Index step) {
  const Index down = tiles_along(height, step), across = tiles_along(width, step);
  std::vector<Patch> patches;
  for (Index b = 0; b < blocks.count(); ++b) {
    const Index most = patch_vectors * Blocks<T>::full_lanes / blocks.lanes(b);
    const std::vector<Span> columns = even_parts(across, most);
    for (const Span& rows : even_parts(down, std::max<Index>(1, most / (columns.back().end - columns.back().begin))))
      for (const Span& span : columns) patches.push_back({b, rows, span});
  }
  return patches;
}

template <class T>
WinogradSum<T>::WinogradSum(WinogradShape shape)
    : shape_(std::move(shape)),
      target_stride_(width_of<T>(shape_.source_channels, 1)),
      point_stride_(point_stride<T>(shape_.target_channels, target_stride_)),
      packed_(static_cast<std::size_t>(points * point_stride_)) {}

template <class T>
Loop WinogradSum<T>::pack(T* const& weight) {
  const std::vector<Span> parts = even_parts(shape_.target_channels, group_channels);
  return {static_cast<Index>(parts.size()), [=, this, &weight](Index task, std::byte*) {
            const Span part = parts[static_cast<std::size_t>(task)];
            this->kernel_->winograd_weights({
                .weight = weight + part.begin * shape_.weight_target_stride,
                .points = packed_.data() + part.begin * target_stride_,
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

/// All of a patch but where its points are and where it starts. Mirrored maps are walked from their last pixel.
template <class T>
WinogradTiles<T> WinogradSum<T>::tiles_of(const Tensor<T>& map, const Patch& patch) const {
  const Index lanes = map.blocks.lanes(patch.block), row = map.row_stride(patch.block);
  const Index last = (map.shape.height - 1) * row + (map.shape.width - 1) * lanes;
  return {
      .map = map.block(patch.block) + (shape_.mirrored ? last : 0),
      .points = nullptr,
      .channels = map.shape.channels,
      .height = map.shape.height,
      .width = map.shape.width,
      .channel_stride = map.channel_stride(patch.block),
      .row_stride = shape_.mirrored ? -row : row,
      .column_stride = shape_.mirrored ? -lanes : lanes,
      .row = patch.rows.begin * step(),
      .column = patch.columns.begin * step(),
      .step = step(),
      .tile_rows = patch.rows.end - patch.rows.begin,
      .tile_columns = patch.columns.end - patch.columns.begin,
      .point_stride = 0,
      .point_channel_stride = width_of<T>(patch.tiles(), lanes),
      .lanes = lanes,
  };
}

/// The targets of one group, from the sources' points.
template <class T>
void WinogradSum<T>::sum_group(const WinogradTiles<T>& source, const WinogradTiles<T>& target, Span channels,
                               const T* bias) const {
  for (Index p = 0; p < points; ++p)
    this->kernel_->multiply({
        .a = packed_.data() + p * point_stride_ + channels.begin * target_stride_,
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
  this->kernel_->winograd_output(target, bias ? bias + channels.begin : nullptr);
}

template <class T>
void WinogradSum<T>::finish_patch(const Tensor<T>& target, const WinogradTiles<T>& tiles, const Patch& patch,
                                  Span channels, const Finish& finish) const {
  const Shape& shape = target.shape;
  const auto pixels = [&](Span span, Index size) {
    const Span found{span.begin * step(), std::min(span.end * step(), size)};
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
void WinogradSum<T>::sum_patch(const Tensor<T>& source, const Tensor<T>& target, const T* bias, const Patch& patch,
                               Span channels, T* scratch, const Finish& finish) const {
  WinogradTiles<T> from = tiles_of(source, patch), to = tiles_of(target, patch);
  from.row += shape_.first_row;
  from.column += shape_.first_column;
  from.points = scratch;
  from.point_stride = point_stride<T>(from.channels, from.point_channel_stride);
  this->kernel_->winograd_input(from);
  to.points = scratch + points * from.point_stride;
  to.map += channels.begin * to.channel_stride;
  for (Span group = channels; group.begin < channels.end; group.begin = group.end) {
    group.end = std::min(group.begin + group_channels, channels.end);
    to.channels = group.end - group.begin;
    to.point_stride = point_stride<T>(to.channels, to.point_channel_stride);
    sum_group(from, to, group, bias);
    finish_patch(target, to, patch, group, finish);
    to.map += to.channels * to.channel_stride;
  }
}

template <class T>
Loop WinogradSum<T>::sum(const Tensor<T>& source, const Tensor<T>& target, T* const* bias, Finish finish) const {
  const std::vector<Patch> patches = patches_of(source.blocks, shape_.target_height, shape_.target_width, step());
  const Index count = static_cast<Index>(patches.size());
  const Index most = std::max(least_task_channels, shape_.target_channels / std::max<Index>(1, wanted_tasks / count));
  const std::vector<Span> parts = even_parts(shape_.target_channels, most);
  const Index width = patch_vectors * Blocks<T>::full_lanes;
  const Index scratch = point_stride<T>(shape_.source_channels, width) + point_stride<T>(group_channels, width);
  return {count * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* memory) {
            sum_patch(source, target, bias ? *bias : nullptr, patches[static_cast<std::size_t>(task % count)],
                      parts[static_cast<std::size_t>(task / count)], reinterpret_cast<T*>(memory), finish);
          },
          static_cast<std::size_t>(points * scratch) * sizeof(T)};
}

template bool takes_winograd<float>(const Conv2d&, const Window&, const SumShape&);
template bool takes_winograd<double>(const Conv2d&, const Window&, const SumShape&);
template std::vector<Patch> patches_of(const Blocks<float>&, Index, Index, Index);
template std::vector<Patch> patches_of(const Blocks<double>&, Index, Index, Index);
template class WinogradSum<float>;
template class WinogradSum<double>;

}  // namespace cnnbp
