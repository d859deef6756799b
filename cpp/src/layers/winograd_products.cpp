#include "layers/winograd_products.hpp"

namespace cnnbp {
namespace {

/// Points of target channels that are kept at once, of four vectors each: 216 KB stay in the second cache.
constexpr Index grouped_points = 24 * 36;

/// Weights of a delta are turned first where so many source channels lie apart: with 512 of 7×7 a delta of 8 samples
/// took 1.4 times as long otherwise; with fewer, what is fetched for one target is still in the second cache for the
/// next.
constexpr Index least_turned = 256;

/// Kernels at the points of so many bytes, which no second cache holds, are not packed for a product of so few columns,
/// two patches or four full ones, but brought to the points as they are multiplied. Packed, they are written to memory,
/// fetched before that, and read for each patch: 38 MB of 512 × 512 kernels. One patch takes 0.6 to 0.8 of the time,
/// two take 0.93; four take 1.03, which a step of VGG-small does not show, but it needs 7 MB less.
constexpr Index least_late = Index{1} << 21;
constexpr Index most_late_columns(Index samples, Index full_lanes) { return samples < full_lanes ? 128 : 256; }

/// Of more points of a source's pixel than this, in all channels, those of a patch of four vectors would not fit the
/// second cache (1.2 MB). Then fewer sources are taken to the points together, 128 or, of 5×5 kernels, 64: 256 channels
/// of 14×14 take a tenth less than with half as wide patches. (VGG-small's predictions of few images take 2 percent
/// more with 64.) Kernels that are not packed leave room for 64.
constexpr Index most_source_points = 5000, late_sources = 64;

/// Places for columns of the product at a point.
template <class T>
Index columns_of(const WinogradTiles<T>& tiles) {
  return whole_halves<T>(tiles.tile_rows * tiles.tile_columns * tiles.lanes);
}

/// Columns of it; few, of one lane to four, are no vectors.
template <class T>
Index product_columns(const WinogradTiles<T>& tiles) {
  const Index columns = tiles.tile_rows * tiles.tile_columns * tiles.lanes;
  return columns <= few_columns ? columns : columns_of(tiles);
}

/// Points as the product reads them best: in strips of all channels, or, if there is less than one, close together.
template <class T>
void lay_in_strips(WinogradTiles<T>& tiles, Index phases) {
  tiles.point_channel_stride = std::min(strip_width<T>, columns_of(tiles));
  tiles.point_phase_stride = tiles.channels * tiles.point_channel_stride;
  tiles.point_strip_stride = phases * tiles.channels * strip_width<T>;
  tiles.point_stride = point_stride<T>(phases * tiles.channels, whole_vectors<T>(columns_of(tiles)));
}

}  // namespace

template <class T>
auto WinogradProducts<T>::order_of(Index targets, Index sources) const -> Order {
  const Index row = sources * shape_.source.phases;
  return {.point_stride = point_stride<T>(targets * shape_.target.phases, row),
          .phase_stride = shape_.source.phases > 1 ? sources : targets * row,
          .target_stride = row};
}

template <class T>
bool WinogradProducts<T>::has_many_points() const {
  return squared(shape_.source.size) * shape_.source_channels > most_source_points;
}

template <class T>
Index WinogradProducts<T>::most_together(bool packed) const {
  if (!has_many_points() || shape_.phases() > 1) return shape_.source_channels;
  return packed ? most_source_points / squared(shape_.source.size) / late_sources * late_sources : late_sources;
}

template <class T>
auto WinogradProducts<T>::kernels(const Work& work, Index part, Span group, const Memory& memory) const -> Kernels {
  const Span sources = sources_of(part, work.weights.packed != nullptr);
  const Index count = sources.end - sources.begin;
  if (work.weights.packed) {
    const Order order = order_of(shape_.target_channels, count);
    return {work.weights.packed + packed_before(part) + group.begin * order.target_stride, order};
  }
  const Order order = order_of(group.end - group.begin, count);
  bring_to_points(*work.weights.weight, group, sources, order, memory.kernels, memory.turned);
  return {memory.kernels, order};
}

template <class T>
Index WinogradProducts<T>::packed_size(Index samples) const {
  const Index size = packed_before(source_parts(true));
  constexpr Index full = Blocks<T>::full_lanes;
  const Index most = most_late_columns(samples, full), lanes = Blocks<T>(std::min(samples, most + 1)).all_lanes();
  const bool late = size * Index{sizeof(T)} >= least_late && shape_.phases() == 1 &&
                    shape_.tiles_down * shape_.tiles_across * lanes <= most;
  return late ? 0 : size;
}

/// The kernel that does it knows whether tiles start at odd pixels or at even ones.
template <class T>
bool WinogradProducts<T>::reads_unpooled() const {
  const WinogradSide& side = shape_.source;
  if (shape_.phases() > 1 || side.size != shape_.target.size) return false;
  const bool odd = shape_.flipped && side.size == output_points(3, 1);
  return side.first_row % 2 == (odd ? -1 : 0) && side.first_column % 2 == (odd ? -1 : 0);
}

template <class T>
bool WinogradProducts<T>::turns() const {
  return shape_.weight_source_stride > shape_.weight_target_stride && shape_.source_channels >= least_turned;
}

template <class T>
void WinogradProducts<T>::bring_to_points(const T* weight, Span targets, Span sources, const Order& order, T* to,
                                          T* turned) const {
  this->kernel_->winograd->weights({
      .weight = weight + targets.begin * shape_.weight_target_stride + sources.begin * shape_.weight_source_stride,
      .points = to,
      .targets = targets.end - targets.begin,
      .sources = sources.end - sources.begin,
      .size = shape_.kernel_size(),
      .flipped = shape_.flipped,
      .weight_target_stride = shape_.weight_target_stride,
      .weight_source_stride = shape_.weight_source_stride,
      .point_stride = order.point_stride,
      .point_phase_stride = order.phase_stride,
      .point_target_stride = order.target_stride,
      .turned = turns() ? turned : nullptr,
  });
}

template <class T>
Loop WinogradProducts<T>::packing(T* const& weight, T* packed) {
  if (!packed) return {};
  const std::vector<Span> groups = even_parts(shape_.target_channels, most_grouped());
  const Index count = static_cast<Index>(groups.size());
  return {source_parts(true) * count,
          [=, this, &weight](Index task, std::byte* scratch) {
            const Span group = groups[static_cast<std::size_t>(task % count)], sources = sources_of(task / count, true);
            const Order order = order_of(shape_.target_channels, sources.end - sources.begin);
            bring_to_points(weight, group, sources, order,
                            packed + packed_before(task / count) + group.begin * order.target_stride,
                            reinterpret_cast<T*>(scratch));
          },
          static_cast<std::size_t>(turned_size(true)) * sizeof(T)};
}

template <class T>
void WinogradProducts<T>::multiply_points(const WinogradTiles<T>& source, const WinogradTiles<T>& target,
                                          const Kernels& kernels, bool accumulate) const {
  MatrixProduct<T> product{
      .a = kernels.first,
      .b = source.points,
      .c = target.points,
      .rows = target.channels,
      .inner = source.channels,
      .columns = product_columns(source),
      .a_stride = kernels.order.target_stride,
      .b_stride = source.point_channel_stride,
      .c_stride = target.point_channel_stride,
      .accumulate = accumulate,
      .b_strip_stride = source.point_strip_stride,
      .c_strip_stride = target.point_strip_stride,
      .count = shape_.points(),
      .next_a = kernels.order.point_stride,
      .next_b = source.point_stride,
      .next_c = target.point_stride,
  };
  if (shape_.phases() > 1) return multiply_phases(product, kernels.order.phase_stride, target.point_phase_stride);
  this->kernel_->multiply(product);
}

/// Phases of the source are more numbers to sum over, those of the target are products of their own: point by point.
template <class T>
void WinogradProducts<T>::multiply_phases(MatrixProduct<T> at_points, Index kernels_stride,
                                          Index targets_stride) const {
  for (Index p = 0; p < shape_.points(); ++p) {
    const Index phases = shape_.phases_at(p);
    MatrixProduct<T> product = at_points;
    product.a += p * at_points.next_a;
    product.b += p * at_points.next_b;
    product.c += p * at_points.next_c;
    product.count = shape_.target.phases > 1 ? phases : 1;
    product.inner *= phases / product.count;
    product.next_a = kernels_stride;
    product.next_b = 0;
    product.next_c = targets_stride;
    this->kernel_->multiply(product);
  }
}

template <class T>
Index WinogradProducts<T>::most_grouped() const {
  return std::min(grouped_points / squared(shape_.target.size), shape_.target_channels);
}

template <class T>
Index WinogradProducts<T>::turned_size(bool packed) const {
  const Index taps = shape_.kernel_height * shape_.kernel_width;
  return turns() ? whole_vectors<T>(most_grouped() * most_together(packed) * taps) : 0;
}

template <class T>
auto WinogradProducts<T>::memory_of(T* first, Index targets, Index width, const Weights& weights) const -> Memory {
  const bool packed = weights.packed != nullptr;
  const Index groups = source_parts(packed) > 1 ? (targets + most_grouped() - 1) / most_grouped() : 1;
  const Index group = shape_.points() * point_stride<T>(most_grouped() * shape_.target.phases, width);
  T* const sources = first + groups * group;
  T* const kernels = sources + shape_.points() * point_stride<T>(most_together(packed) * shape_.source.phases, width);
  if (packed) return {first, sources, nullptr, nullptr, kernels};
  T* const turned = kernels + whole_vectors<T>(size_of(order_of(most_grouped(), most_together(packed))));
  return {first, sources, kernels, turned, turned + turned_size(packed)};
}

template <class T>
Index WinogradProducts<T>::scratch(Index targets, Index vectors, const Weights& weights) const {
  T* const first = nullptr;
  return memory_of(first, targets, vectors * Blocks<T>::full_lanes, weights).end - first;
}

template <class T>
WinogradTiles<T> WinogradProducts<T>::source_tiles(const Work& work, Span channels, T* points) const {
  WinogradTiles<T> tiles = tiles_of(work.source.map, work.patch, shape_.source);
  tiles.map += channels.begin * tiles.channel_stride;
  tiles.channels = channels.end - channels.begin;
  tiles.normalizing = tiles.normalizing.from(channels.begin);
  tiles.unpooling = unpooling_of(work.source.unpooled, work.patch.block).from(channels.begin);
  tiles.points = points;
  lay_in_strips(tiles, shape_.source.phases);
  return tiles;
}

template <class T>
WinogradTiles<T> WinogradProducts<T>::target_tiles(const Work& work, Span group, T* points) const {
  WinogradTiles<T> tiles = tiles_of(work.target, work.patch, shape_.target);
  tiles.map += group.begin * tiles.channel_stride;
  tiles.channels = group.end - group.begin;
  tiles.points = points;
  lay_in_strips(tiles, shape_.target.phases);
  return tiles;
}

template class WinogradProducts<float>;
template class WinogradProducts<double>;

}  // namespace cnnbp
