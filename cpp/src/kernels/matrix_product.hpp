// A register-tiled matrix product, and what brings an operand into its order.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// Rows of a tile. With 16 registers it is 6 × 2 vectors, with 32 it is 6 × 4.
constexpr int product_rows = 6;
constexpr int product_vectors = vector_registers == 32 ? 4 : 2;

template <class V, int Tile, int Vectors, class T>
[[gnu::always_inline]] inline void multiply_tile(const MatrixProduct<T>& p, const T* a, const T* b, T* c) {
  V sum[Tile][Vectors];
  const auto in_c = [&](int m, int n) { return c + m * p.c_stride + in_strips<T>(n * V::width, p.c_strip_stride); };
  for (int m = 0; m < Tile; ++m)
    for (int n = 0; n < Vectors; ++n) sum[m][n] = p.accumulate ? V::load(in_c(m, n)) : zero<V>();
  for (Index k = 0; k < p.inner; ++k, b += p.b_stride) {
    V row[Vectors];
    for (int n = 0; n < Vectors; ++n) row[n] = V::load(b + in_strips<T>(n * V::width, p.b_strip_stride));
    for (int m = 0; m < Tile; ++m) {
      const V factor = V::broadcast(a[m * p.a_stride + k * p.a_step]);
      for (int n = 0; n < Vectors; ++n) sum[m][n] = multiply_add(factor, row[n], sum[m][n]);
    }
  }
  for (int m = 0; m < Tile; ++m)
    for (int n = 0; n < Vectors; ++n) sum[m][n].store(in_c(m, n));
}

/// `Tile` rows; as many columns at a time as the registers hold.
template <class V, int Tile, int Vectors = product_vectors, class T>
[[gnu::noinline]] void multiply_rows(const MatrixProduct<T>& p, Index row, Index column = 0) {
  const T* a = p.a + row * p.a_stride;
  T* c = p.c + row * p.c_stride;
  for (; column + Vectors * V::width <= p.columns; column += Vectors * V::width)
    multiply_tile<V, Tile, Vectors>(p, a, p.b + in_strips<T>(column, p.b_strip_stride),
                                    c + in_strips<T>(column, p.c_strip_stride));
  if constexpr (Vectors > 1) {
    if (column < p.columns) multiply_rows<V, Tile, Vectors / 2>(p, row, column);
  } else if constexpr (V::width * sizeof(T) > 16) {
    if (column < p.columns) multiply_rows<Vec<T, V::width / 2>, Tile, 1>(p, row, column);
  }
}

template <class T>
void multiply(const MatrixProduct<T>& p) {
  using V = Vec<T, widest<T>>;
  const Index tiles = (p.rows + product_rows - 1) / product_rows;
  for (Index i = 0; i < tiles; ++i) {
    const Index row = p.rows * i / tiles, next = p.rows * (i + 1) / tiles;
    if (p.a_is_far)
      for (Index k = next * p.a_stride; k < (next + product_rows) * p.a_stride; k += strip_width<T>)
        __builtin_prefetch(p.a + k);
    switch (next - row) {
      case 1: multiply_rows<V, 1>(p, row); break;
      case 2: multiply_rows<V, 2>(p, row); break;
      case 3: multiply_rows<V, 3>(p, row); break;
      case 4: multiply_rows<V, 4>(p, row); break;
      case 5: multiply_rows<V, 5>(p, row); break;
      default: multiply_rows<V, 6>(p, row); break;
    }
  }
}

/// Channels lie pages apart, where no hardware looks ahead: asking for the pixels of the 24th next one, or of one
/// halfway to the last, gains a tenth.
template <class T>
void gather(const Gathering<T>& g) {
  const Index ahead = g.channels < 48 ? g.channels / 2 : 24;
  with_vector<T>(g.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index c = 0; c < g.channels; ++c) {
      const T* from = g.source + c * g.channel_stride;
      T* to = g.panel + c * g.panel_stride;
      if (c + ahead < g.channels)
        for (Index p = 0; p < g.pixel_count; ++p)
          for (Index line = 0; line < g.lanes && g.pixels[p] >= 0; line += strip_width<T>)
            __builtin_prefetch(from + ahead * g.channel_stride + g.pixels[p] + line);
      for (Index p = 0; p < g.pixel_count; ++p)
        for (Index part = 0; part < g.lanes; part += V::width)
          (g.pixels[p] < 0 ? zero<V>() : V::load(from + g.pixels[p] + part)).store(to + p * g.lanes + part);
    }
  });
}

/// In squares of 16 bytes, two of them together where the vectors are longer: a third fewer instructions.
template <class T>
void transpose(const Transposition<T>& t) {
  constexpr int size = 16 / sizeof(T);
  Index m = 0;
  if constexpr (widest<T> > size)
    for (; m + 2 * size <= t.rows; m += 2 * size)
      for (Index k = 0; k < t.columns; k += size) {
        Vec<T, 2 * size> squares[size];
        for (int i = 0; i < size; ++i) {
          const T* from = t.from + (m + i) * t.from_stride + k;
          squares[i] = Vec<T, 2 * size>::load_halves(from, from + size * t.from_stride);
        }
        transpose(squares);
        for (int i = 0; i < size; ++i) squares[i].store(t.to + (k + i) * t.to_stride + m);
      }
  for (; m < t.rows; m += size)
    for (Index k = 0; k < t.columns; k += size) {
      Vec<T, size> square[size];
      for (int i = 0; i < size; ++i) square[i] = Vec<T, size>::load(t.from + (m + i) * t.from_stride + k);
      transpose(square);
      for (int i = 0; i < size; ++i) square[i].store(t.to + (k + i) * t.to_stride + m);
    }
}

}  // namespace
}  // namespace cnnbp
