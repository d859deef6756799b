// A matrix product of few columns, as of a single image's pixels or tiles: lanes are neighbouring rows of it.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// Rows of a tile, in vectors, at most: so many sums that each need not wait for the one before.
constexpr int column_groups(int columns) { return columns == 1 ? 4 : columns == 2 ? 3 : 2; }

/// Row i of squares of 16 bytes that lie below each other, as many as a vector has parts.
template <class V, class T>
[[gnu::always_inline]] inline V load_of_squares(const T* from, Index stride) {
  constexpr int size = 16 / sizeof(T), squares = V::width / size;
  if constexpr (squares == 1) return V::load(from);
  else if constexpr (squares == 2) return V::load_halves(from, from + size * stride);
  else return V::load_quarters(from, size * stride);
}

/// Rows that are turned in registers, so that a vector has a number of each: with rows of `b` as vectors, of which one
/// lane to four are used, each weight is a multiply-add and a load of its own. A line of every row is read to its end
/// before the next group's, as those of more rows would not stay in one set of the first cache. Lines of the next tile
/// are asked for into the second cache: 38 MB come at 18 GB/s by that, at 14 into the first, and at 6 without.
template <class V, int Groups, int Columns, class T>
[[gnu::noinline]] void multiply_columns_tile(const MatrixProduct<T>& p, Index row, const T* ahead) {
  constexpr int size = 16 / sizeof(T);
  const Index a_stride = p.a_stride, b_stride = p.b_stride, c_stride = p.c_stride;
  const T *a = p.a + row * a_stride, *b = p.b;
  T* const c = p.c + row * c_stride;
  V sum[Groups][Columns];
  for (int g = 0; g < Groups; ++g)
    for (int n = 0; n < Columns; ++n)
      sum[g][n] = p.accumulate ? V::load_apart(c + g * V::width * c_stride + n, c_stride) : zero<V>();
  const auto add = [&](V rows, const T* factors, V(&sums)[Columns]) __attribute__((always_inline)) {
    for (int n = 0; n < Columns; ++n) sums[n] = multiply_add(rows, V::broadcast(factors[n]), sums[n]);
  };
  const auto add_squares = [&](const T* from, const T* factors, V(&sums)[Columns]) __attribute__((always_inline)) {
    V rows[size];
    for (int i = 0; i < size; ++i) rows[i] = load_of_squares<V>(from + i * a_stride, a_stride);
    transpose(rows);
    for (int i = 0; i < size; ++i) add(rows[i], factors + i * b_stride, sums);
  };
  Index left = p.inner;
  for (; left >= strip_width<T>; left -= strip_width<T>, a += strip_width<T>, b += strip_width<T> * b_stride)
    for (int g = 0; g < Groups; ++g) {
      const T* const group = a + g * V::width * a_stride;
      for (int r = 0; r < V::width; ++r, ahead += strip_width<T>) __builtin_prefetch(ahead, 0, 2);
      for (int k = 0; k < strip_width<T>; k += size) add_squares(group + k, b + k * b_stride, sum[g]);
    }
  for (; left >= size; left -= size, a += size, b += size * b_stride)
    for (int g = 0; g < Groups; ++g) add_squares(a + g * V::width * a_stride, b, sum[g]);
  for (; left > 0; --left, ++a, b += b_stride)
    for (int g = 0; g < Groups; ++g) add(V::load_apart(a + g * V::width * a_stride, a_stride), b, sum[g]);
  for (int g = 0; g < Groups; ++g)
    for (int n = 0; n < Columns; ++n) sum[g][n].store_apart(c + g * V::width * c_stride + n, c_stride);
}

/// The rows that fill vectors, of all products; returns how many each has. The others are for tiles.
template <class T>
inline Index multiply_columns(MatrixProduct<T> p) {
  using V = Vec<T, widest_apart<T>>;
  const Index vectors = p.rows / V::width;
  with_count<few_columns>(p.columns, [&]<int Columns>() {
    constexpr int most = column_groups(Columns);
    Index together = most;  // tiles of one size, as each asks for as many rows as it has
    while (vectors % together != 0) --together;
    with_count<most>(together, [&]<int Groups>() {
      for (Index left = p.count; left > 0; --left, p.a += p.next_a, p.b += p.next_b, p.c += p.next_c)
        for (Index row = 0, next; row < vectors * V::width; row = next) {
          next = row + Groups * V::width;
          multiply_columns_tile<V, Groups, Columns>(
              p, row, next < vectors * V::width ? p.a + next * p.a_stride : p.a + p.next_a);
        }
    });
  });
  return vectors * V::width;
}

}  // namespace
}  // namespace cnnbp
