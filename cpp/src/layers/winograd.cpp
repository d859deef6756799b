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

/// Of more points of a source's pixel than this, in all channels, a patch of four vectors would not fit the second
/// cache (1.2 MB). Half as wide it does, which gains more than weights that are read twice as often cost: 5 percent of
/// 256 channels of 14×14, 8 of 128 channels with a stride.
constexpr Index most_source_points = 5000;

/// Outputs of an axis times the taps that meet data there.
Index products(const Axis& axis) {
  Index count = 0;
  for (const Span& span : tap_spans(axis)) count += span.end - span.begin;
  return count;
}

/// Channels on either side, pairs of them, and how many times fewer products there have to be: with less of any of them
/// the transforms take longer than they save.
struct Enough {
  Index kernel, stride, channels, pairs;
  double saved;
};

/// A 5×5 kernel has twice as many products to save as a 3×3 one. With 8 channels 3×3 kernels gain a tenth to a half
/// from 12 to 32 others, if tiles are nearly full, and nothing from 8. With a stride of 2 they have 1.8 times as many
/// products at most, and 7×7 kernels 4.6 times.
constexpr Enough enough[] = {
    {.kernel = 3, .stride = 1, .channels = 16, .pairs = 0, .saved = 2},
    {.kernel = 3, .stride = 1, .channels = 8, .pairs = 96, .saved = 3.6},
    {.kernel = 5, .stride = 1, .channels = 6, .pairs = 0, .saved = 2},
    {.kernel = 3, .stride = 2, .channels = 16, .pairs = 512, .saved = 1.5},
    {.kernel = 7, .stride = 2, .channels = 3, .pairs = 96, .saved = 1.5},
};

/// Where the first tile of an input's delta starts: with a stride of 2 at an odd i + pad, which is the first of two
/// pixels that meet outputs from the same one on.
Index first_input(const Axis& axis) { return axis.pad % axis.stride + 1 - axis.stride; }

/// Input pixel i meets outputs from ⌈(i + pad − kernel + 1) / stride⌉ on.
Index first_output(const Axis& axis) {
  return (first_input(axis) + axis.pad - axis.kernel + axis.stride) / axis.stride;
}

WinogradSide input_side(const Window& window) {
  const auto& [kernel, stride] = std::pair(window.rows.kernel, window.rows.stride);
  return {.size = input_points(kernel, stride), .phases = stride * stride, .step = stride * winograd_outputs};
}

WinogradSide output_side(const Window& window) {
  return {.size = output_points(window.rows.kernel, window.rows.stride), .phases = 1, .step = winograd_outputs};
}

Index input_tiles_along(const Axis& axis) {
  return tiles_along(axis.input - first_input(axis), axis.stride * winograd_outputs);
}

/// Columns of the product at a point.
template <class T>
Index columns_of(const WinogradTiles<T>& tiles) {
  return whole_halves<T>(tiles.tile_rows * tiles.tile_columns * tiles.point_lanes);
}

}  // namespace

WinogradShape WinogradShape::forward(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  WinogradSide input = input_side(convolution.window), output = output_side(convolution.window);
  input.first_row = -rows.pad;
  input.first_column = -columns.pad;
  return {convolution.forward_sum(), tiles_along(rows.output), tiles_along(columns.output), input, output, false};
}

WinogradShape WinogradShape::delta(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  WinogradSide input = input_side(convolution.window), output = output_side(convolution.window);
  input.first_row = first_input(rows);
  input.first_column = first_input(columns);
  output.first_row = first_output(rows);
  output.first_column = first_output(columns);
  return {convolution.delta_sum(), input_tiles_along(rows), input_tiles_along(columns), output, input, true};
}

WinogradShape WinogradShape::transposed_delta(const Convolution& convolution) {
  WinogradShape shape = forward(convolution);
  static_cast<SumShape&>(shape) = convolution.delta_sum();
  std::swap(shape.source, shape.target);
  return shape;
}

Index output_tiles(const Window& window) {
  return tiles_along(window.rows.output) * tiles_along(window.columns.output);
}

Index input_tiles(const Window& window) { return input_tiles_along(window.rows) * input_tiles_along(window.columns); }

