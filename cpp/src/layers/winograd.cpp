#include "layers/winograd.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Points of target channels that are kept at once, of four vectors each: 216 KB stay in the second cache.
constexpr Index grouped_points = 24 * 36;

/// Weights of a delta are turned first where so many source channels lie apart: with 512 of 7×7 a delta of 8 samples
/// took 1.4 times as long otherwise; with fewer, what is fetched for one target is still in the second cache for the
/// next.
constexpr Index least_turned = 256;

/// With few patches the targets are split among tasks, at least so many to a task: each transforms all sources.
constexpr Index wanted_tasks = 16, least_task_channels = 64;

/// Fewer patches than this wait for the longest: a batch of 50 would be three and a quarter. They are half as wide
/// then, if the weights are so few numbers (128 KB) that reading them twice as often costs nothing.
constexpr Index least_patches = 8, few = Index{1} << 15;

/// Outputs of an axis times the taps that meet data there.
Index products(const Axis& axis) {
  Index count = 0;
  for (const Span& span : tap_spans(axis)) count += span.end - span.begin;
  return count;
}

/// Fewer channels than this leave the transforms more work than they save. A 5×5 kernel has twice as many products to
/// save.
constexpr Index least_channels(Index kernel) { return kernel == 3 ? 16 : 6; }

/// Columns of the product at a point.
template <class T>
Index columns_of(const WinogradTiles<T>& tiles) {
  return whole_halves<T>(tiles.tile_rows * tiles.tile_columns * tiles.point_lanes);
}

}  // namespace

WinogradShape WinogradShape::forward(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  return {convolution.forward_sum(), -rows.pad, -columns.pad};
}

WinogradShape WinogradShape::transposed(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  return {convolution.delta_sum(), -rows.pad, -columns.pad};
}

WinogradShape WinogradShape::mirrored_delta(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  return {convolution.delta_sum(), rows.output - rows.input - rows.pad, columns.output - columns.input - columns.pad,
          true};
}

Index output_tiles(const Window& window) {
  return tiles_along(window.rows.output) * tiles_along(window.columns.output);
}

Index input_tiles(const Window& window) { return tiles_along(window.rows.input) * tiles_along(window.columns.input); }

template <class T>
bool takes_winograd(Algorithm algorithm, const Convolution& convolution, Index tiles) {
  const Window& window = convolution.window;
  if (algorithm == Algorithm::direct || !fits_winograd(window, convolution.groups)) return false;
  if (algorithm == Algorithm::winograd) return true;
  if (sizeof(T) > sizeof(float)) return false;
  if (std::min(convolution.in_channels, convolution.out_channels) < least_channels(window.rows.kernel)) return false;
  const Index size = winograd_size(window.rows.kernel);
  return products(window.rows) * products(window.columns) >= 2 * size * size * tiles;
}

template <class T>
WinogradProducts<T>::WinogradProducts(WinogradShape shape)
    : shape_(std::move(shape)),
      target_stride_(whole_vectors<T>(shape_.source_channels)),
      point_stride_(point_stride<T>(shape_.target_channels, target_stride_)) {}

template <class T>
Loop WinogradProducts<T>::packing(T* const& weight, T* packed) {
  const std::vector<Span> parts = even_parts(shape_.target_channels, most_grouped());
  const bool turns =
      shape_.weight_source_stride > shape_.weight_target_stride && shape_.source_channels >= least_turned;
  const Index turned = turns ? most_grouped() * shape_.source_channels * shape_.kernel_height * shape_.kernel_width : 0;
  return {static_cast<Index>(parts.size()),
          [=, this, &weight](Index task, std::byte* scratch) {
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
                .turned = turns ? reinterpret_cast<T*>(scratch) : nullptr,
            });
          },
          static_cast<std::size_t>(turned) * sizeof(T)};
}

template <class T>
void WinogradProducts<T>::multiply_points(const WinogradTiles<T>& source, const WinogradTiles<T>& target, Index first,
                                          const T* packed) const {
  for (Index p = 0; p < points(); ++p)
    this->kernel_->multiply({
        .a = packed + p * point_stride_ + first * target_stride_,
        .b = source.points + p * source.point_stride,
        .c = target.points + p * target.point_stride,
        .rows = target.channels,
        .inner = source.channels,
        .columns = columns_of(source),
        .a_stride = target_stride_,
        .b_stride = source.point_channel_stride,
        .c_stride = target.point_channel_stride,
        .accumulate = false,
        .b_strip_stride = source.point_strip_stride,
        .c_strip_stride = target.point_strip_stride,
    });
}

