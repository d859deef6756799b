// The gradient of a 3×3 kernel for every channel: Σ δ · x over the pixels of a plane, tap by tap.
#pragma once

#include "kernels/depthwise_columns.hpp"

namespace cnnbp {
namespace {

/// Of a 3×3 kernel: all nine sums stay in registers over the plane: 10 loads for 9 multiply-adds.
template <bool AllRows, class V, class Columns>
[[gnu::always_inline]] inline void depthwise_gradient_pixel(const DepthwiseMaps<V>& maps, const Columns& columns,
                                                            Index row, Index offset, V (&sum)[3][3]) {
  const V delta = columns.load_delta(maps.target + row * maps.target_row + offset);
  const auto* x = maps.source + row * maps.source_row + offset;
#pragma GCC unroll 8
  for (int kh = 0; kh < 3; ++kh, x += maps.source_row) {
    if (!AllRows && !maps.meets(row + kh)) continue;
#pragma GCC unroll 8
    for (int kw = 0; kw < 3; ++kw)
      if (columns.meet(kw))
        sum[kh][kw] = multiply_add(columns.delta(delta, kw), columns.load(x + kw * maps.column, kw), sum[kh][kw]);
  }
}

/// Calls each_row.operator()<whether all taps meet the map>(row) for all rows.
template <class Maps, class Row>
[[gnu::always_inline]] inline void over_gradient_rows(const Maps& maps, Index height, Row each_row) {
  for (Index row = 0; row < height; ++row)
    if (maps.all_meet(row, 3)) each_row.template operator()<true>(row);
    else each_row.template operator()<false>(row);
}

/// Calls body(sum) with the sums that `sums` holds, and brings them back.
template <class V, class T, class Body>
inline void with_depthwise_sums(T* sums, Index lanes, Body body) {
  V sum[3][3];
  for (int tap = 0; tap < 9; ++tap) sum[tap / 3][tap % 3] = V::load(sums + tap * lanes);
  body(sum);
  for (int tap = 0; tap < 9; ++tap) sum[tap / 3][tap % 3].store(sums + tap * lanes);
}

template <class V, class T>
inline void accumulate_depthwise_lanes(const Depthwise<T>& a, T* sums) {
  const DepthwiseMaps<V> maps(a);
  const Span inside = columns_inside(a);
  for (Index part = 0; part < a.lanes; part += V::width)
    with_depthwise_sums<V>(sums + part, a.lanes, [&](V(&sum)[3][3]) {
      over_gradient_rows(maps, a.target_height, [&]<bool AllRows>(Index row) {
        const auto at_side = [&](Index begin, Index end) {
          for (Index ow = begin; ow < end; ++ow)
            depthwise_gradient_pixel<AllRows>(maps, SideColumn<V>(a, ow), row, ow * a.lanes + part, sum);
        };
        at_side(0, inside.begin);
        for (Index ow = inside.begin; ow < inside.end; ++ow)
          depthwise_gradient_pixel<AllRows>(maps, InsideColumns<V>{}, row, ow * a.lanes + part, sum);
        at_side(inside.end, a.target_width);
      });
    });
}

/// A plane of a single sample: 32 bytes of neighbouring columns on every instruction set have sums of their own. All
/// rows of some columns come before the next ones.
template <class T>
inline void accumulate_depthwise_single(const Depthwise<T>& a, T* sums) {
  using V = Vec<T, widest_apart<T>>;
  constexpr Index lanes = 32 / sizeof(T);
  const DepthwiseMaps<V> maps(a);
  T in_lanes[9 * lanes] = {};
  for (Index part = 0; part < lanes; part += V::width)
    with_depthwise_sums<V>(in_lanes + part, lanes, [&](V(&sum)[3][3]) {
      for (Index ow = part; ow < a.target_width; ow += lanes)
        with_columns<V, 3>(a, ow, [&](const auto& columns) {
          over_gradient_rows(maps, a.target_height, [&]<bool AllRows>(Index row) {
            depthwise_gradient_pixel<AllRows>(maps, columns, row, ow, sum);
          });
        });
    });
  for (int tap = 0; tap < 9; ++tap) sums[tap] += sum_pixel<V>(in_lanes + tap * lanes, lanes);
}

template <class T>
void accumulate_depthwise_gradient(const Depthwise<T>& a, T* sums) {
  if (a.lanes == 1) return accumulate_depthwise_single(a, sums);
  with_vector<T, widest<T>, 16 / sizeof(T)>(
      a.lanes, [&](auto vector) { accumulate_depthwise_lanes<decltype(vector)>(a, sums); });
}

}  // namespace
}  // namespace cnnbp
