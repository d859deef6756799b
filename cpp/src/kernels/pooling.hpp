// Mean and max pooling of planes, forward and delta.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// One target position: what it reads, and where it writes.
template <class T>
struct PooledPixel {
  const T* source;  // first tap
  T* target;
  Index saved;  // from the start of `source` or `target` to the same pixel of the saved taps
  Taps row, column;
  Index oh, ow;  // position in the target
};

/// Calls body(Vec, pixel) for every target pixel of the rows and every part of its lanes.
template <class T, class Body>
inline void for_each_pixel(const Pooling<T>& a, Body body) {
  with_vector<T>(a.lanes, [&](auto vector) {
    for (Index row = a.row_begin; row < a.row_end; ++row)
      for (Index r = 0; r < a.column_runs; ++r) {
        const Run& run = a.columns[r];
        for (Index i = 0; i < run.count; ++i)
          for (Index part = 0; part < a.lanes; part += vector.width) {
            const Index column = run.begin + i * run.step;
            const Index source = a.rows[row].source * a.source_row_stride +
                                 (run.taps.source + i * run.advance) * a.lanes + part;
            const Index target = row * a.target_row_stride + column * a.lanes + part;
            body(vector, PooledPixel<T>{a.source + source, a.target + target, source, a.rows[row], run.taps,
                                        row, column});
          }
      }
  });
}

/// Calls tap(offset from the first tap, kernel index) for every tap of a pixel.
template <class T, class Tap>
inline void for_each_tap(const Pooling<T>& a, const PooledPixel<T>& pixel, Tap tap) {
  for (Index i = 0; i < pixel.row.count; ++i)
    for (Index j = 0; j < pixel.column.count; ++j)
      tap(i * pixel.row.source_step * a.source_row_stride + j * pixel.column.source_step * a.lanes,
          (pixel.row.first + i * pixel.row.step) * a.kernel_width + pixel.column.first +
              j * pixel.column.step);
}

template <class V, class T>
inline V divide(const Pooling<T>& a, V value, Index oh, Index ow) {
  const V divisor = V::broadcast(a.row_divisor[oh] * a.column_divisor[ow]);
  return a.multiply ? value * divisor : value / divisor;
}

/// y(oh, ow) = Σ x / divisor(oh, ow) over the window.
template <class T>
void avg_pool(const Pooling<T>& a) {
  for_each_pixel(a, [&](auto vector, const PooledPixel<T>& pixel) {
    using V = decltype(vector);
    V sum = zero<V>();
    for_each_tap(a, pixel, [&](Index offset, Index) { sum = sum + V::load(pixel.source + offset); });
    divide(a, sum, pixel.oh, pixel.ow).store(pixel.target);
  });
}

/// δ(ih, iw) = Σ δ(oh, ow) / divisor(oh, ow) over the windows that hold the pixel.
template <class T>
void avg_pool_delta(const Pooling<T>& a) {
  for_each_pixel(a, [&](auto vector, const PooledPixel<T>& pixel) {
    using V = decltype(vector);
    V sum = zero<V>();
    const Index oh = pixel.row.source, ow = pixel.saved % a.source_row_stride / a.lanes;
    for (Index i = 0; i < pixel.row.count; ++i)
      for (Index j = 0; j < pixel.column.count; ++j) {
        const Index down = i * pixel.row.source_step, right = j * pixel.column.source_step;
        const V delta = V::load(pixel.source + down * a.source_row_stride + right * a.lanes);
        sum = sum + divide(a, delta, oh + down, ow + right);
      }
    sum.store(pixel.target);
  });
}

/// y(oh, ow) = max x over the window. The first of equal values wins, and the last NaN.
template <class T>
void max_pool(const Pooling<T>& a) {
  for_each_pixel(a, [&](auto vector, const PooledPixel<T>& pixel) {
    using V = decltype(vector);
    V best = V::broadcast(-T(__builtin_huge_val())), best_tap = zero<V>();
    bool first = true;
    for_each_tap(a, pixel, [&](Index offset, Index index) {
      const V x = V::load(pixel.source + offset), tap = V::broadcast(T(index));
      best_tap = first ? tap : select_nan(x, tap, select_greater(x, best, tap, best_tap));
      best = first ? x : select_nan(x, x, select_greater(x, best, x, best));
      first = false;
    });
    best.store(pixel.target);
    if (a.saved_out) best_tap.store(a.saved_out + (pixel.target - a.target));
  });
}

/// δ(ih, iw) = Σ δ(oh, ow) over the windows whose maximum the pixel is.
template <class T>
void max_pool_delta(const Pooling<T>& a) {
  for_each_pixel(a, [&](auto vector, const PooledPixel<T>& pixel) {
    using V = decltype(vector);
    V sum = zero<V>();
    for_each_tap(a, pixel, [&](Index offset, Index index) {
      const V tap = V::load(a.saved + pixel.saved + offset);
      const V delta = V::load(pixel.source + offset);
      sum = sum + select_equal(tap, V::broadcast(T(index)), delta, zero<V>());
    });
    sum.store(pixel.target);
  });
}

}  // namespace
}  // namespace cnnbp