template <class T>
Index WinogradProducts<T>::most_grouped() const {
  return std::min(grouped_points / points(), shape_.target_channels);
}

template <class T>
Index WinogradProducts<T>::scratch(Index vectors) const {
  const Index width = vectors * Blocks<T>::full_lanes;
  return points() * (point_stride<T>(shape_.source_channels, width) + point_stride<T>(most_grouped(), width));
}

template <class T>
void WinogradProducts<T>::lay_in_strips(WinogradTiles<T>& tiles) {
  tiles.point_channel_stride = std::min(strip_width<T>, columns_of(tiles));
  tiles.point_strip_stride = tiles.channels * strip_width<T>;
  tiles.point_stride = point_stride<T>(tiles.channels, whole_vectors<T>(columns_of(tiles)));
}

/// Of a single image one lane goes to the points: its product has a quarter of the columns.
template <class T>
WinogradTiles<T> WinogradProducts<T>::tiles(const Tensor<T>& map, const Patch& patch, T* memory, Walk walk) const {
  WinogradTiles<T> tiles = tiles_of(map, patch, size(), walk);
  if (map.blocks.samples_in(patch.block) == 1) tiles.point_lanes = 1;
  tiles.points = memory;
  lay_in_strips(tiles);
  return tiles;
}

/// The targets of a patch.
template <class T>
Pixels WinogradSum<T>::pixels_of(const Patch& patch) const {
  const auto pixels = [&](Span span, Index size) {
    const Span found{span.begin * winograd_step, std::min(span.end * winograd_step, size)};
    return this->shape_.mirrored ? Span{size - found.end, size - found.begin} : found;
  };
  return {patch.block, 0, pixels(patch.rows, this->shape_.target_height),
          pixels(patch.columns, this->shape_.target_width)};
}

template <class T>
void WinogradSum<T>::sum_patch(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights,
                               const Patch& patch, Span channels, T* scratch, const Finish& finish) const {
  WinogradTiles<T> from = this->tiles(source, patch, scratch, walk());
  from.row += this->shape_.first_row;
  from.column += this->shape_.first_column;
  this->kernel_->winograd_input(from);
  Pixels pixels = pixels_of(patch);
  this->multiply(from, this->tiles(target, patch, nullptr, walk()), channels, weights.packed,
                 [&](WinogradTiles<T> to, Span group) {
                   const Planes planes =
                       this->planes(target, patch.block, group.begin, pixels.rows, scratch + this->scratch());
                   if (!target.data) {
                     to.map = planes.first;
                     to.channel_stride = planes.channel_stride;
                   }
                   this->kernel_->winograd_output(to, weights.bias_from(group.begin));
                   for (pixels.channel = group.begin; pixels.channel < group.end; ++pixels.channel)
                     finish(pixels, planes.first + (pixels.channel - group.begin) * planes.channel_stride);
                 });
}

template <class T>
Loop WinogradSum<T>::sum(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights,
                         Finish finish) const {
  const Index height = this->shape_.target_height, width = this->shape_.target_width;
  std::vector<Patch> patches = patches_of(source.blocks, height, width);
  if (std::ssize(patches) < least_patches && this->packed_size() <= few)
    patches = patches_of(source.blocks, height, width, patch_vectors / 2);
  const Index count = static_cast<Index>(patches.size());
  Index rows = 0;  // of the highest patch
  for (const Patch& patch : patches) rows = std::max(rows, (patch.rows.end - patch.rows.begin) * winograd_step);
  const Index most =
      std::max(least_task_channels, this->shape_.target_channels / std::max<Index>(1, wanted_tasks / count));
  const std::vector<Span> parts = even_parts(this->shape_.target_channels, most);
  return {
      count * static_cast<Index>(parts.size()),
      [=, this](Index task, std::byte* memory) {
        sum_patch(source, target, weights, patches[static_cast<std::size_t>(task % count)],
                  parts[static_cast<std::size_t>(task / count)], reinterpret_cast<T*>(memory), finish);
      },
      static_cast<std::size_t>(this->scratch() + this->scratch_for(target, this->most_grouped(), rows)) * sizeof(T)};
}

template bool takes_winograd<float>(Algorithm, const Convolution&, Index);
template bool takes_winograd<double>(Algorithm, const Convolution&, Index);
template class WinogradProducts<float>;
template class WinogradProducts<double>;
template class WinogradSum<float>;
template class WinogradSum<double>;

}  // namespace cnnbp
