#include "layers/winograd_gradient.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Channels on both sides of a task: each transforms its own, and its sums, 36 × 64 × 64, are 576 KB.
constexpr Index most_channels = 64;

/// Patches are summed in so many parts, if channels alone do not give as many tasks; each of at least one wide patch,
/// as the parts have to be added up.
constexpr Index wanted_tasks = 16, least_vectors = patch_vectors;

/// Patches of more bytes at the points, of both maps, are half as wide: they take as long (0.96 to 1.05 from 64
/// channels on), and ResNet-20's threads need 0.6 MB less each.
constexpr Index most_point_bytes = 1'000'000;

/// Vectors of 64 bytes that a product has for each pixel.
template <class T>
Index vectors_of(Index rows, Index columns) {
  return rows * (whole_vectors<T>(columns) / Blocks<T>::full_lanes);
}

}  // namespace

template <class T>
WinogradGradientSum<T>::WinogradGradientSum(const WinogradShape& forward)
    : shape_(forward),
      columns_are_outputs_(vectors_of<T>(shape_.source_channels, shape_.target_channels) <
                           vectors_of<T>(shape_.target_channels, shape_.source_channels)),
      rows_(columns_are_outputs_ ? shape_.source_channels : shape_.target_channels),
      columns_(columns_are_outputs_ ? shape_.target_channels : shape_.source_channels) {}

template <class T>
Index WinogradGradientSum<T>::vectors() const {
  const Index channels = shape_.phases() * std::min(most_channels, shape_.source_channels) +
                         std::min(most_channels, shape_.target_channels);
  const Index bytes = shape_.points() * channels * patch_vectors * Blocks<T>::full_lanes * Index{sizeof(T)};
  return bytes > most_point_bytes ? patch_vectors / 2 : patch_vectors;
}

template <class T>
auto WinogradGradientSum<T>::sums_of(Index rows, Index columns, T* memory) const -> Sums {
  const Index row = whole_halves<T>(columns);
  return {memory, row, rows * row};
}

template <class T>
auto WinogradGradientSum<T>::parts_of(Index patches) const -> std::vector<Part> {
  constexpr Index half = Blocks<T>::full_lanes / 2;
  const std::vector<Span> rows = even_parts(rows_, most_channels);
  const std::vector<Span> columns = even_parts(whole_halves<T>(columns_) / half, most_channels / half);
  const Index pairs = static_cast<Index>(rows.size() * columns.size());
  const Index numbers =
      std::clamp<Index>(wanted_tasks / pairs, 1, std::max<Index>(1, patches * vectors() / least_vectors));
  std::vector<Part> parts;
  for (Index n = 0; n < numbers; ++n)
    for (const Span& across : columns)
      for (const Span& down : rows)
        parts.push_back({{patches * n / numbers, patches * (n + 1) / numbers},
                         down,
                         {across.begin * half, std::min(across.end * half, columns_)},
                         n});
  return parts;
}

template <class T>
std::vector<Patch> WinogradGradientSum<T>::patches(const Blocks<T>& blocks) const {
  return patches_of(blocks, shape_.tiles_down, shape_.tiles_across, vectors());
}

template <class T>
Index WinogradGradientSum<T>::workspace(const Blocks<T>& blocks) const {
  const Index numbers = parts_of(static_cast<Index>(patches(blocks).size())).back().number + 1;
  return numbers == 1 ? 0 : numbers * weights();
}

/// One patch's product at every point: [row][pixel] · [pixel][column].
template <class T>
void WinogradGradientSum<T>::add_patch(const WinogradTiles<T>& rows, const WinogradTiles<T>& columns, const Sums& sums,
                                       bool first, T* transposed) const {
  const Index width = rows.point_channel_stride, across = whole_halves<T>(columns.channels);
  const Index pixels = rows.tile_rows * rows.tile_columns * rows.lanes;
  const auto transpose = [&](const T* points) {
    this->kernel_->transpose({.from = points,
                              .to = transposed,
                              .rows = across,
                              .columns = pixels,
                              .from_stride = width,
                              .to_stride = across});
  };
  for (Index p = 0; p < shape_.points(); ++p)
    for (Index phase = 0; phase < shape_.phases_at(p); ++phase) {
      if (phase == 0 || columns.point_phase_stride > 0)
        transpose(columns.points + p * columns.point_stride + phase * columns.point_phase_stride);
      this->kernel_->multiply({
          .a = rows.points + p * rows.point_stride + phase * rows.point_phase_stride,
          .b = transposed,
          .c = sums.first + (p * shape_.phases() + phase) * sums.point,
          .rows = rows.channels,
          .inner = pixels,
          .columns = across,
          .a_stride = width,
          .b_stride = across,
          .c_stride = sums.row,
          .accumulate = !first,
      });
    }
}

