// A convolution of every channel by a 3×3 kernel of its own, stride 1. There are no channels to fill a register tile
// with, so a tile is one column of four rows: the nine weights stay in registers, and a pixel is loaded once for three
// rows.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// More rows would leave no register for a pixel beside 9 weights.
constexpr int depthwise_rows = 4;

template <class V, int Kernel>
struct DepthwiseWeights {
  V at[Kernel][Kernel];

  explicit DepthwiseWeights(const Depthwise<typename V::Scalar>& a) {
    for (int kh = 0; kh < Kernel; ++kh)
      for (int kw = 0; kw < Kernel; ++kw) at[kh][kw] = V::broadcast(a.weight[kh * a.row_step + kw * a.column_step]);
  }
};

/// Rows [row, row + Rows) of the target in column `ow`. At the map's sides (not `Inside`) taps may miss it.
template <class V, int Kernel, int Rows, bool Inside, class T>
[[gnu::always_inline]] inline void depthwise_tile(const Depthwise<T>& a, const DepthwiseWeights<V, Kernel>& weight,
                                                  Index row, Index ow, Index part) {
  V sum[Rows];
  const V bias = V::broadcast(a.bias);
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) sum[r] = bias;
  const T* x = a.source + (row - a.pad_top) * a.source_row_stride + (ow - a.pad_left) * a.lanes + part;
#pragma GCC unroll 8
  for (int i = 0; i < Rows + Kernel - 1; ++i, x += a.source_row_stride) {
    if (row + i < a.pad_top || row + i >= a.pad_top + a.source_height) continue;
#pragma GCC unroll 8
    for (int kw = 0; kw < Kernel; ++kw) {
      if (!Inside && (ow + kw < a.pad_left || ow + kw >= a.pad_left + a.source_width)) continue;
      const V pixel = V::load(x + kw * a.lanes);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r)
        if (i >= r && i < r + Kernel) sum[r] = multiply_add(weight.at[i - r][kw], pixel, sum[r]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) sum[r].store(a.target + (row + r) * a.target_row_stride + ow * a.lanes + part);
}

/// Columns in which all taps meet the map.
template <class T>
inline Span columns_inside(const Depthwise<T>& a) {
  const auto clamp = [&](Index column) { return column < 0 ? 0 : column < a.target_width ? column : a.target_width; };
  const Index begin = clamp(a.pad_left), end = clamp(a.source_width + a.pad_left - a.kernel + 1);
  return {begin, end < begin ? begin : end};
}

/// Neighbouring columns of a single sample, as many to a vector as there are left.
template <class T, int Width, int Kernel, int Rows>
inline void depthwise_neighbours(const Depthwise<T>& a, Index row, Span columns) {
  const DepthwiseWeights<Vec<T, Width>, Kernel> weight(a);
  Index ow = columns.begin;
  for (; ow + Width <= columns.end; ow += Width)
    depthwise_tile<Vec<T, Width>, Kernel, Rows, true>(a, weight, row, ow, 0);
  if constexpr (Width > 1)
    if (ow < columns.end) depthwise_neighbours<T, narrower<T>(Width), Kernel, Rows>(a, row, {ow, columns.end});
}

template <class V, int Kernel, int Rows, class T>
[[gnu::noinline]] void depthwise_row(const Depthwise<T>& a, Index row) {
  const DepthwiseWeights<V, Kernel> weight(a);
  const Span inside = columns_inside(a);
  for (Index part = 0; part < a.lanes; part += V::width) {
    const auto at_side = [&](Index begin, Index end) {
      for (Index ow = begin; ow < end; ++ow) depthwise_tile<V, Kernel, Rows, false>(a, weight, row, ow, part);
    };
    at_side(0, inside.begin);
    if constexpr (V::width == 1) {
      depthwise_neighbours<T, widest<T>, Kernel, Rows>(a, row, inside);
    } else {
      for (Index ow = inside.begin; ow < inside.end; ++ow)
        depthwise_tile<V, Kernel, Rows, true>(a, weight, row, ow, part);
    }
    at_side(inside.end, a.target_width);
  }
}

template <class V, int Kernel, class T>
inline void depthwise_plane(const Depthwise<T>& a) {
  Index row = 0;
  for (; row + depthwise_rows <= a.target_height; row += depthwise_rows)
    depthwise_row<V, Kernel, depthwise_rows>(a, row);
  for (; row < a.target_height; ++row) depthwise_row<V, Kernel, 1>(a, row);
}

template <class T>
void depthwise(const Depthwise<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    if (a.kernel == 3) depthwise_plane<decltype(vector), 3>(a);
    else depthwise_plane<decltype(vector), 5>(a);
  });
}

/// Of a 3×3 kernel: all nine sums stay in registers over the plane: 10 loads for 9 multiply-adds.
template <class V, bool Inside, class T>
[[gnu::always_inline]] inline void depthwise_gradient_pixel(const Depthwise<T>& a, const T* delta, Index oh, Index ow,
                                                            Index part, V (&sum)[3][3]) {
  const V d = V::load(delta);
  const T* x = a.source + (oh - a.pad_top) * a.source_row_stride + (ow - a.pad_left) * a.lanes + part;
#pragma GCC unroll 8
  for (int kh = 0; kh < 3; ++kh, x += a.source_row_stride) {
    if (oh + kh < a.pad_top || oh + kh >= a.pad_top + a.source_height) continue;
#pragma GCC unroll 8
    for (int kw = 0; kw < 3; ++kw) {
      if (!Inside && (ow + kw < a.pad_left || ow + kw >= a.pad_left + a.source_width)) continue;
      sum[kh][kw] = multiply_add(d, V::load(x + kw * a.lanes), sum[kh][kw]);
    }
  }
}

template <class T>
void accumulate_depthwise_gradient(const Depthwise<T>& a, T* sums) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    const Span inside = columns_inside(a);
    for (Index part = 0; part < a.lanes; part += V::width) {
      V sum[3][3];
      for (int tap = 0; tap < 9; ++tap) sum[tap / 3][tap % 3] = V::load(sums + tap * a.lanes + part);
      for (Index oh = 0; oh < a.target_height; ++oh) {
        const T* delta = a.target + oh * a.target_row_stride + part;
        const auto at_side = [&](Index begin, Index end) {
          for (Index ow = begin; ow < end; ++ow)
            depthwise_gradient_pixel<V, false>(a, delta + ow * a.lanes, oh, ow, part, sum);
        };
        at_side(0, inside.begin);
        for (Index ow = inside.begin; ow < inside.end; ++ow)
          depthwise_gradient_pixel<V, true>(a, delta + ow * a.lanes, oh, ow, part, sum);
        at_side(inside.end, a.target_width);
      }
      for (int tap = 0; tap < 9; ++tap) sum[tap / 3][tap % 3].store(sums + tap * a.lanes + part);
    }
  });
}

}  // namespace
}  // namespace cnnbp
