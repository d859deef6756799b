// Mean and max pooling of one plane, forward and delta.
#pragma once

#include "kernels/map_arguments.hpp"
#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// Kernel indices of the taps of all windows in a run, from `first` on, as the lanes of vectors: those of a small
/// window, of Size × Size taps, are made once.
template <class V, int Size>
struct TapNumbers {
  V all[Size * Size];

  TapNumbers(Index first, Index next_row) {
    for (Index i = 0; i < Size; ++i)
      for (Index j = 0; j < Size; ++j) all[i * Size + j] = V::broadcast(typename V::Scalar(first + i * next_row + j));
  }
  V of(Index i, Index j) const { return all[i * Size + j]; }
};
template <class V>
struct TapNumbers<V, 0> {
  Index first, next_row;

  V of(Index i, Index j) const { return V::broadcast(typename V::Scalar(first + i * next_row + j)); }
};

/// One pooled pixel and the window it stands for, of Size × Size taps; 0 where the compiler does not know how many.
template <class V, int Size>
struct PooledPixel {
  using T = typename V::Scalar;
  T* window;                    // first tap, in the plane
  Index row_step, column_step;  // from tap to tap
  TapNumbers<V, Size> numbers;
  Index height, width;
  Index oh, ow;
  Index offset;     // in the pooled map, and in `taps`
  Index row_below;  // how far from there the pixel below is

  /// Calls visit(pointer into the plane, kernel index in all lanes) for every tap.
  template <class Visit>
  void for_each_tap(Visit visit) const {
    for (Index i = 0; i < (Size > 0 ? Size : height); ++i)
      for (Index j = 0; j < (Size > 0 ? Size : width); ++j)
        visit(window + i * row_step + j * column_step, numbers.of(i, j));
  }
};

/// The pixels of a run in one row, where `pixel` is the first; `Lanes` are those of a block.
template <Index Lanes, class V, int Size, class Body>
inline void for_each_pixel_of_run(PooledPixel<V, Size> pixel, Index count, Index advance, Body body) {
  for (Index n = 0; n < count; ++n) {
    for (Index part = 0; part < Lanes; part += V::width) {
      body(pixel);
      pixel.window += V::width;
      pixel.offset += V::width;
    }
    pixel.window += (advance - 1) * Lanes;
    ++pixel.ow;
  }
}

/// Calls body(pixel) for every pooled pixel and every part of its lanes. Windows of 2×2, which most networks have, are
/// unrolled. Steps are found before a run's first pixel, and `body` holds values of its own: what is behind a pointer
/// might change with every store, for all the compiler knows, and finding it again for each pixel took twice as long.
template <class T, class Body>
inline void for_each_pixel(const Pooling<T>& a, Body body) {
  with_pixel<T>(a.lanes, [&](auto pixel) {
    using V = typename decltype(pixel)::Vector;
    constexpr Index lanes = decltype(pixel)::parts * V::width;
    const auto walk = [&]<int Size>(Index oh, const Taps& row, const Run& run) {
      const PooledPixel<V, Size> first{
          .window = a.plane + row.source * a.plane_row_stride + run.taps.source * lanes,
          .row_step = row.source_step * a.plane_row_stride,
          .column_step = run.taps.source_step * lanes,
          .numbers = {row.first * a.kernel_width + run.taps.first, a.kernel_width},
          .height = row.count,
          .width = run.taps.count,
          .oh = oh,
          .ow = run.begin,
          .offset = oh * a.pooled_row_stride + run.begin * lanes,
          .row_below = a.pooled_row_stride,
      };
      for_each_pixel_of_run<lanes>(first, run.count, run.advance, body);
    };
    for (Index oh = 0; oh < a.pooled_height; ++oh)
      for (Index r = 0; r < a.column_runs; ++r) {
        const Taps& row = a.rows[oh];
        const Run& run = a.columns[r];
        if (row.count == 2 && run.taps.count == 2) walk.template operator()<2>(oh, row, run);
        else walk.template operator()<0>(oh, row, run);
      }
  });
}

