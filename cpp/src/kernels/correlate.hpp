// Forward and delta of a convolution: one register-tiled sum over source channels and taps.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// A tile's sums stay in registers: 12 of 16 leave room for the sources and one weight, 24 of 32 likewise.
constexpr int tile_registers = vector_registers == 32 ? 24 : 12;

/// Vectors side by side in a tile of `Tile` channels. More than 6 would only add loads.
template <int Tile>
constexpr int tile_vectors = tile_registers / Tile < 6 ? tile_registers / Tile : 6;

/// The same where a vector's halves are loaded apart: it needs a register then, where a whole one is an operand in
/// memory. GCC 12 has none left for more than four, however many there are.
template <int Tile>
constexpr int pair_vectors = tile_registers / Tile > 4                                   ? 4
                             : tile_registers + tile_registers / Tile < vector_registers ? tile_registers / Tile
                                                                                         : tile_registers / Tile - 1;

/// Where one tile reads: the taps of its row and its columns, and a range of source channels. It is filled in where it
/// lies and never copied: a copy reads 64 bytes that were written as eights, and waits for all stores before it to
/// reach the caches; that was a tenth of a pass.
template <class T>
struct TileSource {
  const Correlation<T>& all;
  const Taps* row_taps;
  const Taps* column_taps;
  Index channel_begin, channel_end;
  bool continued;         // the target holds the sum over earlier channels
  Index vector_step = 0;  // elements between the source vectors of neighbouring positions
  Index target_step = 0;
  Index tap_step = 0;                         // elements between the sources of neighbouring kernel columns
  Index half_step = 0, target_half_step = 0;  // see Halved

  TileSource(const Correlation<T>& correlation, Index begin, Index end)
      : all(correlation), channel_begin(begin), channel_end(end), continued(correlation.accumulate || begin > 0) {}
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
  static constexpr bool together = true;
  static V load(const T* p, Index /*half_step*/) { return V::load(p); }
  static V load_target(const T* p, Index /*half_step*/) { return V::load(p); }
  static void store(V v, T* p, Index /*half_step*/) { v.store(p); }
};

/// Two pixels of a narrow block in one vector, where they lie apart in the target and, perhaps, in the source.
template <class Vector, bool SourceApart>
struct Halved {
  using V = Vector;
  using T = typename V::Scalar;
  static constexpr bool together = false;
  static V load(const T* p, Index half_step) {
    if constexpr (SourceApart) return V::load_halves(p, p + half_step);
    else return V::load(p);
  }
  static V load_target(const T* p, Index half_step) { return V::load_halves(p, p + half_step); }
  static void store(V v, T* p, Index half_step) { v.store_halves(p, p + half_step); }
};

/// Calls add(pixels, weights) for every tap of every source channel. The longer loop goes inside: the ends of short
/// ones are guessed wrong again and again.
template <int Tile, class T, class Add>
[[gnu::always_inline]] inline void for_each_tap(const TileSource<T>& from, const T* source, Add add) {
  const Correlation<T>& a = from.all;
  const Taps &row = *from.row_taps, &column = *from.column_taps;
  const Index row_step = row.source_step * a.source_row_stride;
  const Index weight_step = column.step * Tile, channel_weights = a.kernel_height * a.kernel_width * Tile;
  const T* first_weight = a.weight + (row.first * a.kernel_width + column.first) * Tile;
  if (from.channel_end - from.channel_begin >= column.count) {
    for (Index i = 0; i < row.count; ++i)
      for (Index j = 0; j < column.count; ++j) {
        const T* x = source + from.channel_begin * a.source_channel_stride + i * row_step + j * from.tap_step;
        const T* w = first_weight + from.channel_begin * channel_weights + i * row.step * a.kernel_width * Tile +
                     j * weight_step;
        for (Index ic = from.channel_end - from.channel_begin; ic > 0;
             --ic, x += a.source_channel_stride, w += channel_weights)
          add(x, w);
      }
  } else {
    for (Index ic = from.channel_begin; ic < from.channel_end; ++ic)
      for (Index i = 0; i < row.count; ++i) {
        const T* x = source + ic * a.source_channel_stride + i * row_step;
        const T* w = first_weight + ic * channel_weights + i * row.step * a.kernel_width * Tile;
        for (Index j = column.count; j > 0; --j, x += from.tap_step, w += weight_step) add(x, w);
      }
  }
}

