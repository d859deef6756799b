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

/// Where one tile reads: the taps of its row and its columns, and a range of source channels.
template <class T>
struct TileSource {
  const Correlation<T>& all;
  Taps row, column;
  Index channel_begin, channel_end;
  bool continued;     // the target holds the sum over earlier channels
  Index vector_step;  // elements between the source vectors of neighbouring positions
  Index target_step;
  Index tap_step;  // elements between the sources of neighbouring kernel columns
};

/// `Tile` channels × `Vectors` positions.
template <class V, int Tile, int Vectors, class T>
[[gnu::always_inline]] inline void correlate_tile(const TileSource<T>& from, const T* source, T* target) {
  const Correlation<T>& a = from.all;
  V sum[Tile][Vectors];
  for (int oc = 0; oc < Tile; ++oc)
    for (int p = 0; p < Vectors; ++p)
      sum[oc][p] = from.continued ? V::load(target + oc * a.target_channel_stride + p * from.target_step)
                                  : V::broadcast(a.bias ? a.bias[oc] : T(0));

  const auto add = [&](const T* x, const T* w) {
    V pixel[Vectors];
    for (int p = 0; p < Vectors; ++p) pixel[p] = V::load(x + p * from.vector_step);
    for (int oc = 0; oc < Tile; ++oc) {
      const V weight = V::broadcast(w[oc]);
      for (int p = 0; p < Vectors; ++p) sum[oc][p] = multiply_add(weight, pixel[p], sum[oc][p]);
    }
  };
  const Index row_step = from.row.source_step * a.source_row_stride;
  const Index weight_step = from.column.step * Tile, channel_weights = a.kernel_height * a.kernel_width * Tile;
  const T* first_weight = a.weight + (from.row.first * a.kernel_width + from.column.first) * Tile;
  if (from.channel_end - from.channel_begin >= from.column.count) {
    // The longer loop goes inside: the ends of short ones are guessed wrong again and again.
    for (Index i = 0; i < from.row.count; ++i)
      for (Index j = 0; j < from.column.count; ++j) {
        const T* x = source + from.channel_begin * a.source_channel_stride + i * row_step + j * from.tap_step;
        const T* w = first_weight + from.channel_begin * channel_weights + i * from.row.step * a.kernel_width * Tile +
                     j * weight_step;
        for (Index ic = from.channel_end - from.channel_begin; ic > 0;
             --ic, x += a.source_channel_stride, w += channel_weights)
          add(x, w);
      }
  } else {
    for (Index ic = from.channel_begin; ic < from.channel_end; ++ic)
      for (Index i = 0; i < from.row.count; ++i) {
        const T* x = source + ic * a.source_channel_stride + i * row_step;
        const T* w = first_weight + ic * channel_weights + i * from.row.step * a.kernel_width * Tile;
        for (Index j = from.column.count; j > 0; --j, x += from.tap_step, w += weight_step) add(x, w);
      }
  }
  for (int oc = 0; oc < Tile; ++oc)
    for (int p = 0; p < Vectors; ++p) sum[oc][p].store(target + oc * a.target_channel_stride + p * from.target_step);
}

/// `count` positions, as many at a time as the registers hold.
/// Not inline: among the loops around it, GCC 12 runs out of AVX-512's registers.
template <class V, int Tile, int Vectors, class T>
[[gnu::noinline]] void correlate_positions(const TileSource<T>& from, const T* source, T* target, Index count) {
  for (; count >= Vectors; count -= Vectors) {
    correlate_tile<V, Tile, Vectors>(from, source, target);
    source += Vectors * from.vector_step;
    target += Vectors * from.target_step;
  }
  if constexpr (Vectors > 1) {
    constexpr int fewer = Vectors == 3 ? 2 : Vectors > 4 ? Vectors - 2 : Vectors / 2;
    if (count > 0) correlate_positions<V, Tile, fewer>(from, source, target, count);
  }
}