template <class T>
bool takes_winograd(Algorithm algorithm, const Convolution& convolution, Index tiles) {
  const Window& window = convolution.window;
  if (algorithm == Algorithm::direct || !fits_winograd(window, convolution.groups)) return false;
  if (algorithm == Algorithm::winograd) return true;
  if (sizeof(T) > sizeof(float)) return false;
  const Index kernel = window.rows.kernel, stride = window.rows.stride;
  const Index in = convolution.in_channels, out = convolution.out_channels;
  const double saved =
      double(products(window.rows) * products(window.columns)) / double(squared(input_points(kernel, stride)) * tiles);
  return std::any_of(std::begin(enough), std::end(enough), [=](const Enough& least) {
    return least.kernel == kernel && least.stride == stride && std::min(in, out) >= least.channels &&
           in * out >= least.pairs && saved >= least.saved;
  });
}

template <class T>
WinogradProducts<T>::WinogradProducts(WinogradShape shape)
    : shape_(std::move(shape)),
      target_stride_(shape_.source_channels * shape_.source.phases),
      phase_stride_(shape_.source.phases > 1 ? shape_.source_channels : shape_.target_channels * target_stride_),
      point_stride_(point_stride<T>(shape_.target_channels * shape_.target.phases, target_stride_)) {}

/// The kernel that does it knows whether tiles start at odd pixels or at even ones.
template <class T>
bool WinogradProducts<T>::reads_unpooled() const {
  const WinogradSide& side = shape_.source;
  if (shape_.phases() > 1 || side.size != shape_.target.size) return false;
  const bool odd = shape_.flipped && side.size == output_points(3, 1);
  return side.first_row % 2 == (odd ? -1 : 0) && side.first_column % 2 == (odd ? -1 : 0);
}

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
                .size = shape_.kernel_size(),
                .flipped = shape_.flipped,
                .weight_target_stride = shape_.weight_target_stride,
                .weight_source_stride = shape_.weight_source_stride,
                .point_stride = point_stride_,
                .point_phase_stride = phase_stride_,
                .point_target_stride = target_stride_,
                .turned = turns ? reinterpret_cast<T*>(scratch) : nullptr,
            });
          },
          static_cast<std::size_t>(turned) * sizeof(T)};
}

/// Phases of the source are more numbers to sum over, those of the target are products of their own.
template <class T>
void WinogradProducts<T>::multiply_points(const WinogradTiles<T>& source, const WinogradTiles<T>& target, Index first,
                                          const T* packed) const {
  for (Index p = 0; p < shape_.points(); ++p) {
    const Index phases = shape_.phases_at(p), products = shape_.target.phases > 1 ? phases : 1;
    for (Index phase = 0; phase < products; ++phase)
      this->kernel_->multiply({
          .a = packed + p * point_stride_ + phase * phase_stride_ + first * target_stride_,
          .b = source.points + p * source.point_stride,
          .c = target.points + p * target.point_stride + phase * target.point_phase_stride,
          .rows = target.channels,
          .inner = source.channels * (phases / products),
          .columns = columns_of(source),
          .a_stride = target_stride_,
          .b_stride = source.point_channel_stride,
          .c_stride = target.point_channel_stride,
          .accumulate = false,
          .b_strip_stride = source.point_strip_stride,
          .c_strip_stride = target.point_strip_stride,
      });
  }
}

template <class T>
Index WinogradProducts<T>::most_grouped() const {
  return std::min(grouped_points / squared(shape_.target.size), shape_.target_channels);
}

template <class T>
Index WinogradProducts<T>::scratch(Index vectors) const {
  const Index width = vectors * Blocks<T>::full_lanes;
  return shape_.points() * (point_stride<T>(shape_.source_channels * shape_.source.phases, width) +
                            point_stride<T>(most_grouped() * shape_.target.phases, width));
}

