// Mean and max pooling of one plane, forward and delta.
#pragma once

#include "kernels/map_arguments.hpp"
#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// The windows' size where the compiler knows it, and 0 where it does not.
template <int Height, int Width>
struct WindowSize {};

/// One pooled pixel and the window it stands for.
template <class T, int Height, int Width>
struct PooledPixel {
  const Pooling<T>& all;
  T* window;     // first tap, in the plane
  Index pooled;  // offset in the pooled map, and in `taps`
  Index oh, ow;
  Taps row, column;

  /// Calls visit(pointer into the plane, kernel index) for every tap.
  template <class Visit>
  void for_each_tap(Visit visit) const {
    const Index height = Height > 0 ? Height : row.count, width = Width > 0 ? Width : column.count;
    for (Index i = 0; i < height; ++i)
      for (Index j = 0; j < width; ++j)
        visit(window + i * row.source_step * all.plane_row_stride + j * column.source_step * all.lanes,
              (row.first + i) * all.kernel_width + column.first + j);
  }

  T scale() const { return all.row_divisor[oh] * all.column_divisor[ow]; }
};

template <class T, int Height, int Width, class Body>
inline void for_each_pixel_of_run(const Pooling<T>& a, Index oh, const Run& run, WindowSize<Height, Width>, Body body) {
  with_vector<T>(a.lanes, [&](auto vector) {
    T* source = a.plane + a.rows[oh].source * a.plane_row_stride + run.taps.source * a.lanes;
    Index pooled = oh * a.pooled_row_stride + run.begin * a.lanes;
    for (Index ow = run.begin; ow < run.begin + run.count; ++ow) {
      for (Index part = 0; part < a.lanes; part += vector.width)
        body(vector, PooledPixel<T, Height, Width>{a, source + part, pooled + part, oh, ow, a.rows[oh], run.taps});
      source += run.advance * a.lanes;
      pooled += a.lanes;
    }
  });
}

/// Calls body(Vec, pixel) for every pooled pixel and every part of its lanes. Windows of 2×2, which most networks
/// have, are unrolled: three times as fast as loops whose length is read.
template <class T, class Body>
inline void for_each_pixel(const Pooling<T>& given, Body body) {
  const Pooling<T> a = given;  // a copy whose strides no store can have changed: they need not be read again
  for (Index oh = 0; oh < a.pooled_height; ++oh)
    for (Index r = 0; r < a.column_runs; ++r) {
      const Run& run = a.columns[r];
      if (a.rows[oh].count == 2 && run.taps.count == 2) for_each_pixel_of_run(a, oh, run, WindowSize<2, 2>{}, body);
      else for_each_pixel_of_run(a, oh, run, WindowSize<0, 0>{}, body);
    }
}

/// Before deltas are added into a plane; where windows cover it without overlap they are stored instead.
template <class T>
inline void clear_plane(const Pooling<T>& a) {
  if (a.partition) return;
  for_each_vector<T>(a.plane_height * a.plane_row_stride,
                     [&](auto vector, Index i) { zero<decltype(vector)>().store(a.plane + i); });
}

/// A row may be of another call than the one above it, with pixels far away between them: nothing else would fetch it
/// in time. Max pooling makes LeNet's steps 3 percent faster by it, mean pooling a toolbox network's 2.
template <class T, class U>
inline void ask_for_row_below(const Pooling<T>& a, const U* pixel) {
  __builtin_prefetch(pixel + a.pooled_row_stride);
}

template <class V, class T>
inline void send(const Pooling<T>& a, V delta, T* to) {
  (a.partition ? delta : V::load(to) + delta).store(to);
}

template <class V, class Pixel>
inline V divide(V value, const Pixel& pixel) {
  const V scale = V::broadcast(pixel.scale());
  return pixel.all.multiply ? value * scale : value / scale;
}

/// y(oh, ow) = Σ x / divisor(oh, ow) over the window.
template <class T>
void avg_pool(const Pooling<T>& a) {
  for_each_pixel(a, [&](auto vector, const auto& pixel) {
    using V = decltype(vector);
    V sum = zero<V>();
    pixel.for_each_tap([&](const T* x, Index) { sum = sum + V::load(x); });
    ask_for_row_below(a, a.pooled + pixel.pooled);
    divide(sum, pixel).store(a.pooled + pixel.pooled);
  });
}

/// δ(ih, iw) = Σ δ(oh, ow) / divisor(oh, ow) over the windows that hold the pixel.
template <class T>
void avg_pool_delta(const Pooling<T>& a) {
  clear_plane(a);
  for_each_pixel(a, [&](auto vector, const auto& pixel) {
    using V = decltype(vector);
    ask_for_row_below(a, a.pooled + pixel.pooled);
    const V delta = divide(V::load(a.pooled + pixel.pooled), pixel);
    pixel.for_each_tap([&](T* to, Index) { send(a, delta, to); });
  });
}

/// y(oh, ow) = max x over the window. The first of equal values wins, and the last NaN.
template <class T>
void max_pool(const Pooling<T>& a) {
  for_each_pixel(a, [&](auto vector, const auto& pixel) {
    using V = decltype(vector);
    V best = V::broadcast(-T(__builtin_huge_val())), best_tap = zero<V>();
    bool first = true;
    pixel.for_each_tap([&](const T* from, Index index) {
      const V x = V::load(from), tap = V::broadcast(T(index));
      best_tap = first ? tap : select_nan(x, tap, select_greater(x, best, tap, best_tap));
      best = first ? x : select_nan(x, x, select_greater(x, best, x, best));
      first = false;
    });
    ask_for_row_below(a, a.pooled + pixel.pooled);
    best.store(a.pooled + pixel.pooled);
    if (!a.taps) return;
    ask_for_row_below(a, a.taps + pixel.pooled);
    store_whole(best_tap, a.taps + pixel.pooled);
  });
}

/// δ(ih, iw) = Σ δ(oh, ow) over the windows whose maximum the pixel is.
template <class T>
void max_pool_delta(const Pooling<T>& a) {
  clear_plane(a);
  for_each_pixel(a, [&](auto vector, const auto& pixel) {
    using V = decltype(vector);
    ask_for_row_below(a, a.pooled + pixel.pooled);
    ask_for_row_below(a, a.taps + pixel.pooled);
    const V delta = V::load(a.pooled + pixel.pooled), tap = load_whole<V>(a.taps + pixel.pooled);
    pixel.for_each_tap(
        [&](T* to, Index index) { send(a, select_equal(tap, V::broadcast(T(index)), delta, zero<V>()), to); });
  });
}

}  // namespace
}  // namespace cnnbp
