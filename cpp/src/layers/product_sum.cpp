#include "layers/product_sum.hpp"

#include <algorithm>
#include <utility>

#include "layers/patches.hpp"

namespace cnnbp {
namespace {

/// A panel: columns of four lane vectors, as many as a patch of Winograd's has, and so many rows that it stays in the
/// second cache (128 KB) beside the weights that multiply it. Every panel loads and stores all sums: with half as many
/// rows, sums over 512 products and more took 1 to 4 percent longer with AVX-512.
template <class T>
constexpr Index panel_columns = patch_vectors * Blocks<T>::full_lanes;
constexpr Index panel_rows = 512;

/// The narrowest block has a quarter of the lanes.
constexpr Index most_pixels = 4 * patch_vectors;

/// With fewer source channels the gathering shows: pixels are then read where they lie. A strided forward pass, whose
/// taps read them again and again, gains from 32 on (a fifth, at 3×3 from 32 to 64), all others from 128 on; below that
/// they lost up to two fifths.
constexpr Index least_read_again = 32, least_read_once = 128;

/// With few rows the targets are split among tasks, at least so many to a task: each gathers all sources.
constexpr Index wanted_tasks = 16, least_task_tiles = 10;

constexpr Index nothing = -1;

/// Rows and columns whose taps read at their own place: then pixels are one long row, and strips go on from row to row.
bool reads_in_place(const std::vector<Taps>& taps) {
  for (std::size_t p = 0; p < taps.size(); ++p)
    if (taps[p].count != 1 || taps[p].source != static_cast<Index>(p)) return false;
  return true;
}

CorrelatorShape in_one_row(CorrelatorShape shape) {
  const Index pixels = shape.target_height * shape.target_width;
  const bool in_place = shape.source_height == shape.target_height && shape.source_width == shape.target_width &&
                        reads_in_place(shape.rows) && shape.columns.size() == 1 && shape.columns[0].advance == 1 &&
                        shape.columns[0].taps.count == 1 && shape.columns[0].taps.source == 0;
  if (!in_place || shape.kernel_height * shape.kernel_width > 1) return shape;
  shape.source_height = shape.target_height = 1;
  shape.source_width = shape.target_width = pixels;
  shape.rows.resize(1);
  shape.columns[0].count = pixels;
  return shape;
}

/// Whether pixels that begin at these places, of which some may be nothing, lie side by side.
bool are_neighbours(const Index* places, Index count, Index lanes) {
  for (Index p = 0; p < count; ++p)
    if (places[p] != places[0] + p * lanes) return false;
  return places[0] != nothing;
}

}  // namespace

template <class T>
bool takes_product(const Convolution& convolution, const SumShape& sum) {
  const auto& [rows, columns] = convolution.window;
  const bool strided = rows.stride * columns.stride > 1, pointwise = rows.kernel * columns.kernel == 1;
  const bool shrinks = sum.source_height * sum.source_width > sum.target_height * sum.target_width;
  const Index least = shrinks && !pointwise ? least_read_again : least_read_once;
  return (strided || pointwise) && sum.groups == 1 && sum.source_channels >= least;
}

template <class T>
struct ProductSum<T>::Strip {
  const Tensor<T>& source;
  const Tensor<T>& target;
  const typename ChannelSum<T>::Weights& weights;
  Index block;
  Span tiles;  // of target channels
  T* panel;    // [tap][source channel][pixel][lane]
  Index count = 0;
  Index pixels[most_pixels] = {};  // of the target, as far from each other

