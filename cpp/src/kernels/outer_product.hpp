// Gradient of a linear layer: the sum over samples of outer products of delta and input.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// Features lie side by side here, so that a gradient is one chain over the samples and no lanes are summed. What it is
/// added to comes from the last cache while it is made: LeNet's step takes 1 percent less by asking for it first.
template <class V, int Tile, int Vectors, class T>
inline void outer_product_tile(const OuterProduct<T>& a, Index k) {
  V sum[Tile][Vectors];
  for (int o = 0; o < Tile; ++o)
    for (int p = 0; p < Vectors; ++p) sum[o][p] = zero<V>();
  for (int o = 0; o < Tile; ++o)
    for (int p = 0; p < Vectors; ++p) __builtin_prefetch(a.gradient + o * a.gradient_stride + k + p * V::width, 1);
  const T* x = a.input_rows + k;
  for (Index n = 0; n < a.samples; ++n, x += a.row_stride) {
    V row[Vectors];
    for (int p = 0; p < Vectors; ++p) row[p] = V::load_to_register(x + p * V::width);
    for (int o = 0; o < Tile; ++o) {
      const V delta = V::broadcast(a.delta[o * a.samples + n]);
      for (int p = 0; p < Vectors; ++p) sum[o][p] = multiply_add(delta, row[p], sum[o][p]);
    }
  }
  for (int o = 0; o < Tile; ++o) {
    T* g = a.gradient + o * a.gradient_stride + k;
    if (k + Vectors * V::width <= a.features) {
      for (int p = 0; p < Vectors; ++p) (V::load(g + p * V::width) + sum[o][p]).store(g + p * V::width);
    } else {
      T last[Vectors * V::width];
      for (int p = 0; p < Vectors; ++p) sum[o][p].store(last + p * V::width);
      for (Index i = 0; k + i < a.features; ++i) g[i] += last[i];
    }
  }
}

/// Rows of `input_rows` are padded with zeros to a whole number of 64 bytes.
template <class V, int Tile, class T>
[[gnu::noinline]] void outer_product_rows(const OuterProduct<T>& a) {
  constexpr int narrow = 64 / (V::width * sizeof(T)) < 2 ? 1 : 2, wide = vector_registers == 32 ? 4 : narrow;
  Index k = 0;
  if constexpr (wide > narrow)
    for (; k + wide * V::width <= a.features; k += wide * V::width) outer_product_tile<V, Tile, wide>(a, k);
  for (; k < a.features; k += narrow * V::width) outer_product_tile<V, Tile, narrow>(a, k);
}

template <class T>
void accumulate_outer_product(const OuterProduct<T>& a) {
  with_count<6>(a.tile, [&]<int Tile>() { outer_product_rows<Vec<T, widest<T>>, Tile>(a); });
}

}  // namespace
}  // namespace cnnbp
