// Forward and delta of a convolution: one register-tiled sum over source channels and taps.
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
  Index half_step = 0, target_half_step = 0;  // see Halved

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
  static constexpr bool together = true;
  static V load(const T* p, Index /*half_step*/) { return V::load(p); }
  static V load_to_register(const T* p, Index /*half_step*/) { return V::load_to_register(p); }
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
  static V load_to_register(const T* p, Index half_step) { return load(p, half_step); }
  static V load_target(const T* p, Index half_step) { return V::load_halves(p, p + half_step); }
  static void store(V v, T* p, Index half_step) { v.store_halves(p, p + half_step); }
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
          start.half_step);
  const auto pixel_at = [&](const T* x, int p) {
    const T* const at = x + p / Vectors * from.row_step + p % Vectors * from.vector_step;
    if constexpr (Tile > 1) return Lie::load_to_register(at, from.half_step);
    else return Lie::load(at, from.half_step);
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
          from.target_half_step);
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

/// Pixels that lie apart, each with all its lanes, so that both halves of its cache line are read at once (1 to 11
/// percent of a strided pass). One call for all of them is another 3 to 10 percent.
template <class V, int Tile, class T>
[[gnu::noinline]] void correlate_pixels(const TileSource<T>& from, const Run& run, const T* source, T* target) {
  const Index lanes = from.all.lanes;
  for (Index i = 0; i < run.count; ++i, source += run.advance * lanes, target += run.step * lanes)
    for (Index part = 0; part < lanes; part += tile_vectors<Tile> * V::width)
      correlate_tile<Together<V>, Tile, 1, tile_vectors<Tile>>(from, source + part, target + part);
}

