#include "layers/product_sum.hpp"

#include <algorithm>
#include <utility>

namespace cnnbp {
namespace {

/// With few rows the targets are split among tasks, at least so many to a task: each gathers all sources.
constexpr Index wanted_tasks = 16, wanted_single_tasks = 8, least_task_tiles = 10;

/// A task of a long row goes through more strips than its work asks for, as each strip's sources are asked for by the
/// one before: from 64 to 256 channels of 56×56 a twentieth.
constexpr Index most_units = 4;

}  // namespace

/// What a tile writes, to be asked for; nothing after the last one.
template <class T>
Asking<T> ProductSum<T>::targets_of(const Strip& strip, Index tile) const {
  if (tile == strip.tiles.end) return {};
  const Span& channels = this->tile(tile);
  return {.first = strip.target.channel(strip.block, channels.begin) + strip.pixels[0] * strip.lanes(),
          .rows = channels.end - channels.begin,
          .row_stride = strip.target.channel_stride(strip.block),
          .elements = strip.step() * strip.count * strip.lanes()};
}

/// The share of the next strip's rows that a tile asks for, if they are to be asked for.
template <class T>
Asking<T> ProductSum<T>::next_sources(const Strip& strip, const Rows& rows, Index count, Index tile) const {
  if (!rows.next) return {};
  const Index i = tile - strip.tiles.begin, tiles = strip.tiles.end - strip.tiles.begin;
  const Span share{i * count / tiles, (i + 1) * count / tiles};
  return {.first = rows.next + share.begin * rows.stride,
          .rows = share.end - share.begin,
          .row_stride = rows.stride,
          .elements = strip.count * strip.lanes()};
}

/// The weights [products.begin, products.end) of every target channel, times as many rows of sources. `first`
/// products start from the bias, others add to what the target holds.
template <class T>
void ProductSum<T>::multiply(const Class& of, const Strip& strip, const Rows& rows, Span products, bool first) const {
  constexpr Taps one{0, 1, 1, 0, 1};
  const Run columns{0, strip.step(), strip.count, one, 1};
  const Index count = products.end - products.begin;
  for (Index i = strip.tiles.begin; i < strip.tiles.end; ++i) {
    const Span& tile = this->tile(i);
    T* const target = strip.target.channel(strip.block, tile.begin) + strip.pixels[0] * strip.lanes();
    const T* const weight = strip.weights.packed + place_of(of, tile, products.begin);
    const Asking<T> ahead = first ? targets_of(strip, i + 1) : Asking<T>{};
    if (strip.step() == 1) {
      this->kernel_->multiply_pixels({.weight = weight,
                                      .source = rows.first,
                                      .target = target,
                                      .bias = strip.weights.bias_from(tile.begin),
                                      .accumulate = !first,
                                      .tile = tile.end - tile.begin,
                                      .source_channels = count,
                                      .elements = strip.count * strip.lanes(),
                                      .source_stride = rows.stride,
                                      .target_stride = strip.target.channel_stride(strip.block),
                                      .targets_ahead = ahead,
                                      .sources_ahead = next_sources(strip, rows, count, i)});
    } else {
      this->kernel_->ask(ahead);
      this->kernel_->correlate({.source = rows.first,
                                .target = target,
                                .weight = weight,
                                .bias = strip.weights.bias_from(tile.begin),
                                .accumulate = !first,
                                .source_channels = count,
                                .kernel_height = 1,
                                .kernel_width = 1,
                                .source_channel_stride = rows.stride,
                                .source_row_stride = 0,
                                .target_channel_stride = strip.target.channel_stride(strip.block),
                                .target_row_stride = 0,
                                .rows = &one,
                                .row_begin = 0,
                                .row_end = 1,
                                .columns = &columns,
                                .column_runs = 1,
                                .tile = tile.end - tile.begin,
                                .lanes = strip.lanes()});
    }
  }
}

/// Pixels side by side, read once, are rows of a product where they lie; each tile asks for a share of the next
/// strip's.
template <class T>
void ProductSum<T>::multiply_in_place(const Class& of, const Strip& strip, Index source) const {
  const T* const rows = strip.source.channel(strip.block, 0) + source;
  multiply(of, strip, {rows, strip.source.channel_stride(strip.block), rows + strip.count * strip.lanes()},
           {0, of.products}, true);
}

/// Every pixel of a class has a tap that meets data, so its target is written.
template <class T>
void ProductSum<T>::sum_strip(const Class& of, const Strip& strip) const {
  const Index channels = shape_.source_channels;
  Span products{0, 0};  // that the panel holds
  bool first = true;
  const auto take = [&] {
    if (products.end > products.begin)
      multiply(of, strip, {strip.panel, strip.columns}, products, std::exchange(first, false));
    products.begin = products.end;
  };
  this->kernel_->ask(targets_of(strip, strip.tiles.begin));
  Index sources[most_pixels];
  for (Index tap = 0; tap < of.rows.count * of.columns.count; ++tap) {
    if (!find_sources(of, tap / of.columns.count, tap % of.columns.count, strip, sources)) {
      take();
      products.begin = products.end += channels;
      continue;
    }
    if (of.in_place && are_neighbours(sources, strip.count, strip.lanes()))
      return multiply_in_place(of, strip, sources[0]);
    for (Index c = 0, count; c < channels; c += count) {
      count = std::min(channels - c, panel_rows - products.end % panel_rows);
      gather(strip, {c, c + count}, sources, strip.panel + (products.end - products.begin) * strip.columns);
      products.end += count;
      if (products.end % panel_rows == 0) take();
    }
  }
  take();
}

template <class T>
void ProductSum<T>::sum_pixels(const Class& of, const Strip& all, const Pixels& region) const {
  const auto inside = [](const std::vector<Index>& positions, const Span& span) {
    return std::pair(std::lower_bound(positions.begin(), positions.end(), span.begin),
                     std::lower_bound(positions.begin(), positions.end(), span.end));
  };
  const auto [first_row, last_row] = inside(of.rows.positions, region.rows);
  const auto [first_column, last_column] = inside(of.columns.positions, region.columns);
  Strip strip = all;
  strip.columns = std::min(of.panel_columns, most_pixels * strip.lanes());
  for (auto row = first_row; row != last_row; ++row)
    for (auto column = first_column; column != last_column; ++column) {
      const Index pixel = *row * shape_.target_width + *column;
      if (!strip.takes(pixel)) {
        sum_strip(of, strip);
        strip.count = 0;
      }
      strip.pixels[strip.count++] = pixel;
    }
  if (strip.count > 0) sum_strip(of, strip);
}

/// Pixels that no tap serves, among others that are written later.
template <class T>
void ProductSum<T>::write_bias(const Strip& strip, const Pixels& region) const {
  const Index lanes = strip.lanes(), row = shape_.target_width * lanes;
  for (Index m = tile(strip.tiles.begin).begin; m < tile(strip.tiles.end - 1).end; ++m) {
    const T* const bias = strip.weights.bias_from(m);
    for (Index r = region.rows.begin; r < region.rows.end; ++r)
      std::fill_n(strip.target.channel(strip.block, m) + r * row + region.columns.begin * lanes,
                  (region.columns.end - region.columns.begin) * lanes, bias ? *bias : T(0));
  }
}

/// Whole rows, or of one row pixels that make whole strips.
template <class T>
std::vector<Pixels> ProductSum<T>::regions(const Blocks<T>& all) const {
  const Index blocks = all.count();
  const Index height = shape_.target_height, width = shape_.target_width;
  const Index pixel = shape_.target_channels * shape_.source_channels * shape_.kernel_height * shape_.kernel_width *
                      Blocks<T>::full_lanes;
  const bool one_row = height == 1;
  const Index unit = one_row ? (all.samples() == 1 ? most_pixels : panel_pixels) : width,
              units = one_row ? (width + unit - 1) / unit : height;
  std::vector<Pixels> regions;
  const Index more = one_row ? std::min(most_units, units * blocks / wanted_tasks) : 1;
  for (const Span& part : even_parts(units, std::max(more, this->units_of_task(pixel * unit, units, blocks))))
    regions.push_back(one_row ? Pixels{0, 0, {0, 1}, {part.begin * unit, std::min(part.end * unit, width)}}
                              : Pixels{0, 0, part, {0, width}});
  return regions;
}

template <class T>
Loop ProductSum<T>::sum(const Source<T>& from, const Tensor<T>& target, const Weights& weights, Finish finish) const {
  const Tensor<T>& source = from.map;
  const Index blocks = source.blocks.count(), tiles = static_cast<Index>(tiles_.size());
  const std::vector<Pixels> regions = this->regions(source.blocks);
  const Index count = static_cast<Index>(regions.size());
  const Index wanted = source.blocks.samples() == 1 ? wanted_single_tasks : wanted_tasks;
  const Index most = std::max(least_task_tiles, tiles / std::max<Index>(1, wanted / (count * blocks)));
  const std::vector<Span> parts = even_parts(tiles, most);
  return {blocks * count * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* scratch) {
            const Index place = task % (blocks * count);
            Pixels region = regions[static_cast<std::size_t>(place % count)];
            region.block = place / count;
            region.part = place;
            const Strip strip{.source = source,
                              .target = target,
                              .weights = weights,
                              .block = region.block,
                              .tiles = parts[static_cast<std::size_t>(task / (blocks * count))],
                              .panel = reinterpret_cast<T*>(scratch)};
            if (has_empty_pixels_) write_bias(strip, region);
            for (const Class& of : classes_) sum_pixels(of, strip, region);
            for (region.channel = tile(strip.tiles.begin).begin; region.channel < tile(strip.tiles.end - 1).end;
                 ++region.channel)
              finish(region, target.channel(region.block, region.channel));
          },
          static_cast<std::size_t>(panel_rows * panel_columns) * sizeof(T)};
}

template class ProductSum<float>;
template class ProductSum<double>;

}  // namespace cnnbp
