// Forward and delta of a convolution: one sum over source channels and taps, by tiles of rows and runs of columns.
#pragma once

#include "kernels/correlation_tile.hpp"

namespace cnnbp {
namespace {

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
  if constexpr (V::width == 1) {
    from.first = int(elements - wide);
    if (from.first == 1) correlate_positions<Together<V>, Tile, Rows, 1>(from, source + wide, target + wide, 1);
    else if (from.first > 0) correlate_positions<First<Wide>, Tile, Rows, 1>(from, source + wide, target + wide, 1);
  } else if constexpr (V::width < Wide::width) {
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

/// Of a single sample as many to a vector as are left. It is put together in registers, so that at most 8 hold sums.
template <int Width, int Tile, class T>
inline void correlate_apart(TileSource<T>& from, const Run& run, const T* source, T* target, Index count) {
  from.half_step = run.advance;
  from.target_half_step = run.step;
  from.step_by(Width * run.advance, Width * run.step);
  const Index whole = count / Width;
  if constexpr (Width == 1) {
    correlate_positions<Together<Vec<T, 1>>, Tile, 1, 1>(from, source, target, whole);
  } else {
    constexpr int vectors = Tile > 4 ? 1 : Tile > 2 ? 2 : 3;
    using V = Vec<T, Width>;
    if (run.advance == 1) correlate_positions<Apart<V, false>, Tile, 1, vectors>(from, source, target, whole);
    else correlate_positions<Apart<V, true>, Tile, 1, vectors>(from, source, target, whole);
    correlate_apart<narrower<T>(Width), Tile>(from, run, source + whole * Width * run.advance,
                                              target + whole * Width * run.step, count - whole * Width);
  }
}

inline bool side_by_side(const Run& run) { return run.advance == 1 && run.step == 1; }

/// One run of columns. Neighbouring pixels lie side by side, so a run of neighbours is one row of vectors; otherwise a
/// pixel is some whole tiles where it has that many lanes, and else the columns are strided vectors.
template <class V, int Tile, class T>
inline void correlate_run(TileSource<T>& from, const Run& run, const T* source, T* target) {
  const Index lanes = from.all.lanes;
  if (side_by_side(run)) return correlate_neighbours<V, Tile, 1>(from, source, target, run.count * lanes);
  if constexpr (V::width == 1) {
    correlate_apart<widest_apart<T>, Tile>(from, run, source, target, run.count);
  } else if constexpr (V::width < widest<T>) {
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

/// Whether `count` rows from `row` on have the same taps, and sources one distance apart.
template <class T>
inline bool rows_alike(const Correlation<T>& a, Index row, int count) {
  if (row + count > a.row_end) return false;
  const Taps& first = a.rows[row];
  for (int i = 1; i < count; ++i) {
    const Taps& next = a.rows[row + i];
    const Index apart = a.rows[row + 1].source - first.source;
    if (next.first != first.first || next.step != first.step || next.count != first.count ||
        next.source_step != first.source_step || next.source != first.source + i * apart)
      return false;
  }
  return true;
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
      const bool all = together > 1 && rows_alike(a, row, together);
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