/// Pixels side by side. In a narrow block several of them fill a wide vector, so that it costs no more than its share.
template <class V, int Tile, int Rows, class T>
inline void correlate_neighbours(TileSource<T>& from, const T* source, T* target, Index elements) {
  using Wide = Vec<T, widest<T>>;
  from.step_by(Wide::width, Wide::width);
  const Index wide = elements / Wide::width * Wide::width;
  correlate_positions<Together<Wide>, Tile, Rows, tile_vectors<Tile, Rows>>(from, source, target, wide / Wide::width);
  if constexpr (V::width < Wide::width) {
    from.step_by(V::width, V::width);
    correlate_positions<Together<V>, Tile, Rows, 1>(from, source + wide, target + wide, (elements - wide) / V::width);
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
  if (run.advance == 1)
    correlate_positions<Halved<Pair, false>, Tile, 1, tile_vectors<Tile>>(from, source, target, pairs);
  else correlate_positions<Halved<Pair, true>, Tile, 1, tile_vectors<Tile>>(from, source, target, pairs);
  if (run.count % 2 != 0)
    correlate_positions<Together<V>, Tile, 1, 1>(from, source + pairs * from.vector_step,
                                                 target + pairs * from.target_step, 1);
}

inline bool side_by_side(const Run& run) { return run.advance == 1 && run.step == 1; }

/// One run of columns. Neighbouring pixels lie side by side, so a run of neighbours is one row of vectors; otherwise a
/// pixel is some whole tiles where it has that many lanes, and else the columns are strided vectors.
template <class V, int Tile, class T>
inline void correlate_run(TileSource<T>& from, const Run& run, const T* source, T* target) {
  const Index lanes = from.all.lanes;
  if (side_by_side(run)) return correlate_neighbours<V, Tile, 1>(from, source, target, run.count * lanes);
  if constexpr (V::width < widest<T>) {
    correlate_pairs<V, Tile>(from, run, source, target);
  } else if (lanes % (tile_vectors<Tile> * V::width) == 0) {
    from.step_by(V::width, V::width);
    correlate_pixels<V, Tile>(from, run, source, target);
  } else {
    from.step_by(run.advance * lanes, run.step * lanes);
    for (Index part = 0; part < lanes; part += V::width)
      correlate_positions<Together<V>, Tile, 1, tile_vectors<Tile>>(from, source + part, target + part, run.count);
  }
}

/// A run that meets no data.
template <int Tile, int Rows, class T>
[[gnu::noinline]] void start_only(const TileSource<T>& from, const Run& run, T* target) {
  const Correlation<T>& a = from.all;
  if (from.bias == nullptr) return;
  for (int oc = 0; oc < Tile; ++oc)
    for (int r = 0; r < Rows; ++r)
      for (Index i = 0; i < run.count; ++i)
        for (Index lane = 0; lane < a.lanes; ++lane)
          target[oc * a.target_channel_stride + r * a.target_row_stride + i * run.step * a.lanes + lane] =
              from.bias[oc * strip_width<T>];
}

/// `Rows` rows of the same taps, of `count` channels from `channel` on. The longer loop over taps goes inside: the ends
/// of short ones are guessed wrong again and again.
template <class V, int Tile, int Rows, class T>
inline void correlate_rows(TileSource<T>& from, Index row, Index channel, Index count) {
  const Correlation<T>& a = from.all;
  const Taps& taps = a.rows[row];
  const Index tap_weights = Tile, row_weights = a.kernel_width * tap_weights;
  const TapLoop channels{count, a.source_channel_stride, a.kernel_height * row_weights};
  const TapLoop rows{taps.count, taps.source_step * a.source_row_stride, taps.step * row_weights};
  if constexpr (Rows > 1) from.row_step = (a.rows[row + 1].source - taps.source) * a.source_row_stride;
  for (Index i = 0; i < a.column_runs; ++i) {
    const Run& run = a.columns[i];
    const TapLoop columns{run.taps.count, run.taps.source_step * a.lanes, run.taps.step * tap_weights};
    const T* source =
        a.source + channel * a.source_channel_stride + taps.source * a.source_row_stride + run.taps.source * a.lanes;
    T* target = a.target + row * a.target_row_stride + run.begin * a.lanes;
    from.weight = a.weight + channel * channels.weight_step + taps.first * row_weights + run.taps.first * tap_weights;
    const bool channels_inside = count >= columns.count;
    from.outer = channels_inside ? rows : channels;
    from.middle = channels_inside ? columns : rows;
    from.inner = channels_inside ? channels : columns;
    if (count * rows.count * columns.count == 0) {
      start_only<Tile, Rows>(from, run, target);
    } else if (Rows > 1 && side_by_side(run)) {
      correlate_neighbours<V, Tile, Rows>(from, source, target, run.count * a.lanes);
    } else {
      for (int r = 0; r < Rows; ++r)
        correlate_run<V, Tile>(from, run, source + r * from.row_step, target + r * a.target_row_stride);
    }
  }
}

/// How many rows from `row` on, up to `most`, have the same taps, and sources one distance apart.
template <class T>
inline int rows_alike(const Correlation<T>& a, Index row, int most) {
  const Taps& first = a.rows[row];
  int count = 1;
  for (; count < most && row + count < a.row_end; ++count) {
    const Taps& next = a.rows[row + count];
    const Index apart = a.rows[row + 1].source - first.source;
    if (next.first != first.first || next.step != first.step || next.count != first.count ||
        next.source_step != first.source_step || next.source != first.source + count * apart)
      break;
  }
  return count;
}

/// Source channels are taken in even groups of at most 288 taps, so that what a row of tiles reads of them (32 channels
/// × 3 rows × 3 columns of 64 bytes, 18 KB) stays in the first cache. A small last group would load and store all sums
/// for few products: 32 channels as 28 and 4 took a tenth to a fifth longer in a strided delta. One row of one tap
/// reads nothing again, so all its channels are one group: 512 rows of a product take 2 to 4 percent less.
template <class V, int Tile, class T>
[[gnu::noinline]] void correlate_groups(const Correlation<T>& a) {
  constexpr Index most_taps = 288;
  constexpr int together = tile_rows<Tile>;
  const bool once = a.kernel_height * a.kernel_width == 1 && a.row_end - a.row_begin == 1;
  const Index groups = once ? 1 : (a.source_channels * a.kernel_height * a.kernel_width + most_taps - 1) / most_taps;
  const Index group = groups > 1 ? (a.source_channels + groups - 1) / groups : a.source_channels;
  T biases[Tile * strip_width<T>];
  for (int oc = 0; oc < Tile; ++oc)
    for (Index i = 0; i < strip_width<T>; ++i) biases[oc * strip_width<T> + i] = a.bias ? a.bias[oc] : T(0);
  Index ic = 0;
  do {  // without channels, the sum is the bias
    const Index count = ic + group < a.source_channels ? group : a.source_channels - ic;
    TileSource<T> from(a, a.accumulate || ic > 0 ? nullptr : biases);
    for (Index row = a.row_begin, next; row < a.row_end; row = next) {
      const bool all = together > 1 && rows_alike(a, row, together) == together;
      if (all) correlate_rows<V, Tile, together>(from, row, ic, count);
      else correlate_rows<V, Tile, 1>(from, row, ic, count);
      next = row + (all ? together : 1);
    }
    ic += count;
  } while (ic < a.source_channels);
}

template <class T>
void correlate(const Correlation<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    with_count<6>(a.tile, [&]<int Tile>() { correlate_groups<V, Tile>(a); });
  });
}

}  // namespace
}  // namespace cnnbp
