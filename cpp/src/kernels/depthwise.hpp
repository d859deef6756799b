// A convolution of every channel by a 3×3 or 5×5 kernel of its own, stride 1. There are no channels to fill a register
// tile with, so a tile is one column of four rows, of a single sample a vector of columns: nine weights stay in
// registers, and a pixel is loaded once for three rows.
#pragma once

#include "kernels/depthwise_columns.hpp"

namespace cnnbp {
namespace {

/// More rows would leave no register for a pixel beside 9 weights.
constexpr int depthwise_rows = 4;

/// What the tiles of a plane share.
template <class V, int Kernel>
struct DepthwisePlane : DepthwiseMaps<V> {
  using typename DepthwiseMaps<V>::T;

  V weight[Kernel][Kernel], bias;

  explicit DepthwisePlane(const Depthwise<T>& a) : DepthwiseMaps<V>(a), bias(V::broadcast(a.bias)) {
    for (int kh = 0; kh < Kernel; ++kh)
      for (int kw = 0; kw < Kernel; ++kw) weight[kh][kw] = V::broadcast(a.weight[kh * a.row_step + kw * a.column_step]);
  }
};

/// Rows [row, row + Rows) of the target, at an offset within each; source rows may miss the map, if not `AllRows`.
template <int Rows, bool AllRows, class V, int Kernel, class Columns>
[[gnu::always_inline]] inline void depthwise_tile(const DepthwisePlane<V, Kernel>& plane, const Columns& columns,
                                                  Index row, Index offset) {
  V sum[Rows];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) sum[r] = plane.bias;
  const auto* x = plane.source + row * plane.source_row + offset;
#pragma GCC unroll 8
  for (int i = 0; i < Rows + Kernel - 1; ++i, x += plane.source_row) {
    if (!AllRows && !plane.meets(row + i)) continue;
#pragma GCC unroll 8
    for (int kw = 0; kw < Kernel; ++kw) {
      if (!columns.meet(kw)) continue;
      const V pixel = columns.load(x + kw * plane.column, kw);
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r)
        if (i >= r && i < r + Kernel) sum[r] = multiply_add(plane.weight[i - r][kw], pixel, sum[r]);
    }
  }
  auto* y = plane.target + row * plane.target_row + offset;
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r, y += plane.target_row) sum[r].store(y);
}

/// Calls each_row.operator()<rows together, whether all their taps meet the map>(row) for all rows.
template <int Kernel, class Plane, class Row>
[[gnu::always_inline]] inline void over_depthwise_rows(const Plane& plane, Index height, Row each_row) {
  Index row = 0;
  for (; row + depthwise_rows <= height; row += depthwise_rows)
    if (plane.all_meet(row, depthwise_rows + Kernel - 1)) each_row.template operator()<depthwise_rows, true>(row);
    else each_row.template operator()<depthwise_rows, false>(row);
  for (; row < height; ++row) each_row.template operator()<1, false>(row);
}

/// A plane of a block, its lanes in vectors.
template <class V, int Kernel, class T>
inline void depthwise_lanes(const Depthwise<T>& a) {
  const DepthwisePlane<V, Kernel> plane(a);
  const Span inside = columns_inside(a);
  over_depthwise_rows<Kernel>(plane, a.target_height, [&]<int Rows, bool AllRows>(Index row) {
    for (Index part = 0; part < a.lanes; part += V::width) {
      const auto at_side = [&](Index begin, Index end) {
        for (Index ow = begin; ow < end; ++ow)
          depthwise_tile<Rows, AllRows>(plane, SideColumn<V>(a, ow), row, ow * a.lanes + part);
      };
      at_side(0, inside.begin);
      for (Index ow = inside.begin; ow < inside.end; ++ow)
        depthwise_tile<Rows, AllRows>(plane, InsideColumns<V>{}, row, ow * a.lanes + part);
      at_side(inside.end, a.target_width);
    }
  });
}

/// All rows of neighbouring columns, from `ow` on.
template <class V, int Kernel, class Columns, class T>
[[gnu::noinline]] void depthwise_strip(const Depthwise<T>& a, const Columns columns, Index ow) {
  DepthwisePlane<V, Kernel> plane(a);
  for (int kh = 0; kh < Kernel; ++kh)
    for (int kw = 0; kw < Kernel; ++kw) plane.weight[kh][kw] = columns.weight(plane.weight[kh][kw], kw);
  over_depthwise_rows<Kernel>(plane, a.target_height, [&]<int Rows, bool AllRows>(Index row) {
    depthwise_tile<Rows, AllRows>(plane, columns, row, ow);
  });
}

/// A plane of a single sample: as many neighbouring columns to a vector as a row has. The last vector ends with the
/// row, over columns that are summed twice: narrower ones would take as long each.
template <int Kernel, class T, int Width = widest<T>>
inline void depthwise_single(const Depthwise<T>& a) {
  using V = Vec<T, Width>;
  if constexpr (Width > 1)
    if (a.target_width < Width) return depthwise_single<Kernel, T, narrower<T>(Width)>(a);
  const Index last = a.target_width - Width;
  for (Index next = 0; next < a.target_width; next += Width) {
    const Index ow = next < last ? next : last;
    if constexpr (Width == 1) depthwise_strip<V, Kernel>(a, SideColumn<V>(a, ow), ow);
    else with_columns<V, Kernel>(a, ow, [&](const auto& columns) { depthwise_strip<V, Kernel>(a, columns, ow); });
  }
}

template <int Kernel, class T>
inline void depthwise_of(const Depthwise<T>& a) {
  if (a.lanes == 1) return depthwise_single<Kernel>(a);
  with_vector<T, widest<T>, 16 / sizeof(T)>(a.lanes,
                                            [&](auto vector) { depthwise_lanes<decltype(vector), Kernel>(a); });
}

template <class T>
void depthwise(const Depthwise<T>& a) {
  if (a.kernel == 3) depthwise_of<3>(a);
  else depthwise_of<5>(a);
}

}  // namespace
}  // namespace cnnbp
