// A register-tiled matrix product, and what brings an operand into its order.
#pragma once

#include "kernels/column_product.hpp"

namespace cnnbp {
namespace {

/// Vectors side by side in a tile, and rows of one of so many: 6 × 2 sums with 16 registers, 6 × 4 with 32, and more
/// rows where there are fewer columns, as a sum's multiply-adds wait for each other: Winograd's gradients of 6 to 20
/// channels took 7 to 14 percent less with up to 12, those of 16 another 3 with 16.
constexpr int product_vectors = vector_registers == 32 ? 4 : 2;
constexpr int most_product_rows = 16;
constexpr int product_rows(int vectors) {
  const int rows = 6 * product_vectors / vectors;
  return rows < most_product_rows ? rows : most_product_rows;
}

/// Steps of a transposed `a` from one that is read to the one that is asked for: with 40, LeNet's step took as long.
constexpr int steps_ahead = 24;

/// What each step of a tile asks for: a share of the rows of `a` after the tile's, be they one stretch of memory or
/// apart, or a later step of a transposed `a`.
enum class Asks { nothing, rows, rows_apart, steps };

/// From what one step asked for to what the next one does. Of rows apart each step takes another, at the elements that
/// the tile has come to.
template <int Tile, Asks Ahead, class T>
[[gnu::always_inline]] inline void go_on(const MatrixProduct<T>& p, const T*& ahead, int& row) {
  if constexpr (Ahead == Asks::rows) ahead += Tile;
  if constexpr (Ahead == Asks::steps) ahead += p.a_step;
  if constexpr (Ahead == Asks::rows_apart) {
    ahead += p.a_stride;
    if (++row < Tile) return;
    ahead += Tile - Tile * p.a_stride;
    row = 0;
  }
}

/// Every third row of `a` has a pointer: an address reaches two rows further by itself, and twelve pointers would not
/// fit the registers.
/// Rows of `b` are loaded to registers, as GCC would read one from memory for each of three rows of `a`: 3 to 6 percent
/// of a first layer of 7×7.
/// To ask for rows takes 1 to 9 percent from Winograd's sums, and a fifth from VGG-small's single image, which reads
/// each of its weights once; for rows apart, 8 and 15 percent from gradients of 1×1 kernels, of 256 to 512 channels
/// with stride 2 and of 64 to 256; for steps, a fifth from the delta of 500 × 800 weights, which lie a page apart.
template <class V, int Tile, int Vectors, Asks Ahead, class T>
[[gnu::always_inline]] inline void multiply_tile(const MatrixProduct<T>& p, const T* a, const T* b, T* c) {
  constexpr int thirds = (Tile + 2) / 3;
  V sum[Tile][Vectors];
  const auto in_c = [&](int m, int n) { return c + m * p.c_stride + in_strips<T>(n * V::width, p.c_strip_stride); };
  for (int m = 0; m < Tile; ++m)
    for (int n = 0; n < Vectors; ++n) sum[m][n] = p.accumulate ? V::load(in_c(m, n)) : zero<V>();
  const T* third[thirds];
  for (int t = 0; t < thirds; ++t) third[t] = a + 3 * t * p.a_stride;
  const T* ahead = a + (Ahead == Asks::steps ? steps_ahead * p.a_step : Tile * p.a_stride);
  [[maybe_unused]] int row_ahead = 0;
  for (Index k = p.inner; k > 0; --k, b += p.b_stride) {
    if constexpr (Ahead != Asks::nothing) {
      __builtin_prefetch(ahead);
      go_on<Tile, Ahead>(p, ahead, row_ahead);
    }
    V row[Vectors];
    for (int n = 0; n < Vectors; ++n) row[n] = V::load_to_register(b + in_strips<T>(n * V::width, p.b_strip_stride));
    for (int m = 0; m < Tile; ++m) {
      const V factor = V::broadcast(third[m / 3][m % 3 * p.a_stride]);
      for (int n = 0; n < Vectors; ++n) sum[m][n] = multiply_add(factor, row[n], sum[m][n]);
    }
    for (int t = 0; t < thirds; ++t) third[t] += p.a_step;
  }
  for (int m = 0; m < Tile; ++m)
    for (int n = 0; n < Vectors; ++n) sum[m][n].store(in_c(m, n));
}

/// `Tile` rows; as many columns at a time as the registers hold.
template <class V, int Tile, int Vectors, Asks Ahead, class T>
[[gnu::noinline]] void multiply_rows(const MatrixProduct<T>& p, Index columns, Index row, Index column = 0) {
  const T* a = p.a + row * p.a_stride;
  T* c = p.c + row * p.c_stride;
  for (; column + Vectors * V::width <= columns; column += Vectors * V::width)
    multiply_tile<V, Tile, Vectors, Ahead>(p, a, p.b + in_strips<T>(column, p.b_strip_stride),
                                           c + in_strips<T>(column, p.c_strip_stride));
  if constexpr (Vectors > 1) {
    if (column < columns) multiply_rows<V, Tile, Vectors / 2, Ahead>(p, columns, row, column);
  } else if constexpr (V::width > 1) {
    if (column < columns) multiply_rows<Vec<T, narrower<T>(V::width)>, Tile, 1, Ahead>(p, columns, row, column);
  }
}

/// One call for the products at all of Winograd's points: deltas of 5×5 kernels, of few channels, take a tenth less.
template <class V, int Vectors, class T>
inline void multiply_by_tiles(MatrixProduct<T> p, Index columns) {
  constexpr int most = product_rows(Vectors);
  const bool in_order = p.a_step == 1 && p.a_stride < 2 * p.inner;  // rows lie one after the other
  const bool by_page = p.a_stride == 1 && p.a_step > strip_width<T>;
  const bool pages_apart = p.a_step == 1 && !in_order && p.a_stride * Index{sizeof(T)} > 4096;
  const Index tiles = (p.rows + most - 1) / most, least = p.rows / tiles, larger = p.rows % tiles;
  for (Index left = p.count; left > 0; --left, p.a += p.next_a, p.b += p.next_b, p.c += p.next_c)
    for (Index i = 0, row = 0, next; i < tiles; ++i, row = next) {
      next = row + least + (i < larger ? 1 : 0);
      with_count<most>(next - row, [&]<int Tile>() {
        if constexpr (Vectors == product_vectors && Tile >= most - 1)  // tiles of many rows; others would be code alone
          if (pages_apart && i + 1 < tiles) return multiply_rows<V, Tile, Vectors, Asks::rows_apart>(p, columns, row);
        if (in_order) multiply_rows<V, Tile, Vectors, Asks::rows>(p, columns, row);
        else if (by_page) multiply_rows<V, Tile, Vectors, Asks::steps>(p, columns, row);
        else multiply_rows<V, Tile, Vectors, Asks::nothing>(p, columns, row);
      });
    }
}

template <class T>
void multiply(const MatrixProduct<T>& p) {
  using V = Vec<T, widest<T>>;
  if (p.columns <= few_columns && p.a_step == 1 && p.rows >= widest_apart<T>) {
    const Index rows = multiply_columns(p);
    if (rows == p.rows) return;
    MatrixProduct<T> rest = p;
    rest.a += rows * p.a_stride;
    rest.c += rows * p.c_stride;
    rest.rows -= rows;
    return multiply_by_tiles<V, 1>(rest, p.columns);
  }
  const bool whole = p.columns > strip_width<T> && p.c_strip_stride > strip_width<T>;
  const Index columns = whole ? (p.columns + V::width - 1) / V::width * V::width : p.columns;
  if constexpr (product_vectors > 2)
    if (columns >= product_vectors * V::width) return multiply_by_tiles<V, product_vectors>(p, columns);
  if (columns >= 2 * V::width) multiply_by_tiles<V, 2>(p, columns);
  else multiply_by_tiles<V, 1>(p, columns);
}

/// Calls copy(channel, to its row of the panel). Channels lie pages apart, where no hardware looks ahead: asking for
/// the pixels of the 24th next one, or of one halfway to the last, gains a tenth.
template <class T, class Copy>
inline void gather_channels(const Gathering<T>& g, Copy copy) {
  const Index ahead = g.channels < 48 ? g.channels / 2 : 24;
  for (Index c = 0; c < g.channels; ++c) {
    const T* const from = g.source + c * g.channel_stride;
    if (c + ahead < g.channels)
      for (Index p = 0; p < g.pixel_count; ++p)
        for (Index line = 0; line < g.lanes && g.pixels[p] >= 0; line += strip_width<T>)
          __builtin_prefetch(from + ahead * g.channel_stride + g.pixels[p] + line);
    copy(from, g.panel + c * g.panel_stride);
  }
}

template <class T>
void gather(const Gathering<T>& g) {
  if (g.pixel_count == 1 && g.pixels[0] >= 0)  // or several side by side
    return gather_channels(g, [&](const T* from, T* to) {
      from += g.pixels[0];
      for_each_vector<T>(g.lanes, [&](auto vector, Index i) { decltype(vector)::load(from + i).store(to + i); });
    });
  with_vector<T>(g.lanes, [&](auto vector) {
    using V = decltype(vector);
    gather_channels(g, [&](const T* from, T* to) {
      for (Index p = 0; p < g.pixel_count; ++p)
        for (Index part = 0; part < g.lanes; part += V::width)
          (g.pixels[p] < 0 ? zero<V>() : V::load(from + g.pixels[p] + part)).store(to + p * g.lanes + part);
    });
  });
}

template <class T>
void ask(const Asking<T>& a) {
  for (Index row = 0; row < a.rows; ++row) {
    const T* const first = a.first + row * a.row_stride;
    for (Index i = 0; i < a.elements; i += strip_width<T>) __builtin_prefetch(first + i);
  }
}

/// `Squares` of 16 bytes below each other, `Together` times, all columns. Strides are locals, as the stores might
/// change what `t` is told: with multiplications for every address, this took longer than Winograd's products of 16
/// channels, and now takes a third of their time.
template <int Squares, int Together, class T>
inline void transpose_rows(const Transposition<T>& t, Index row) {
  constexpr int size = 16 / sizeof(T);
  using V = Vec<T, Squares * size>;
  const Index from_stride = t.from_stride, to_stride = t.to_stride, columns = t.columns;
  const T* from = t.from + row * from_stride;
  T* to = t.to + row;
  Index left = columns;
  for (; left >= size; left -= size, from += size, to += size * to_stride) {
    V squares[Together][size];
    for (int s = 0; s < Together; ++s) {
      const T* const first = from + s * V::width * from_stride;
      for (int i = 0; i < size; ++i) squares[s][i] = load_of_squares<V>(first + i * from_stride, from_stride);
      transpose(squares[s]);
    }
    for (int i = 0; i < size; ++i)
      for (int s = 0; s < Together; ++s) squares[s][i].store(to + i * to_stride + s * V::width);
  }
  for (; left > 0; --left, ++from, to += to_stride)
    for (Index i = 0; i < Together * V::width; ++i) to[i] = from[i * from_stride];
}

/// Two squares together where the vectors are longer: a third fewer instructions; four take another fifth less. Of many
/// rows as many as a cache line has room for: samples lie whole pages apart, so that the second half of a line would
/// find it thrown out by the others. Pixels leave the lanes in half the time by that.
template <class T>
void transpose(const Transposition<T>& t) {
  constexpr int size = 16 / sizeof(T), squares = widest<T> / size, line = strip_width<T>;
  Index row = 0;
  for (; row + line <= t.rows; row += line) transpose_rows<squares, line / widest<T>>(t, row);
  if constexpr (squares > 1)
    for (; row + 2 * size <= t.rows; row += 2 * size) transpose_rows<2, 1>(t, row);
  for (; row + size <= t.rows; row += size) transpose_rows<1, 1>(t, row);
  for (; row < t.rows; ++row)
    for (Index k = 0; k < t.columns; ++k) t.to[k * t.to_stride + row] = t.from[row * t.from_stride + k];
}

}  // namespace
}  // namespace cnnbp