template <class T>
void WinogradProducts<T>::lay_in_strips(WinogradTiles<T>& tiles, Index phases) {
  tiles.point_channel_stride = std::min(strip_width<T>, columns_of(tiles));
  tiles.point_phase_stride = tiles.channels * tiles.point_channel_stride;
  tiles.point_strip_stride = phases * tiles.channels * strip_width<T>;
  tiles.point_stride = point_stride<T>(phases * tiles.channels, whole_vectors<T>(columns_of(tiles)));
}

/// Of a single image one lane goes to the points: its product has a quarter of the columns.
template <class T>
WinogradTiles<T> WinogradProducts<T>::source_tiles(const Source<T>& source, const Patch& patch, T* points) const {
  WinogradTiles<T> tiles = tiles_of(source, patch, shape_.source);
  if (source.map.blocks.samples_in(patch.block) == 1 && !source.unpooled.delta.data) tiles.point_lanes = 1;
  tiles.points = points;
  lay_in_strips(tiles, shape_.source.phases);
  return tiles;
}

template <class T>
WinogradTiles<T> WinogradProducts<T>::target_tiles(const Tensor<T>& target, const Patch& patch,
                                                   const WinogradTiles<T>& source) const {
  WinogradTiles<T> tiles = tiles_of<T>({target}, patch, shape_.target);
  tiles.point_lanes = source.point_lanes;
  return tiles;
}

/// The targets of a patch.
template <class T>
Pixels WinogradSum<T>::pixels_of(const Patch& patch) const {
  const WinogradSide& side = this->shape_.target;
  const auto pixels = [&](Span tiles, Index first, Index size) {
    return Span{std::max<Index>(first + tiles.begin * side.step, 0), std::min(first + tiles.end * side.step, size)};
  };
  return {patch.block, 0, pixels(patch.rows, side.first_row, this->shape_.target_height),
          pixels(patch.columns, side.first_column, this->shape_.target_width)};
}

template <class T>
void WinogradSum<T>::sum_patch(const Source<T>& source, const Tensor<T>& target, const Weights& weights,
                               const Patch& patch, Span channels, const Memory& memory, const Finish& finish) const {
  const WinogradTiles<T> from = this->source_tiles(source, patch, memory.points);
  this->kernel_->winograd_input(from);
  Pixels pixels = pixels_of(patch);
  this->multiply(from, this->target_tiles(target, patch, from), channels, weights.packed,
                 [&](WinogradTiles<T> to, Span group) {
                   const Planes planes = this->planes(target, patch.block, group.begin, pixels.rows, memory.rows);
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
Loop WinogradSum<T>::sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights,
                         Finish finish) const {
  const Index down = this->shape_.tiles_down, across = this->shape_.tiles_across;
  Index vectors = patch_vectors;
  std::vector<Patch> patches = patches_of(source.map.blocks, down, across, vectors);
  if (squared(this->shape_.source.size) * this->shape_.source_channels > most_source_points ||
      (std::ssize(patches) < least_patches && this->packed_size() <= few)) {
    vectors /= 2;
    patches = patches_of(source.map.blocks, down, across, vectors);
  }
  const Index points = this->scratch(vectors), count = static_cast<Index>(patches.size());
  Index rows = 0;  // of the highest patch
  for (const Patch& patch : patches)
    rows = std::max(rows, (patch.rows.end - patch.rows.begin) * this->shape_.target.step);
  const Index most =
      std::max(least_task_channels, this->shape_.target_channels / std::max<Index>(1, wanted_tasks / count));
  const std::vector<Span> parts = even_parts(this->shape_.target_channels, most);
  return {count * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* memory) {
            sum_patch(source, target, weights, patches[static_cast<std::size_t>(task % count)],
                      parts[static_cast<std::size_t>(task / count)],
                      {reinterpret_cast<T*>(memory), reinterpret_cast<T*>(memory) + points}, finish);
          },
          static_cast<std::size_t>(points + this->scratch_for(target, this->most_grouped(), rows)) * sizeof(T)};
}

template bool takes_winograd<float>(Algorithm, const Convolution&, Index);
template bool takes_winograd<double>(Algorithm, const Convolution&, Index);
template class WinogradProducts<float>;
template class WinogradProducts<double>;
template class WinogradSum<float>;
template class WinogradSum<double>;

}  // namespace cnnbp