template <class T>
void WinogradGradientSum<T>::sum_part(const Tensor<T>& input, const Source<T>& delta, const std::vector<Patch>& patches,
                                      const Part& part, const Sums& sums, T* scratch) const {
  const auto tiles = [](const Tensor<T>& map, const Patch& patch, const WinogradSide& side, const Span& channels,
                        T* points) {
    WinogradTiles<T> all = tiles_of(map, patch, side);
    all.map += channels.begin * all.channel_stride;
    all.channels = channels.end - channels.begin;
    all.normalizing = all.normalizing.from(channels.begin);
    all.points = points;
    const Index stored = whole_halves<T>(all.channels);
    if (side.phases > 1) all.point_phase_stride = stored * all.point_channel_stride;
    all.point_stride = point_stride<T>(side.phases * stored, all.point_channel_stride);
    return all;
  };
  const Span& inputs = columns_are_outputs_ ? part.rows : part.columns;
  const Span& outputs = columns_are_outputs_ ? part.columns : part.rows;
  for (Index i = part.patches.begin; i < part.patches.end; ++i) {
    const Patch& patch = patches[static_cast<std::size_t>(i)];
    const WinogradTiles<T> x = tiles(input, patch, shape_.source, inputs, scratch);
    WinogradTiles<T> d = tiles(delta.map, patch, shape_.target, outputs, x.points + shape_.points() * x.point_stride);
    d.unpooling = unpooling_of(delta.unpooled, patch.block).from(outputs.begin);
    this->kernel_->winograd->input(x);
    this->kernel_->winograd->delta(d);
    add_patch(columns_are_outputs_ ? x : d, columns_are_outputs_ ? d : x, sums, i == part.patches.begin,
              d.points + shape_.points() * d.point_stride);
  }
}

/// The part's kernels, from the points to the field's [output][input][tap]. Where they are the `first`, whatever was
/// there is lost.
template <class T>
void WinogradGradientSum<T>::add_kernels(const Part& part, const Sums& sums, bool first, T* gradient) const {
  const Index next_output = shape_.source_channels * taps(), next_input = taps();
  const Index next_row = columns_are_outputs_ ? next_input : next_output;
  const Index next_column = columns_are_outputs_ ? next_output : next_input;
  for (Index row = part.rows.begin; row < part.rows.end; ++row) {
    T* const kernels = gradient + row * next_row + part.columns.begin * next_column;
    const Index count = part.columns.end - part.columns.begin;
    for (Index column = 0; first && column < count; ++column) std::fill_n(kernels + column * next_column, taps(), T(0));
    this->kernel_->winograd->gradient({.points = sums.first + (row - part.rows.begin) * sums.row,
                                       .gradient = kernels,
                                       .point_stride = shape_.phases() * sums.point,
                                       .point_phase_stride = sums.point,
                                       .channels = count,
                                       .channel_stride = next_column,
                                       .size = shape_.kernel_size()});
  }
}

/// A task brings its sums back as kernels, of which there are a quarter to a ninth as many numbers, while they are in
/// the second cache. Where several tasks share a gradient, each leaves its own, and these are added up in their order.
template <class T>
Schedule WinogradGradientSum<T>::sum(const Tensor<T>& input, const Source<T>& delta, T* gradient, T* workspace) {
  const std::vector<Patch> patches = this->patches(delta.map.blocks);
  const std::vector<Part> parts = parts_of(static_cast<Index>(patches.size()));
  const Index numbers = parts.back().number + 1, width = vectors() * Blocks<T>::full_lanes;
  const Index across = std::min(most_channels, whole_halves<T>(columns_));
  const Index down = std::min(most_channels, whole_halves<T>(rows_));
  const Index most_inputs = columns_are_outputs_ ? down : across, most_outputs = columns_are_outputs_ ? across : down;
  const Index points =
      shape_.points() * (point_stride<T>(shape_.phases() * most_inputs, width) + point_stride<T>(most_outputs, width)) +
      across * width;
  const Index at_points = whole_vectors<T>(size_of(sums_of(down, across, nullptr)));
  const bool shared = numbers > 1;
  const Loop sum{static_cast<Index>(parts.size()),
                 [=, this](Index task, std::byte* memory) {
                   const Part& part = parts[static_cast<std::size_t>(task)];
                   T* const scratch = reinterpret_cast<T*>(memory);
                   const Sums sums =
                       sums_of(part.rows.end - part.rows.begin, part.columns.end - part.columns.begin, scratch);
                   sum_part(input, delta, patches, part, sums, scratch + at_points);
                   add_kernels(part, sums, shared, shared ? workspace + part.number * weights() : gradient);
                 },
                 static_cast<std::size_t>(at_points + points) * sizeof(T)};
  if (!shared) return {{sum}};
  const Index outputs = shape_.target_channels, count = weights() / outputs;
  const Loop finish{outputs, [=, this](Index output, std::byte*) {
                      for (Index number = 0; number < numbers; ++number) {
                        const T* const kernels = workspace + number * weights();
                        for (Index i = output * count; i < (output + 1) * count; ++i) gradient[i] += kernels[i];
                      }
                    }};
  return {{sum}, {finish}};
}

template class WinogradGradientSum<float>;
template class WinogradGradientSum<double>;

}  // namespace cnnbp
