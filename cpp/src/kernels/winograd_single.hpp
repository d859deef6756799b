// Winograd's transforms of a single image: its pixels have one lane, so a vector takes neighbouring tiles instead.
#pragma once

#include "kernels/winograd_tiles.hpp"

namespace cnnbp {
namespace {

/// Some tiles side by side: calls body(n, i, j, offset in the map) for the pixels that the n-th of them has.
template <int Size, class T, class Body>
inline void for_each_pixel(const WinogradTiles<T>& a, Index first, Index count, Body body) {
  for (Index n = 0; n < count; ++n) {
    const Index row = a.row + (first + n) / a.tile_columns * a.step;
    const Index column = a.column + (first + n) % a.tile_columns * a.step;
    const Span rows = pixels_inside(row, Size, a.height), columns = pixels_inside(column, Size, a.width);
    for (Index i = rows.begin; i < rows.end; ++i)
      for (Index j = columns.begin; j < columns.end; ++j) body(n, i, j, (row + i) * a.row_stride + column + j);
  }
}

/// Calls body(first, count) for as many tiles at a time as a vector has lanes.
template <class V, class T, class Body>
inline void for_each_group(const WinogradTiles<T>& a, Body body) {
  const Index tiles = a.tile_rows * a.tile_columns;
  for (Index first = 0; first < tiles; first += V::width)
    body(first, tiles - first < V::width ? tiles - first : Index(V::width));
}

template <class V, class Transform, bool Normalizes, class T>
[[gnu::noinline]] void read_single(const WinogradTiles<T>& a) {
  constexpr int size = Transform::from;
  for_each_group<V>(a, [&](Index first, Index count) {
    T pixels[size * size][V::width] = {};  // those outside the map stay 0
    for (Index c = 0; c < a.channels; ++c) {
      const Normalizer<Vec<T, 1>, Normalizes> normalize(a.normalizing, c);
      const T* const map = a.map + c * a.channel_stride;
      for_each_pixel<size>(a, first, count, [&](Index n, Index i, Index j, Index offset) {
        normalize(Vec<T, 1>::load(map + offset)).store(&pixels[i * size + j][n]);
      });
      T* const points = a.points + c * a.point_channel_stride + in_strips<T>(first, a.point_strip_stride);
      in_both_axes<V>(
          Transform{}, [&](int i, int j) { return V::load(pixels[i * size + j]); },
          [&](int i, int j, V v) { v.store(points + point_offset<Transform::to>(a, i, j)); });
    }
  });
}

/// `Adds` to what the map holds, or overwrites it.
template <class V, class Transform, bool Adds, class T>
[[gnu::noinline]] void write_single(const WinogradTiles<T>& a, const T* bias) {
  constexpr int size = Transform::to;
  for_each_group<V>(a, [&](Index first, Index count) {
    T pixels[size * size][V::width];
    for (Index c = 0; c < a.channels; ++c) {
      const V start = V::broadcast(bias ? bias[c] : T(0));
      const T* const points = a.points + c * a.point_channel_stride + in_strips<T>(first, a.point_strip_stride);
      in_both_axes<V>(
          Transform{}, [&](int i, int j) { return V::load(points + point_offset<Transform::from>(a, i, j)); },
          [&](int i, int j, V v) { (v + start).store(pixels[i * size + j]); });
      T* const map = a.map + c * a.channel_stride;
      for_each_pixel<size>(a, first, count, [&](Index n, Index i, Index j, Index offset) {
        const T pixel = pixels[i * size + j][n];
        map[offset] = Adds ? map[offset] + pixel : pixel;
      });
    }
  });
}

}  // namespace
}  // namespace cnnbp
