// The register tile of forward and delta: sums of some channels at some positions, over source channels and taps.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// A tile's sums stay in registers: 12 of 16 leave room for the sources and one weight, 24 of 32 likewise.
constexpr int tile_registers = vector_registers == 32 ? 24 : 12;

/// Rows of a tile of `Tile` channels. A row alone would have too few sums to hide the time that a multiply-add takes,
/// and each would fetch all rows of the kernel: deltas of one channel took a third longer.
template <int Tile>
constexpr int tile_rows = tile_registers / Tile >= 24  ? 4
                          : tile_registers / Tile >= 8 ? 2
                                                       : 1;

/// Vectors side by side in a tile of `Tile` channels and `Rows` rows. More than 6 would only add loads.
template <int Tile, int Rows = 1>
constexpr int tile_vectors = tile_registers / Tile / Rows < 6 ? tile_registers / Tile / Rows : 6;

/// One of the three loops of a tile: how often, and the elements from one source, and one weight, to the next.
struct TapLoop {
  Index count, source_step, weight_step;
};

/// Where one tile reads: its taps and source channels, and what its sums start from. It is filled in where it lies and
/// never copied: a copy reads 64 bytes that were written as eights, and waits for all stores before it to reach the
/// caches; that was a tenth of a pass.
template <class T>
struct TileSource {
  const Correlation<T>& all;
  TapLoop outer, middle, inner;
  const T* weight;        // of the first tap
  const T* bias;          // 64 bytes a channel, or null: the target holds the sum over earlier channels
  Index vector_step = 0;  // elements between the source vectors of neighbouring positions
  Index target_step = 0;
  Index row_step = 0;                         // elements between the sources of neighbouring rows
  Index half_step = 0, target_half_step = 0;  // see Halved, and Apart
  int first = 0;                              // see First

  TileSource(const Correlation<T>& correlation, const T* biases) : all(correlation), bias(biases) {}
  TileSource(const TileSource&) = delete;

  void step_by(Index source, Index target) {
    vector_step = source;
    target_step = target;
  }
};

/// A vector whose lanes lie side by side.
template <class Vector>
struct Together {
  using V = Vector;
  using T = typename V::Scalar;
  static V load(const T* p, const TileSource<T>&) { return V::load(p); }
  static V load_to_register(const T* p, const TileSource<T>&) { return V::load_to_register(p); }
  static V load_target(const T* p, Index /*step*/, const TileSource<T>&) { return V::load(p); }
  static void store(V v, T* p, const TileSource<T>&) { v.store(p); }
};

/// Of them the first alone: what is left of a row of a single sample.
template <class Vector>
struct First {
  using V = Vector;
  using T = typename V::Scalar;
  static V load(const T* p, const TileSource<T>& from) { return V::load_first(p, from.first); }
  static V load_to_register(const T* p, const TileSource<T>& from) { return load(p, from); }
  static V load_target(const T* p, Index /*step*/, const TileSource<T>& from) { return load(p, from); }
  static void store(V v, T* p, const TileSource<T>& from) { v.store_first(p, from.first); }
};

/// Two pixels of a narrow block in one vector, where they lie apart in the target and, perhaps, in the source.
template <class Vector, bool SourceApart>
struct Halved {
  using V = Vector;
  using T = typename V::Scalar;
  static V load(const T* p, const TileSource<T>& from) {
    if constexpr (SourceApart) return V::load_halves(p, p + from.half_step);
    else return V::load(p);
  }
  static V load_to_register(const T* p, const TileSource<T>& from) { return load(p, from); }
  static V load_target(const T* p, Index step, const TileSource<T>&) { return V::load_halves(p, p + step); }
  static void store(V v, T* p, const TileSource<T>& from) { v.store_halves(p, p + from.target_half_step); }
};

/// Pixels of a single sample that lie apart in the source, in the target or in both.
template <class Vector, bool SourceApart>
struct Apart {
  using V = Vector;
  using T = typename V::Scalar;
  static V load(const T* p, const TileSource<T>& from) {
    if constexpr (SourceApart) return V::load_apart(p, from.half_step);
    else return V::load(p);
  }
  static V load_to_register(const T* p, const TileSource<T>& from) { return load(p, from); }
  static V load_target(const T* p, Index step, const TileSource<T>&) {
    return step < 2 ? V::load(p) : V::load_apart(p, step);
  }
  static void store(V v, T* p, const TileSource<T>& from) {
    if (from.target_half_step < 2) v.store(p);
    else v.store_apart(p, from.target_half_step);
  }
};

