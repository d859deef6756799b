// Tiles of Winograd's algorithm (kernels/winograd.hpp): which pixels they have, and a transform in both axes.
#pragma once

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

/// One tile of a channel: which of its pixels there are.
struct WinogradTile {
  Index channel;
  Span rows, columns;

  bool whole(int size) const { return rows.end - rows.begin == size && columns.end - columns.begin == size; }
  bool has(int row, int column) const {
    return row >= rows.begin && row < rows.end && column >= columns.begin && column < columns.end;
  }
};

inline Span pixels_inside(Index first, Index size, Index extent) {
  return {first < 0 ? -first : 0, first + size > extent ? extent - first : size};
}

/// Calls body(tile, pixels, points) for every tile and every part of its lanes.
template <class V, int Size, class T, class Body>
[[gnu::always_inline]] inline void for_each_tile(const WinogradTiles<T>& a, Body body) {
  for (Index c = 0; c < a.channels; ++c)
    for (Index i = 0; i < a.tile_rows; ++i)
      for (Index j = 0; j < a.tile_columns; ++j) {
        const Index row = a.row + i * a.step, column = a.column + j * a.step;
        const WinogradTile tile{c, pixels_inside(row, Size, a.height), pixels_inside(column, Size, a.width)};
        T* pixels = a.map + c * a.channel_stride + row * a.row_stride + column * a.lanes;
        T* points = a.points + c * a.point_channel_stride +
                    in_strips<T>((i * a.tile_columns + j) * a.point_lanes, a.point_strip_stride);
        for (Index part = 0; part < a.lanes; part += V::width) body(tile, pixels + part, points + part);
      }
}

}  // namespace
}  // namespace cnnbp