/// `Tile` channels × `Vectors` positions.
template <class Lie, int Tile, int Vectors, class T>
[[gnu::always_inline]] inline void correlate_tile(const TileSource<T>& from, const T* source, T* target) {
  using V = typename Lie::V;
  const Correlation<T>& a = from.all;
  V sum[Tile][Vectors];
  const auto at = [&](int oc, int p) { return target + oc * a.target_channel_stride + p * from.target_step; };
  for (int oc = 0; oc < Tile; ++oc)
    for (int p = 0; p < Vectors; ++p)
      sum[oc][p] = from.continued ? Lie::load_target(at(oc, p), from.target_half_step)
                                  : V::broadcast(a.bias ? a.bias[oc] : T(0));
  for_each_tap<Tile>(from, source, [&](const T* x, const T* w) {
    V pixel[Vectors];
    for (int p = 0; p < Vectors; ++p) pixel[p] = Lie::load(x + p * from.vector_step, from.half_step);
    for (int oc = 0; oc < Tile; ++oc) {
      const V weight = V::broadcast(w[oc]);
      for (int p = 0; p < Vectors; ++p) sum[oc][p] = multiply_add(weight, pixel[p], sum[oc][p]);
    }
  });
  for (int oc = 0; oc < Tile; ++oc)
    for (int p = 0; p < Vectors; ++p) Lie::store(sum[oc][p], at(oc, p), from.target_half_step);
}

/// `count` positions, as many at a time as the registers hold.
/// Not inline: among the loops around it, GCC 12 runs out of AVX-512's registers.
template <class Lie, int Tile, int Vectors, class T>
[[gnu::noinline]] void correlate_positions(const TileSource<T>& from, const T* source, T* target, Index count) {
  for (; count >= Vectors; count -= Vectors) {
    correlate_tile<Lie, Tile, Vectors>(from, source, target);
    source += Vectors * from.vector_step;
    target += Vectors * from.target_step;
  }
  if constexpr (Vectors > 1) {
    constexpr int fewer = !Lie::together ? 1 : Vectors == 3 ? 2 : Vectors > 4 ? Vectors - 2 : Vectors / 2;
    if (count > 0) correlate_positions<Lie, Tile, fewer>(from, source, target, count);
  }
}

/// Pixels that lie apart, each with all its lanes, so that both halves of its cache line are read at once (1 to 11
/// percent of a strided pass). One call for all of them is another 3 to 10 percent.
template <class V, int Tile, class T>
[[gnu::noinline]] void correlate_pixels(const TileSource<T>& from, const Run& run, const T* source, T* target) {
  const Index lanes = from.all.lanes;
  for (Index i = 0; i < run.count; ++i, source += run.advance * lanes, target += run.step * lanes)
    for (Index part = 0; part < lanes; part += tile_vectors<Tile> * V::width)
      correlate_tile<Together<V>, Tile, tile_vectors<Tile>>(from, source + part, target + part);
}

/// Pixels side by side. In a narrow block several of them fill a wide vector, so that it costs no more than its share.
template <class V, int Tile, class T>
inline void correlate_neighbours(TileSource<T>& from, const T* source, T* target, Index elements) {
  using Wide = Vec<T, widest<T>>;
  from.step_by(Wide::width, Wide::width);
  const Index wide = elements / Wide::width * Wide::width;
  correlate_positions<Together<Wide>, Tile, tile_vectors<Tile>>(from, source, target, wide / Wide::width);
  if constexpr (V::width < Wide::width) {
    from.step_by(V::width, V::width);
    correlate_positions<Together<V>, Tile, 1>(from, source + wide, target + wide, (elements - wide) / V::width);
  }
}