/// Pixels that lie apart, each with all its lanes, so that both halves of its cache line are read at once (1 to 11
/// percent of a strided pass). One call for all of them is another 3 to 10 percent.
template <class V, int Tile, class T>
[[gnu::noinline]] void correlate_pixels(const TileSource<T>& from, const Run& run, const T* source, T* target) {
  const Index lanes = from.all.lanes;
  for (Index i = 0; i < run.count; ++i, source += run.advance * lanes, target += run.step * lanes)
    for (Index part = 0; part < lanes; part += tile_vectors<Tile> * V::width)
      correlate_tile<V, Tile, tile_vectors<Tile>>(from, source + part, target + part);
}

/// Pixels side by side. In a narrow block several of them fill a wide vector, so that it costs no more than its share.
template <class V, int Tile, class T>
inline void correlate_neighbours(TileSource<T> from, const T* source, T* target, Index elements) {
  using Wide = Vec<T, widest<T>>;
  if constexpr (V::width < Wide::width) {
    const Index wide = elements / Wide::width * Wide::width;
    from.vector_step = from.target_step = Wide::width;
    correlate_positions<Wide, Tile, tile_vectors<Tile>>(from, source, target, wide / Wide::width);
    source += wide;
    target += wide;
    elements -= wide;
  }
  from.vector_step = from.target_step = V::width;
  correlate_positions<V, Tile, tile_vectors<Tile>>(from, source, target, elements / V::width);
}

/// One run of columns. Neighbouring pixels lie side by side, so a run of neighbours is one row of vectors; otherwise a
/// pixel is some whole tiles where it has that many lanes, and else the columns are strided vectors.
template <class V, int Tile, class T>
inline void correlate_run(TileSource<T> from, const Run& run, const T* source, T* target) {
  const Index lanes = from.all.lanes;
  from.column = run.taps;
  from.tap_step = run.taps.source_step * lanes;
  source += run.taps.source * lanes;
  target += run.begin * lanes;
  from.vector_step = from.target_step = V::width;
  if (run.advance == 1 && run.step == 1) {
    correlate_neighbours<V, Tile>(from, source, target, run.count * lanes);
  } else if (lanes % (tile_vectors<Tile> * V::width) == 0) {
    correlate_pixels<V, Tile>(from, run, source, target);
  } else {
    from.vector_step = run.advance * lanes;
    from.target_step = run.step * lanes;
    for (Index part = 0; part < lanes; part += V::width)
      correlate_positions<V, Tile, tile_vectors<Tile>>(from, source + part, target + part, run.count);
  }
}

/// Source channels are taken in even groups of at most 288 taps, so that what a row of tiles reads of them (32 channels
/// × 3 rows × 3 columns of 64 bytes, 18 KB) stays in the first cache. A small last group would load and store all sums
/// for few products: 32 channels as 28 and 4 took a tenth to a fifth longer in a strided delta.
template <class V, int Tile, class T>
[[gnu::noinline]] void correlate_rows(const Correlation<T>& a) {
  constexpr Index most_taps = 288;
  const Index groups = (a.source_channels * a.kernel_height * a.kernel_width + most_taps - 1) / most_taps;
  const Index group = groups > 1 ? (a.source_channels + groups - 1) / groups : a.source_channels;
  Index ic = 0;
  do {  // without channels, the sum is the bias
    const Index end = ic + group < a.source_channels ? ic + group : a.source_channels;
    for (Index row = a.row_begin; row < a.row_end; ++row) {
      const T* source = a.source + a.rows[row].source * a.source_row_stride;
      T* target = a.target + row * a.target_row_stride;
      const TileSource<T> from{a, a.rows[row], {}, ic, end, a.accumulate || ic > 0, 0, 0, 0};
      for (Index r = 0; r < a.column_runs; ++r) correlate_run<V, Tile>(from, a.columns[r], source, target);
    }
    ic = end;
  } while (ic < a.source_channels);
}

template <class T>
void correlate(const Correlation<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    switch (a.tile) {
      case 1: return correlate_rows<V, 1>(a);
      case 2: return correlate_rows<V, 2>(a);
      case 3: return correlate_rows<V, 3>(a);
      case 4: return correlate_rows<V, 4>(a);
      case 5: return correlate_rows<V, 5>(a);
      default: return correlate_rows<V, 6>(a);
    }
  });
}

}  // namespace
}  // namespace cnnbp
