#include "layers/product_sum.hpp"

#include <algorithm>
#include <utility>

#include "layers/patches.hpp"

namespace cnnbp {
namespace {

/// A panel: columns of four lane vectors, as many as a patch of Winograd's has, and so many rows that it stays in the
/// second cache (64 KB) beside the weights that multiply it. Channels are mostly powers of two: fewer rows leave a
/// small last panel, which loads and stores all sums for few products.
template <class T>
constexpr Index panel_columns = patch_vectors * Blocks<T>::full_lanes;
constexpr Index panel_rows = 256;

/// The narrowest block has a quarter of the lanes.
constexpr Index most_pixels = 4 * patch_vectors;

/// With fewer source channels the gathering shows: pixels are then read where they lie. A strided forward pass, whose
/// taps read them again and again, gains from 32 on (a fifth, at 3×3 from 32 to 64), all others from 128 on; below that
/// they lost up to two fifths.
constexpr Index least_read_again = 32, least_read_once = 128;

/// With few rows the targets are split among tasks, at least so many to a task: each gathers all sources.
constexpr Index wanted_tasks = 16, least_task_tiles = 10;

constexpr Index nothing = -1;

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
ProductSum<T>::ProductSum(const CorrelatorShape& shape)
    : shape_(shape),
      columns_(static_cast<std::size_t>(shape.target_width)),
      tiles_(even_parts(shape.target_channels, most_tile_channels)) {
  for (const Run& run : shape.columns)
    for (Index i = 0; i < run.count; ++i) {
      Taps& taps = columns_[static_cast<std::size_t>(run.begin + i * run.step)];
      taps = run.taps;
      taps.source += i * run.advance;
    }
  for (const AxisPhase& rows : phases_of(shape.rows, shape.kernel_height))
    for (const AxisPhase& columns : phases_of(columns_, shape.kernel_width)) {
      const Index products = rows.count * columns.count * shape.source_channels;
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

/// The weights [products.begin, products.end) of every target channel, times the panel, which has as many rows. `first`
/// products start from the bias, others add to what the target holds.
template <class T>
void ProductSum<T>::multiply(const Class& of, const Strip& strip, Span products, bool first) const {
  constexpr Taps one{0, 1, 1, 0, 1};
  constexpr Index full = Blocks<T>::full_lanes;
  // Neighbours in narrow blocks are as good as the lanes of wide ones.
  const bool wide = strip.step() == 1 && strip.count * strip.lanes() % full == 0;
  const Run columns{0, strip.step(), wide ? strip.count * strip.lanes() / full : strip.count, one, 1};
  for (Index i = strip.tiles.begin; i < strip.tiles.end; ++i) {
    const Span& tile = this->tile(i);
    const Index width = tile.end - tile.begin;
    this->kernel_->correlate({.source = strip.panel,
                              .target = strip.target.channel(strip.block, tile.begin) + strip.pixels[0] * strip.lanes(),
                              .weight = strip.weights.packed + place_of(of, tile, products.begin),
                              .bias = strip.weights.bias_from(tile.begin),
                              .accumulate = !first,
                              .source_channels = products.end - products.begin,
                              .kernel_height = 1,
                              .kernel_width = 1,
                              .source_channel_stride = panel_columns<T>,
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

template <class T>
void ProductSum<T>::sum_strip(const Class& of, const Strip& strip) const {
  const Index channels = shape_.source_channels;
  Span products{0, 0};  // that the panel holds
  bool first = true;
  const auto take = [&] {
    if (products.end > products.begin) multiply(of, strip, products, std::exchange(first, false));
    products.begin = products.end;
  };
  Index sources[most_pixels];
  for (Index tap = 0; tap < of.rows.count * of.columns.count; ++tap) {
    if (!find_sources(of, tap / of.columns.count, tap % of.columns.count, strip, sources)) {
      take();
      products.begin = products.end += channels;
      continue;
    }
    const bool neighbours = are_neighbours(sources, strip.count, strip.lanes());  // then they are as good as one pixel
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
  if (first) multiply(of, strip, {0, 0}, true);
}

template <class T>
void ProductSum<T>::sum_rows(const Class& of, const Strip& all, Span rows) const {
  Strip strip = all;
  for (const Index row : of.rows.positions) {
    if (row < rows.begin || row >= rows.end) continue;
    for (const Index column : of.columns.positions) {
      const Index pixel = row * shape_.target_width + column;
      if (!strip.takes(pixel)) {
        sum_strip(of, strip);
        strip.count = 0;
      }
      strip.pixels[strip.count++] = pixel;
    }
  }
  if (strip.count > 0) sum_strip(of, strip);
}

template <class T>
Loop ProductSum<T>::sum(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const {
  const Index blocks = source.blocks.count(), height = shape_.target_height;
  const Index row = shape_.target_width * shape_.target_channels * shape_.source_channels * shape_.kernel_height *
                    shape_.kernel_width * Blocks<T>::full_lanes;
  const Index rows = this->units_of_task(row, height, blocks);
  const std::vector<Span> spans = even_parts(height, rows);
  const Index count = static_cast<Index>(spans.size());
  const Index tiles = static_cast<Index>(tiles_.size());
  const Index most = std::max(least_task_tiles, tiles / std::max<Index>(1, wanted_tasks / (count * blocks)));
  const std::vector<Span> parts = even_parts(tiles, most);
  return {blocks * count * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* scratch) {
            const Index place = task % (blocks * count), block = place / count;
            const Span span = spans[static_cast<std::size_t>(place % count)];
            const Span part = parts[static_cast<std::size_t>(task / (blocks * count))];
            const Strip strip{.source = source,
                              .target = target,
                              .weights = weights,
                              .block = block,
                              .tiles = part,
                              .panel = reinterpret_cast<T*>(scratch)};
            for (const Class& of : classes_) sum_rows(of, strip, span);
            for (Index m = tile(part.begin).begin; m < tile(part.end - 1).end; ++m)
              finish({block, m, span, {0, shape_.target_width}}, target.channel(block, m));
          },
          static_cast<std::size_t>(panel_rows * panel_columns<T>) * sizeof(T)};
}

template bool takes_product<float>(const Convolution&, const SumShape&);
template bool takes_product<double>(const Convolution&, const SumShape&);
template class ProductSum<float>;
template class ProductSum<double>;

}  // namespace cnnbp