/// Before deltas are added into a plane; where windows cover it without overlap they are stored instead.
template <class T>
inline void clear_plane(const Pooling<T>& a) {
  if (a.partition) return;
  for_each_vector<T>(a.plane_height * a.plane_row_stride,
                     [plane = a.plane](auto vector, Index i) { zero<decltype(vector)>().store(plane + i); });
}

/// A row may be of another call than the one above it, with pixels far away between them: nothing else would fetch it
/// in time. Max pooling makes LeNet's steps 3 percent faster by it, mean pooling a toolbox network's 2.
template <class Pixel, class U>
inline void ask_for_row_below(const Pixel& pixel, const U* map) {
  __builtin_prefetch(map + pixel.offset + pixel.row_below);
}

template <class V, class T>
inline void send(bool partition, V delta, T* to) {
  (partition ? delta : V::load(to) + delta).store(to);
}

/// value / divisor(oh, ow)
template <class T>
struct Division {
  const T *rows, *columns;
  bool multiply;

  explicit Division(const Pooling<T>& a) : rows(a.row_divisor), columns(a.column_divisor), multiply(a.multiply) {}

  template <class V, class Pixel>
  V of(V value, const Pixel& pixel) const {
    const V divisor = V::broadcast(rows[pixel.oh]) * V::broadcast(columns[pixel.ow]);
    return multiply ? value * divisor : value / divisor;
  }
};

/// y(oh, ow) = Σ x / divisor(oh, ow) over the window.
template <class T>
void avg_pool(const Pooling<T>& a) {
  for_each_pixel(a,
                 [pooled = a.pooled, division = Division<T>(a)]<class V, int Size>(const PooledPixel<V, Size>& pixel) {
                   V sum = zero<V>();
                   pixel.for_each_tap([&](const T* x, V) { sum = sum + V::load(x); });
                   ask_for_row_below(pixel, pooled);
                   division.of(sum, pixel).store(pooled + pixel.offset);
                 });
}

/// δ(ih, iw) = Σ δ(oh, ow) / divisor(oh, ow) over the windows that hold the pixel.
template <class T>
void avg_pool_delta(const Pooling<T>& a) {
  clear_plane(a);
  for_each_pixel(a, [pooled = a.pooled, division = Division<T>(a),
                     partition = a.partition]<class V, int Size>(const PooledPixel<V, Size>& pixel) {
    ask_for_row_below(pixel, pooled);
    const V delta = division.of(V::load(pooled + pixel.offset), pixel);
    pixel.for_each_tap([&](T* to, V) { send(partition, delta, to); });
  });
}

/// y(oh, ow) = max x over the window. The first of equal values wins, and the last NaN.
template <class T>
void max_pool(const Pooling<T>& a) {
  for_each_pixel(a, [pooled = a.pooled, taps = a.taps]<class V, int Size>(const PooledPixel<V, Size>& pixel) {
    V best = V::broadcast(-T(__builtin_huge_val())), best_tap = zero<V>();
    bool first = true;
    pixel.for_each_tap([&](const T* from, V tap) {
      const V x = V::load(from);
      best_tap = first ? tap : select_nan(x, tap, select_greater(x, best, tap, best_tap));
      best = first ? x : select_nan(x, x, select_greater(x, best, x, best));
      first = false;
    });
    ask_for_row_below(pixel, pooled);
    best.store(pooled + pixel.offset);
    if (!taps) return;
    ask_for_row_below(pixel, taps);
    store_whole(best_tap, taps + pixel.offset);
  });
}

/// δ(ih, iw) = Σ δ(oh, ow) over the windows whose maximum the pixel is.
template <class T>
void max_pool_delta(const Pooling<T>& a) {
  clear_plane(a);
  for_each_pixel(a, [pooled = a.pooled, taps = a.taps,
                     partition = a.partition]<class V, int Size>(const PooledPixel<V, Size>& pixel) {
    ask_for_row_below(pixel, pooled);
    ask_for_row_below(pixel, taps);
    const V delta = V::load(pooled + pixel.offset), tap = load_whole<V>(taps + pixel.offset);
    pixel.for_each_tap([&](T* to, V number) { send(partition, select_equal(tap, number, delta, zero<V>()), to); });
  });
}

}  // namespace
}  // namespace cnnbp