  Index lanes() const { return target.blocks.lanes(block); }
  Index step() const { return count > 1 ? pixels[1] - pixels[0] : 1; }
  bool takes(Index pixel) const {
    if (count * lanes() == panel_columns<T>) return false;
    return count < 2 || pixel - pixels[count - 1] == step();
  }
};

template <class T>
auto ProductSum<T>::phases_of(const std::vector<Taps>& taps, Index kernel) -> std::vector<AxisPhase> {
  std::vector<AxisPhase> phases{{.first = 0, .step = 1, .count = 0, .positions = {}}};  // where no tap meets data
  for (std::size_t p = 0; p < taps.size(); ++p) {
    const Index step = taps[p].step, first = taps[p].first % step;
    auto phase = phases.begin();
    if (taps[p].count > 0)
      phase = std::find_if(phase + 1, phases.end(), [=](const AxisPhase& other) { return other.first == first; });
    if (phase == phases.end())
      phase = phases.insert(
          phase, {.first = first, .step = step, .count = (kernel - first + step - 1) / step, .positions = {}});
    phase->positions.push_back(static_cast<Index>(p));
  }
  return phases;
}

template <class T>
ProductSum<T>::ProductSum(const CorrelatorShape& given)
    : shape_(in_one_row(given)),
      columns_(static_cast<std::size_t>(shape_.target_width)),
      tiles_(even_parts(shape_.target_channels, most_tile_channels)) {
  const CorrelatorShape& shape = shape_;
  for (const Run& run : shape.columns)
    for (Index i = 0; i < run.count; ++i) {
      Taps& taps = columns_[static_cast<std::size_t>(run.begin + i * run.step)];
      taps = run.taps;
      taps.source += i * run.advance;
    }
  for (const AxisPhase& rows : phases_of(shape.rows, shape.kernel_height))
    for (const AxisPhase& columns : phases_of(columns_, shape.kernel_width)) {
      const Index products = rows.count * columns.count * shape.source_channels;
      if (products == 0) {
        has_empty_pixels_ |= !rows.positions.empty() && !columns.positions.empty();
        continue;
      }
      classes_.push_back({rows, columns, packed_size_, products});
      packed_size_ += shape.target_channels * products;
    }
}

/// Weights lie by panels, so that one that is multiplied reads them in one stream: those of row `product` and the rows
/// of its panel after it, of one tile.
template <class T>
Index ProductSum<T>::place_of(const Class& of, const Span& tile, Index product) const {
  const Index panel = product / panel_rows * panel_rows, rows = std::min(panel_rows, of.products - panel);
  return of.weights + panel * shape_.target_channels + tile.begin * rows + (product - panel) * (tile.end - tile.begin);
}

template <class T>
void ProductSum<T>::pack_tile(const T* weight, T* packed, const Class& of, const Span& tile) const {
  Index product = 0;
  T* to = nullptr;
  for (Index i = 0; i < of.rows.count; ++i)
    for (Index j = 0; j < of.columns.count; ++j) {
      const Index tap =
          (of.rows.first + i * of.rows.step) * shape_.kernel_width + of.columns.first + j * of.columns.step;
      for (Index c = 0; c < shape_.source_channels; ++c, ++product) {
        if (product % panel_rows == 0) to = packed + place_of(of, tile, product);
        for (Index m = tile.begin; m < tile.end; ++m)
          *to++ = weight[m * shape_.weight_target_stride + c * shape_.weight_source_stride + tap];
      }
    }
}

template <class T>
Loop ProductSum<T>::packing(T* const& weight, T* packed) {
  return {static_cast<Index>(tiles_.size()), [this, &weight, packed](Index task, std::byte*) {
            for (const Class& of : classes_) pack_tile(weight, packed, of, tiles_[static_cast<std::size_t>(task)]);
          }};
}

/// Where in a source channel the pixels of a strip read with one tap; false if none of them meets data.
template <class T>
bool ProductSum<T>::find_sources(const Class& of, Index row_tap, Index column_tap, const Strip& strip,
                                 Index* sources) const {
  const auto place = [](const Taps& taps, const AxisPhase& phase, Index tap) {
    const Index i = tap - (taps.first - phase.first) / phase.step;
    return i >= 0 && i < taps.count ? taps.source + i * taps.source_step : nothing;
  };
  bool any = false;
  for (Index p = 0; p < strip.count; ++p) {
    const Index row = strip.pixels[p] / shape_.target_width, column = strip.pixels[p] % shape_.target_width;
    const Index ih = place(shape_.rows[static_cast<std::size_t>(row)], of.rows, row_tap);
    const Index iw = place(columns_[static_cast<std::size_t>(column)], of.columns, column_tap);
    sources[p] = ih == nothing || iw == nothing ? nothing : (ih * shape_.source_width + iw) * strip.lanes();
    any |= sources[p] != nothing;
  }
  return any;
}

/// Channels lie pages apart, where no hardware looks ahead.
template <class T>
void ProductSum<T>::ask_for_targets(const Strip& strip, Index tile) const {
  if (tile == strip.tiles.end) return;
  const Span& channels = this->tile(tile);
  this->kernel_->ask({.first = strip.target.channel(strip.block, channels.begin) + strip.pixels[0] * strip.lanes(),
                      .rows = channels.end - channels.begin,
                      .row_stride = strip.target.channel_stride(strip.block),
                      .elements = strip.step() * strip.count * strip.lanes()});
}

/// The weights [products.begin, products.end) of every target channel, times as many rows of sources. `first`
/// products start from the bias, others add to what the target holds.
template <class T>
void ProductSum<T>::multiply(const Class& of, const Strip& strip, const Rows& rows, Span products, bool first) const {
  constexpr Taps one{0, 1, 1, 0, 1};
  constexpr Index full = Blocks<T>::full_lanes;
  // Neighbours in narrow blocks are as good as the lanes of wide ones.
  const bool wide = strip.step() == 1 && strip.count * strip.lanes() % full == 0;
  const Run columns{0, strip.step(), wide ? strip.count * strip.lanes() / full : strip.count, one, 1};
  for (Index i = strip.tiles.begin; i < strip.tiles.end; ++i) {
    const Span& tile = this->tile(i);
    const Index width = tile.end - tile.begin;
    if (first) ask_for_targets(strip, i + 1);
    if (rows.next) {
      const Index count = products.end - products.begin, tiles = strip.tiles.end - strip.tiles.begin;
      const Index begin = (i - strip.tiles.begin) * count / tiles, end = (i + 1 - strip.tiles.begin) * count / tiles;
      this->kernel_->ask({.first = rows.next + begin * rows.stride,
                          .rows = end - begin,
                          .row_stride = rows.stride,
                          .elements = strip.count * strip.lanes()});
    }
    this->kernel_->correlate({.source = rows.first,
                              .target = strip.target.channel(strip.block, tile.begin) + strip.pixels[0] * strip.lanes(),
                              .weight = strip.weights.packed + place_of(of, tile, products.begin),
                              .bias = strip.weights.bias_from(tile.begin),
                              .accumulate = !first,
                              .source_channels = products.end - products.begin,
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
                              .tile = width,
                              .lanes = wide ? full : strip.lanes()});
  }
}

/// Pixels side by side, read once, are rows of a product where they lie; each tile asks for a share of the next
/// strip's.
template <class T>
void ProductSum<T>::multiply_in_place(const Class& of, const Strip& strip, Index source) const {
  const Index stride = strip.source.channel_stride(strip.block);
  for (Index begin = 0; begin < of.products; begin += panel_rows) {
    const T* const rows = strip.source.channel(strip.block, begin) + source;
    multiply(of, strip, {rows, stride, rows + strip.count * strip.lanes()},
             {begin, std::min(begin + panel_rows, of.products)}, begin == 0);
  }
}

template <class T>
void ProductSum<T>::sum_strip(const Class& of, const Strip& strip) const {
  const Index channels = shape_.source_channels;
  Span products{0, 0};  // that the panel holds
  bool first = true;
  const auto take = [&] {
    if (products.end > products.begin)
      multiply(of, strip, {strip.panel, panel_columns<T>}, products, std::exchange(first, false));
    products.begin = products.end;
  };
  ask_for_targets(strip, strip.tiles.begin);
  Index sources[most_pixels];
  for (Index tap = 0; tap < of.rows.count * of.columns.count; ++tap) {
    if (!find_sources(of, tap / of.columns.count, tap % of.columns.count, strip, sources)) {
      take();
      products.begin = products.end += channels;
      continue;
    }
    const bool neighbours = are_neighbours(sources, strip.count, strip.lanes());  // then they are as good as one pixel
    if (neighbours && of.products == channels && of.products <= panel_rows)
      return multiply_in_place(of, strip, sources[0]);
    for (Index c = 0, count; c < channels; c += count) {
      const Index held = products.end - products.begin;
      count = std::min(channels - c, panel_rows - products.end % panel_rows);
      this->kernel_->gather({.source = strip.source.channel(strip.block, c),
                             .pixels = sources,
                             .pixel_count = neighbours ? 1 : strip.count,
                             .panel = strip.panel + held * panel_columns<T>,
                             .channels = count,
                             .channel_stride = strip.source.channel_stride(strip.block),
                             .panel_stride = panel_columns<T>,
                             .lanes = neighbours ? strip.count * strip.lanes() : strip.lanes()});
      products.end += count;
      if (products.end % panel_rows == 0) take();
    }
  }
  take();
  if (first) multiply(of, strip, {strip.panel, panel_columns<T>}, {0, 0}, true);
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
std::vector<Pixels> ProductSum<T>::regions(Index blocks) const {
  const Index height = shape_.target_height, width = shape_.target_width;
  const Index pixel = shape_.target_channels * shape_.source_channels * shape_.kernel_height * shape_.kernel_width *
                      Blocks<T>::full_lanes;
  const bool one_row = height == 1;
  const Index unit = one_row ? most_pixels : width, units = one_row ? (width + unit - 1) / unit : height;
  std::vector<Pixels> regions;
  for (const Span& part : even_parts(units, this->units_of_task(pixel * unit, units, blocks)))
    regions.push_back(one_row ? Pixels{0, 0, {0, 1}, {part.begin * unit, std::min(part.end * unit, width)}}
                              : Pixels{0, 0, part, {0, width}});
  return regions;
}

template <class T>
Loop ProductSum<T>::sum(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const {
  const Index blocks = source.blocks.count(), tiles = static_cast<Index>(tiles_.size());
  const std::vector<Pixels> regions = this->regions(blocks);
  const Index count = static_cast<Index>(regions.size());
  const Index most = std::max(least_task_tiles, tiles / std::max<Index>(1, wanted_tasks / (count * blocks)));
  const std::vector<Span> parts = even_parts(tiles, most);
  return {blocks * count * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* scratch) {
            const Index place = task % (blocks * count);
            Pixels region = regions[static_cast<std::size_t>(place % count)];
            region.block = place / count;
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
          static_cast<std::size_t>(panel_rows * panel_columns<T>) * sizeof(T)};
}

template bool takes_product<float>(const Convolution&, const SumShape&);
template bool takes_product<double>(const Convolution&, const SumShape&);
template class ProductSum<float>;
template class ProductSum<double>;

}  // namespace cnnbp
