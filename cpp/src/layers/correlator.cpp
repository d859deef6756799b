#include "layers/correlator.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Target rows of a tile that are worked on together are still in the first caches when they are finished; with half as
/// many, calls for so few rows took up to a tenth of a first layer.
constexpr Index tile_bytes = 64 * 1024;

/// Whether each target pixel is made of the source pixel in its place alone.
bool is_pixel_by_pixel(const CorrelatorShape& shape) {
  const auto in_place = [](Index position, const Taps& taps) { return taps.count == 1 && taps.source == position; };
  for (Index row = 0; row < shape.target_height; ++row)
    if (!in_place(row, shape.rows[static_cast<std::size_t>(row)])) return false;
  const Run& run = shape.columns.front();
  return shape.source_height == shape.target_height && shape.source_width == shape.target_width &&
         run.count == shape.target_width && run.advance == 1 && in_place(0, run.taps);
}

}  // namespace

template <class T>
Correlator<T>::Correlator(CorrelatorShape shape)
    : shape_(std::move(shape)), pixel_by_pixel_(is_pixel_by_pixel(shape_)) {
  for (Index g = 0; g < shape_.groups; ++g)
    for (const Span part : even_parts(shape_.target_channels, most_tile_channels))
      tiles_.push_back({g, g * shape_.target_channels + part.begin, part.end - part.begin});
}

template <class T>
Index Correlator<T>::packed_size(Index) const {
  return shape_.groups * shape_.target_channels * shape_.source_channels * taps();
}

template <class T>
void Correlator<T>::pack_tile(const T* weight, T* packed, const Tile& tile) const {
  const Index count = taps(), channels = tile.channels, stride = shape_.weight_target_stride;
  T* to = packed + tile.begin * shape_.source_channels * count;
  const T* from =
      weight + tile.group * shape_.weight_group_stride + (tile.begin - tile.group * shape_.target_channels) * stride;
  for (Index source = 0; source < shape_.source_channels; ++source, from += shape_.weight_source_stride)
    if (count == 1 && stride == 1) {  // a linear layer's delta: weights are in order
      std::copy_n(from, channels, to);
      to += channels;
    } else {
      for (Index tap = 0; tap < count; ++tap)
        for (Index target = 0; target < channels; ++target) *to++ = from[target * stride + tap];
    }
}

template <class T>
Loop Correlator<T>::packing(T* const& weight, T* packed) {
  return {static_cast<Index>(tiles_.size()), [this, &weight, packed](Index task, std::byte*) {
            pack_tile(weight, packed, tiles_[static_cast<std::size_t>(task)]);
          }};
}

template <class T>
void Correlator<T>::run_rows(const Tensor<T>& source, const Planes& target, const Weights& weights, Index block,
                             const Tile& tile, Span rows) const {
  const Index lanes = source.blocks.lanes(block), width = shape_.target_width;
  const bool joined = pixel_by_pixel_ && lanes == 1;
  Run row = shape_.columns.front();
  row.count *= rows.end - rows.begin;
  const Index skipped = joined ? rows.begin * width : 0;
  this->kernel_->correlate({
      .source = source.channel(block, tile.group * shape_.source_channels) + skipped,
      .target = target.first + skipped,
      .weight = weights.packed + tile.begin * shape_.source_channels * taps(),
      .bias = weights.bias_from(tile.begin),
      .accumulate = false,
      .source_channels = shape_.source_channels,
      .kernel_height = shape_.kernel_height,
      .kernel_width = shape_.kernel_width,
      .source_channel_stride = source.channel_stride(block),
      .source_row_stride = shape_.source_width * lanes,
      .target_channel_stride = target.channel_stride,
      .target_row_stride = shape_.target_width * lanes,
      .rows = shape_.rows.data(),
      .row_begin = joined ? 0 : rows.begin,
      .row_end = joined ? 1 : rows.end,
      .columns = joined ? &row : shape_.columns.data(),
      .column_runs = joined ? 1 : static_cast<Index>(shape_.columns.size()),
      .tile = tile.channels,
      .lanes = lanes,
  });
}

/// Rows that are finished together, of a target that has memory or none.
template <class T>
Index Correlator<T>::rows_at_once(bool has_memory) const {
  const Index row = shape_.target_width * Blocks<T>::full_lanes * Index{sizeof(T)};
  const Index near = tile_bytes / (row * tiles_.back().channels);  // no tile has more
  const Index together = has_memory ? 1 : rows_together;           // somebody takes pixels that have no memory
  return std::clamp(near / together * together, together, shape_.target_height);
}

template <class T>
Index Correlator<T>::parts(const Blocks<T>& blocks) const {
  const Index rows = rows_at_once(true);
  return blocks.count() * ((shape_.target_height + rows - 1) / rows);
}

/// A unit of work is one tile of channels over as many rows as stay in the cache; a task is some units of one
/// block, tiles first, so that they read the same source rows.
template <class T>
Loop Correlator<T>::sum(const Source<T>& from, const Tensor<T>& target, const Weights& weights, Finish finish) const {
  const Tensor<T>& source = from.map;
  const Index row = shape_.target_width * Blocks<T>::full_lanes, channels = tiles_.back().channels;
  const Index rows = rows_at_once(target.data != nullptr);
  const Index row_groups = (shape_.target_height + rows - 1) / rows, tiles = static_cast<Index>(tiles_.size());
  const Index unit = rows * row * channels * shape_.source_channels * taps();
  const Index blocks = source.blocks.count(), units = row_groups * tiles;
  const Index units_per_task = this->units_of_task(unit, units, blocks);
  const Index tasks = (units + units_per_task - 1) / units_per_task;
  return {blocks * tasks,
          [=, this](Index task, std::byte* scratch) {
            const Index block = task / tasks, first = task % tasks * units_per_task;
            for (Index u = first; u < std::min(first + units_per_task, units); ++u) {
              const Tile& tile = tiles_[static_cast<std::size_t>(u % tiles)];
              const Index begin = u / tiles * rows;
              const Span span{begin, std::min(begin + rows, shape_.target_height)};
              const Planes planes = this->planes(target, block, tile.begin, span, reinterpret_cast<T*>(scratch));
              run_rows(source, planes, weights, block, tile, span);
              for (Index c = 0; c < tile.channels; ++c)
                finish({block, tile.begin + c, span, {0, shape_.target_width}, block * row_groups + u / tiles},
                       planes.first + c * planes.channel_stride);
            }
          },
          static_cast<std::size_t>(this->scratch_for(target, channels, rows)) * sizeof(T)};
}

template class Correlator<float>;
template class Correlator<double>;

}  // namespace cnnbp