/// Calls add(pixels, weights) for every tap of every source channel. There is at least one, which `do` tells GCC 12:
/// before loops that may not run, it put all sums onto the stack, and took them back after it. First layers gain up
/// to 6 percent.
template <class T, class Add>
[[gnu::always_inline]] inline void for_each_tap(const TileSource<T>& from, const T* source, Add add) {
  const TapLoop &outer = from.outer, &middle = from.middle, &inner = from.inner;
  const T* weight = from.weight;
  Index i = outer.count;
  do {
    const T *middle_source = source, *middle_weight = weight;
    Index j = middle.count;
    do {
      const T *x = middle_source, *w = middle_weight;
      Index k = inner.count;
      do {
        add(x, w);
        x += inner.source_step;
        w += inner.weight_step;
      } while (--k > 0);
      middle_source += middle.source_step;
      middle_weight += middle.weight_step;
    } while (--j > 0);
    source += outer.source_step;
    weight += outer.weight_step;
  } while (--i > 0);
}

/// Where the sums of a tile start: as they lie in the target or, all positions alike, in the bias. With a branch for
/// each, GCC 12 puts them onto the stack, see `for_each_tap`.
template <class T>
struct TileStart {
  const T* first;
  Index channel_step, row_step, position_step, half_step;

  static TileStart of(const TileSource<T>& from, const T* target) {
    if (from.bias) return {from.bias, strip_width<T>, 0, 0, 0};
    return {target, from.all.target_channel_stride, from.all.target_row_stride, from.target_step,
            from.target_half_step};
  }
};

/// `Tile` channels × `Rows` × `Vectors` positions. Of a tap's weights and pixels the fewer wait in registers for the
/// others, which come one by one. Left to itself, GCC 12 makes an operand in memory of each multiply-add out of a pixel
/// that at most three read: deltas of 3 channels took 1.6 times as long.
template <class Lie, int Tile, int Rows, int Vectors, class T>
[[gnu::always_inline]] inline void correlate_tile(const TileSource<T>& from, const T* source, T* target) {
  using V = typename Lie::V;
  constexpr int positions = Rows * Vectors;
  const Correlation<T>& a = from.all;
  const auto start = TileStart<T>::of(from, target);
  V sum[Tile][positions];
  for (int oc = 0; oc < Tile; ++oc)
#pragma GCC unroll 24
    for (int p = 0; p < positions; ++p)
      sum[oc][p] = Lie::load_target(
          start.first + oc * start.channel_step + p / Vectors * start.row_step + p % Vectors * start.position_step,
          start.half_step, from);
  const auto pixel_at = [&](const T* x, int p) {
    const T* const at = x + p / Vectors * from.row_step + p % Vectors * from.vector_step;
    if constexpr (Tile > 1) return Lie::load_to_register(at, from);
    else return Lie::load(at, from);
  };
  for_each_tap(from, source, [&](const T* x, const T* w) {
    if constexpr (Tile < positions) {
      V weight[Tile];
      for (int oc = 0; oc < Tile; ++oc) weight[oc] = V::broadcast(w[oc]);
#pragma GCC unroll 24
      for (int p = 0; p < positions; ++p) {
        const V pixel = pixel_at(x, p);
        for (int oc = 0; oc < Tile; ++oc) sum[oc][p] = multiply_add(weight[oc], pixel, sum[oc][p]);
      }
    } else {
      V pixel[positions];
      for (int p = 0; p < positions; ++p) pixel[p] = pixel_at(x, p);
      for (int oc = 0; oc < Tile; ++oc) {
        const V weight = V::broadcast(w[oc]);
        for (int p = 0; p < positions; ++p) sum[oc][p] = multiply_add(weight, pixel[p], sum[oc][p]);
      }
    }
  });
#pragma GCC unroll 6
  for (int oc = 0; oc < Tile; ++oc)
#pragma GCC unroll 24
    for (int p = 0; p < positions; ++p)
      Lie::store(
          sum[oc][p],
          target + oc * a.target_channel_stride + p / Vectors * a.target_row_stride + p % Vectors * from.target_step,
          from);
}

/// `count` positions in each of `Rows` rows, as many at a time as the registers hold.
/// Not inline: among the loops around it, GCC 12 runs out of AVX-512's registers.
template <class Lie, int Tile, int Rows, int Vectors, class T>
[[gnu::noinline]] void correlate_positions(const TileSource<T>& from, const T* source, T* target, Index count) {
  for (; count >= Vectors; count -= Vectors) {
    correlate_tile<Lie, Tile, Rows, Vectors>(from, source, target);
    source += Vectors * from.vector_step;
    target += Vectors * from.target_step;
  }
  if constexpr (Vectors > 1) {
    constexpr int fewer = Vectors == 3 ? 2 : Vectors > 4 ? Vectors - 2 : Vectors / 2;
    if (count > 0) correlate_positions<Lie, Tile, Rows, fewer>(from, source, target, count);
  }
}

}  // namespace
}  // namespace cnnbp
