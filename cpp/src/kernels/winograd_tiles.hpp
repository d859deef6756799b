// Tiles of Winograd's algorithm (kernels/winograd.hpp): which pixels they have, and a transform in both axes.
#pragma once

#include "kernels/normalization.hpp"
#include "kernels/winograd_phases.hpp"

namespace cnnbp {
namespace {

/// Calls body(i) for the lines of a tile. Unrolled, transforms of 7 and 8 points take up to 15 percent less; those of
/// two phases gain nothing, and are a quarter of a compiler's minute.
template <int Count, class Body>
[[gnu::always_inline]] inline void for_each_line(Body body) {
  if constexpr (Count <= 8) {
    unrolled<Count>(body);
  } else {
#pragma GCC unroll 1
    for (int i = 0; i < Count; ++i) body(i);
  }
}

/// The transform along columns, then along rows.
template <class V, class Transform, class Load, class Store>
[[gnu::always_inline]] inline void in_both_axes(Transform change, Load load, Store store) {
  V middle[Transform::to][Transform::from], changed[Transform::to];
  for_each_line<Transform::from>([&](int j) {
    V column[Transform::from];
    for (int i = 0; i < Transform::from; ++i) column[i] = load(i, j);
    change(column, changed);
    for (int i = 0; i < Transform::to; ++i) middle[i][j] = changed[i];
  });
  for_each_line<Transform::to>([&](int i) {
    change(middle[i], changed);
    for (int j = 0; j < Transform::to; ++j) store(i, j, changed[j]);
  });
}

/// One tile of a channel: where it starts, and which of its pixels there are.
struct WinogradTile {
  Index channel, row, column, lane;
  Span rows, columns;

  bool whole(int size) const { return rows.end - rows.begin == size && columns.end - columns.begin == size; }
  bool has(int i, int j) const { return i >= rows.begin && i < rows.end && j >= columns.begin && j < columns.end; }
};

inline Span pixels_inside(Index first, Index size, Index extent) {
  return {first < 0 ? -first : 0, first + size > extent ? extent - first : size};
}

/// The next channel's tile is pages away, where no hardware looks ahead. Asking for its pixels one by one, as those of
/// this channel are read or written, makes a step of ResNet-20 a tenth faster; asking for a whole tile at once, half
/// of that.
template <class T>
[[gnu::always_inline]] inline void ask_for_next(const WinogradTiles<T>& a, const T* pixel) {
  __builtin_prefetch(pixel + a.channel_stride);
}

/// A tile's pixels as the map holds them, or as their readers normalize them.
template <class V, bool Normalizes>
class MapPixels {
 public:
  using T = typename V::Scalar;
  MapPixels(const WinogradTiles<T>& a, const WinogradTile& tile, Index offset)
      : a_(a), pixels_(a.map + offset), normalize_(a.normalizing, tile.channel) {}

  [[gnu::always_inline]] V operator()(int i, int j) const {
    const T* const from = pixels_ + i * a_.row_stride + j * a_.lanes;
    ask_for_next(a_, from);
    return normalize_(V::load(from));
  }

 private:
  const WinogradTiles<T>& a_;
  const T* pixels_;
  Normalizer<V, Normalizes> normalize_;
};

/// A tile's pixels as they come back through max pooling of 2 × 2. It starts at an odd row and column, or at even ones:
/// then the compiler knows each pixel's place in its window.
template <class V, int Odd>
class UnpooledPixels {
 public:
  using T = typename V::Scalar;
  UnpooledPixels(const WinogradTiles<T>& a, const WinogradTile& tile, Index /*offset*/)
      : from_(a.unpooling.from(tile.channel)), lanes_(a.lanes) {
    const Index offset = (tile.row - Odd) / 2 * from_.row_stride + (tile.column - Odd) / 2 * a.lanes + tile.lane;
    from_.delta += offset;
    from_.taps += offset;
  }

  [[gnu::always_inline]] V operator()(int i, int j) const {
    const Index offset = (i + Odd) / 2 * from_.row_stride + (j + Odd) / 2 * lanes_;
    const int tap = (i + Odd) % 2 * 2 + (j + Odd) % 2;
    __builtin_prefetch(from_.delta + offset + from_.delta_channel_stride);
    __builtin_prefetch(from_.taps + offset + from_.taps_channel_stride);
    return select_equal(load_whole<V>(from_.taps + offset), V::broadcast(T(tap)), V::load(from_.delta + offset),
                        zero<V>());
  }

 private:
  Unpooling<T> from_;
  Index lanes_;
};

/// Calls body(tile, offset of its first pixel in the map, points) for every tile and every part of its lanes. A map of
/// which only what pooling has left is in memory has no address to begin from.
template <class V, int Size, class T, class Body>
[[gnu::always_inline]] inline void for_each_tile(const WinogradTiles<T>& a, Body body) {
  for (Index c = 0; c < a.channels; ++c)
    for (Index i = 0; i < a.tile_rows; ++i)
      for (Index j = 0; j < a.tile_columns; ++j) {
        const Index row = a.row + i * a.step, column = a.column + j * a.step;
        WinogradTile tile{c, row, column, 0, pixels_inside(row, Size, a.height), pixels_inside(column, Size, a.width)};
        const Index offset = c * a.channel_stride + row * a.row_stride + column * a.lanes;
        T* points = a.points + c * a.point_channel_stride +
                    in_strips<T>((i * a.tile_columns + j) * a.lanes, a.point_strip_stride);
        for (; tile.lane < a.lanes; tile.lane += V::width) body(tile, offset + tile.lane, points + tile.lane);
      }
}

}  // namespace
}  // namespace cnnbp