/// Pixels of a narrow block that lie apart, two to a vector: a fifth to a half faster than one by one.
template <class V, int Tile, class T>
inline void correlate_pairs(TileSource<T>& from, const Run& run, const T* source, T* target) {
  using Pair = Vec<T, 2 * V::width>;
  const Index pairs = run.count / 2;
  from.half_step = run.advance * from.all.lanes;
  from.target_half_step = run.step * from.all.lanes;
  from.step_by(2 * from.half_step, 2 * from.target_half_step);
  if (run.advance == 1) correlate_positions<Halved<Pair, false>, Tile, pair_vectors<Tile>>(from, source, target, pairs);
  else correlate_positions<Halved<Pair, true>, Tile, pair_vectors<Tile>>(from, source, target, pairs);
  if (run.count % 2 != 0)
    correlate_positions<Together<V>, Tile, 1>(from, source + pairs * from.vector_step,
                                              target + pairs * from.target_step, 1);
}

/// One run of columns. Neighbouring pixels lie side by side, so a run of neighbours is one row of vectors; otherwise a
/// pixel is some whole tiles where it has that many lanes, and else the columns are strided vectors.
template <class V, int Tile, class T>
inline void correlate_run(TileSource<T>& from, const Run& run, const T* source, T* target) {
  const Index lanes = from.all.lanes;
  from.column_taps = &run.taps;
  from.tap_step = run.taps.source_step * lanes;
  source += run.taps.source * lanes;
  target += run.begin * lanes;
  if (run.advance == 1 && run.step == 1) return correlate_neighbours<V, Tile>(from, source, target, run.count * lanes);
  if constexpr (V::width < widest<T>) {
    correlate_pairs<V, Tile>(from, run, source, target);
  } else if (lanes % (tile_vectors<Tile> * V::width) == 0) {
    from.step_by(V::width, V::width);
    correlate_pixels<V, Tile>(from, run, source, target);
  } else {
    from.step_by(run.advance * lanes, run.step * lanes);
    for (Index part = 0; part < lanes; part += V::width)
      correlate_positions<Together<V>, Tile, tile_vectors<Tile>>(from, source + part, target + part, run.count);
  }
}

/// Source channels are taken in even groups of at most 288 taps, so that what a row of tiles reads of them (32 channels
/// × 3 rows × 3 columns of 64 bytes, 18 KB) stays in the first cache. A small last group would load and store all sums
/// for few products: 32 channels as 28 and 4 took a tenth to a fifth longer in a strided delta. One row of one tap
/// reads nothing again, so all its channels are one group: 512 rows of a product take 2 to 4 percent less.
template <class V, int Tile, class T>
[[gnu::noinline]] void correlate_rows(const Correlation<T>& a) {
  constexpr Index most_taps = 288;
  const bool once = a.kernel_height * a.kernel_width == 1 && a.row_end - a.row_begin == 1;
  const Index groups = once ? 1 : (a.source_channels * a.kernel_height * a.kernel_width + most_taps - 1) / most_taps;
  const Index group = groups > 1 ? (a.source_channels + groups - 1) / groups : a.source_channels;
  Index ic = 0;
  do {  // without channels, the sum is the bias
    const Index end = ic + group < a.source_channels ? ic + group : a.source_channels;
    TileSource<T> from(a, ic, end);
    for (Index row = a.row_begin; row < a.row_end; ++row) {
      const T* source = a.source + a.rows[row].source * a.source_row_stride;
      T* target = a.target + row * a.target_row_stride;
      from.row_taps = &a.rows[row];
      for (Index r = 0; r < a.column_runs; ++r) correlate_run<V, Tile>(from, a.columns[r], source, target);
    }
    ic = end;
  } while (ic < a.source_channels);
}

template <class T>
void correlate(const Correlation<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    with_count<6>(a.tile, [&]<int Tile>() { correlate_rows<V, Tile>(a); });
  });
}

}  // namespace
}  // namespace cnnbp
