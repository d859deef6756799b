// The sums of a tile of target channels over pixels that lie side by side: a product whose rows are far apart.
#pragma once

#include "kernels/matrix_product.hpp"

namespace cnnbp {
namespace {

/// Where sums start: as they lie in the target or, for all pixels alike, in the bias. With a branch for each, GCC puts
/// them onto the stack.
template <class T>
struct PixelStart {
  const T* first;
  Index channel_step, element_step;  // the latter 1 or 0
};

/// What the steps of a tile ask for: targets of the tile after it, then the next pixels' sources. Numbers are read one
/// by one, see `TileSource`.
template <class T, int Elements>
struct Ahead {
  const T* first;
  Index rows, row_stride;
  const Asking<T>* then;

  [[gnu::always_inline]] explicit Ahead(const PixelProduct<T>& p)
      : first(p.targets_ahead.first),
        rows(p.targets_ahead.rows),
        row_stride(p.targets_ahead.row_stride),
        then(&p.sources_ahead) {}

  [[gnu::always_inline]] void ask(Index element) {
    if (rows == 0) {
      if (!then) return;
      first = then->first;
      rows = then->rows;
      row_stride = then->row_stride;
      then = nullptr;
      if (rows == 0) return;
    }
    for (int i = 0; i < Elements; i += strip_width<T>) __builtin_prefetch(first + element + i);
    first += row_stride;
    --rows;
  }
};

/// For the line of each row that a tile at `element` is of.
template <class T>
[[gnu::always_inline]] inline void ask_for_lines(const Asking<T>& asking, Index element) {
  for (Index row = 0; row < asking.rows; ++row) __builtin_prefetch(asking.first + row * asking.row_stride + element);
}

/// A tile of as many channels and vectors as a matrix product's. Rows of pixels lie a page or more apart, where no
/// hardware looks ahead, so every fourth step asks for one that is read or written later: all before the first step, as
/// a tile ends, took 5 to 10 percent longer. With 16 registers, whose tiles have a line a row, each asks for its line
/// of them first: all lines before the first tile took 6 to 18 percent longer from 64 to 256 channels, a line every
/// fourth step longer still. The last steps are a `do` for the reason in `for_each_tap`.
template <class V, int Tile, int Vectors, class T>
[[gnu::always_inline]] inline void multiply_pixels_tile(const PixelProduct<T>& p, const PixelStart<T>& start,
                                                        Index element) {
  constexpr int steps = 4;
  V sum[Tile][Vectors];
  for (int m = 0; m < Tile; ++m)
    for (int n = 0; n < Vectors; ++n)
      sum[m][n] = V::load(start.first + m * start.channel_step + (element + n * V::width) * start.element_step);
  const T *weight = p.weight, *source = p.source + element;
  const auto add_channel = [&] __attribute__((always_inline)) {
    V pixels[Vectors];
    for (int n = 0; n < Vectors; ++n) pixels[n] = V::load_to_register(source + n * V::width);
    for (int m = 0; m < Tile; ++m) {
      const V factor = V::broadcast(weight[m]);
      for (int n = 0; n < Vectors; ++n) sum[m][n] = multiply_add(factor, pixels[n], sum[m][n]);
    }
    weight += Tile;
    source += p.source_stride;
  };
  Index left = p.source_channels;
  if constexpr (vector_registers == 32) {
    Ahead<T, Vectors * V::width> ahead(p);
    for (; left > steps; left -= steps) {
      ahead.ask(element);
      unrolled<steps>([&](int) { add_channel(); });
    }
  } else {
    ask_for_lines(p.targets_ahead, element);
    ask_for_lines(p.sources_ahead, element);
  }
  do add_channel();
  while (--left > 0);
  T* const target = p.target + element;
  const Index stride = p.target_stride;  // told once: after each store it might be another
  for (int m = 0; m < Tile; ++m)
    for (int n = 0; n < Vectors; ++n) sum[m][n].store(target + m * stride + n * V::width);
}

/// As many elements at a time as the registers hold.
template <class V, int Tile, int Vectors, class T>
[[gnu::noinline]] void multiply_pixels_rows(const PixelProduct<T>& p, const PixelStart<T>& start, Index element = 0) {
  for (; element + Vectors * V::width <= p.elements; element += Vectors * V::width)
    multiply_pixels_tile<V, Tile, Vectors>(p, start, element);
  if (element == p.elements) return;
  if constexpr (Vectors > 1) multiply_pixels_rows<V, Tile, Vectors / 2>(p, start, element);
  else if constexpr (V::width > 1) multiply_pixels_rows<Vec<T, narrower<T>(V::width)>, Tile, 1>(p, start, element);
}

template <class T>
void multiply_pixels(const PixelProduct<T>& p) {
  using V = Vec<T, widest<T>>;
  constexpr int most = product_rows(product_vectors);
  T biases[most * V::width];
  if (!p.accumulate)
    for (Index m = 0; m < p.tile; ++m) V::broadcast(p.bias ? p.bias[m] : T(0)).store(biases + m * V::width);
  const PixelStart<T> start =
      p.accumulate ? PixelStart<T>{p.target, p.target_stride, 1} : PixelStart<T>{biases, V::width, 0};
  with_count<most>(p.tile, [&]<int Tile>() { multiply_pixels_rows<V, Tile, product_vectors>(p, start); });
}

}  // namespace
}  // namespace cnnbp
