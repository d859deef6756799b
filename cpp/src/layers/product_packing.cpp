// What a product of gathered pixels runs over, and its weights in the order in which panels read them.
#include <algorithm>
#include <type_traits>

#include "layers/product_sum.hpp"

namespace cnnbp {
namespace {

/// With fewer source channels the gathering shows: pixels are then read where they lie. A strided forward pass, whose
/// taps read them again and again, gains from 32 on (a fifth, at 3×3 from 32 to 64), all others from 96 on (3 to 4
/// percent); with 64 they lost a tenth.
constexpr Index least_read_again = 32, least_read_once = 96;

/// Nothing is gathered of pixels that lie side by side and are read once. With 32 registers sums of 48 and 64 channels
/// take 3 to 35 percent less (64 to 256 on one thread as long), with 16, on a processor that has no more, up to 12.
constexpr Index least_in_place = 48;

/// Of more target channels than this, a panel is worth the time that gathering takes: 1×1 from 256 to 1024 channels
/// takes a tenth less with it, to 512 from 6 to 9 percent, to 256 as long.
constexpr Index most_targets_in_place = 256;

/// Tiles that are packed together where neighbouring targets' weights lie side by side, as those of a delta do: three
/// lines of each source, which are a page or so apart, are read once and not for every tile. So many sources at a time:
/// a set of the first cache holds eight lines a page apart.
constexpr Index tiles_together = 8, sources_together = 8;

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

}  // namespace

template <class T>
bool takes_product(const Convolution& convolution, const SumShape& sum) {
  const auto& [rows, columns] = convolution.window;
  const bool strided = rows.stride * columns.stride > 1, pointwise = rows.kernel * columns.kernel == 1;
  const bool shrinks = sum.source_height * sum.source_width > sum.target_height * sum.target_width;
  const Index least = shrinks && !pointwise ? least_read_again : strided ? least_read_once : least_in_place;
  return (strided || pointwise) && sum.groups == 1 && sum.source_channels >= least;
}

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
      const std::vector<Index>& places = columns.positions;
      const bool apart = places.size() > 1 && places[1] > places[0] + 1;
      const Index wide = apart ? std::clamp<Index>(panel_rows / products, 1, most_wide) : 1;
      const bool in_place = !apart && products == shape.source_channels && products <= panel_rows &&
                            shape.target_channels <= most_targets_in_place;
      classes_.push_back({rows, columns, packed_size_, products, wide * panel_columns, in_place});
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

/// A tile's weights of some sources. A whole tile has a number of targets that the compiler knows: half the time.
template <class T>
T* ProductSum<T>::pack_sources(const T* weight, Index sources, Index targets, T* to) const {
  const auto pack = [&](auto count) {
    for (Index c = 0; c < sources; ++c, weight += shape_.weight_source_stride)
      for (Index m = 0; m < count; ++m) *to++ = weight[m * shape_.weight_target_stride];
    return to;
  };
  if (targets == most_tile_channels) return pack(std::integral_constant<Index, most_tile_channels>{});
  return pack(targets);
}

template <class T>
void ProductSum<T>::pack_tiles(const T* weight, T* packed, const Class& of, const Span& tiles) const {
  Index product = 0;
  T* to[tiles_together];
  for (Index i = 0; i < of.rows.count; ++i)
    for (Index j = 0; j < of.columns.count; ++j) {
      const Index tap =
          (of.rows.first + i * of.rows.step) * shape_.kernel_width + of.columns.first + j * of.columns.step;
      for (Index c = 0, count; c < shape_.source_channels; c += count, product += count) {
        count = std::min({sources_together, shape_.source_channels - c, panel_rows - product % panel_rows});
        for (Index t = tiles.begin; t < tiles.end; ++t) {
          T*& next = to[t - tiles.begin];
          if (product % panel_rows == 0) next = packed + place_of(of, tile(t), product);
          const T* const from =
              weight + tile(t).begin * shape_.weight_target_stride + c * shape_.weight_source_stride + tap;
          next = pack_sources(from, count, tile(t).end - tile(t).begin, next);
        }
      }
    }
}

template <class T>
Loop ProductSum<T>::packing(T* const& weight, T* packed) {
  const bool together = shape_.weight_target_stride == 1;
  const std::vector<Span> groups = even_parts(std::ssize(tiles_), together ? tiles_together : 1);
  return {std::ssize(groups), [=, this, &weight](Index task, std::byte*) {
            for (const Class& of : classes_) pack_tiles(weight, packed, of, groups[static_cast<std::size_t>(task)]);
          }};
}

template bool takes_product<float>(const Convolution&, const SumShape&);
template bool takes_product<double>(const Convolution&, const SumShape&);
template ProductSum<float>::ProductSum(const CorrelatorShape&);
template ProductSum<double>::ProductSum(const CorrelatorShape&);
template Index ProductSum<float>::place_of(const Class&, const Span&, Index) const;
template Index ProductSum<double>::place_of(const Class&, const Span&, Index) const;
template Loop ProductSum<float>::packing(float* const&, float*);
template Loop ProductSum<double>::packing(double* const&, double*);

}  // namespace cnnbp
