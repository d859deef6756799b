// Where the planes of a depthwise sum lie, and how a vector of columns meets the map: all of its taps do, or, at the
// map's sides, some.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// Where the planes lie. Strides are copies, as the stores of sums might change what the argument says.
template <class V>
struct DepthwiseMaps {
  using T = typename V::Scalar;

  const T* source;  // of the first tap of the target's first pixel
  T* target;
  Index column, source_row, target_row;  // strides
  Index first_row, last_row;             // of the source, counted from that tap

  explicit DepthwiseMaps(const Depthwise<T>& a)
      : source(a.source - a.pad_top * a.source_row_stride - a.pad_left * a.lanes),
        target(a.target),
        column(a.lanes),
        source_row(a.source_row_stride),
        target_row(a.target_row_stride),
        first_row(a.pad_top),
        last_row(a.pad_top + a.source_height) {}
  bool meets(Index row) const { return row >= first_row && row < last_row; }
  bool all_meet(Index row, int rows) const { return row >= first_row && row + rows <= last_row; }
};

/// Columns in which all taps meet the map.
template <class T>
inline Span columns_inside(const Depthwise<T>& a) {
  const auto clamp = [&](Index column) { return column < 0 ? 0 : column < a.target_width ? column : a.target_width; };
  const Index begin = clamp(a.pad_left), end = clamp(a.source_width + a.pad_left - a.kernel + 1);
  return {begin, end < begin ? begin : end};
}

/// Columns whose taps all meet the map.
template <class V>
struct InsideColumns {
  using T = typename V::Scalar;

  static bool meet(int) { return true; }
  static V load(const T* x, int) { return V::load(x); }
  static V weight(V weight, int) { return weight; }
  static V load_delta(const T* delta) { return V::load(delta); }
  static V delta(V delta, int) { return delta; }
};

/// A column at the map's side, in all lanes, where taps may miss it.
template <class V>
struct SideColumn : InsideColumns<V> {
  Index first, width;  // the source column of the first tap

  template <class T>
  SideColumn(const Depthwise<T>& a, Index ow) : first(ow - a.pad_left), width(a.source_width) {}
  bool meet(int kw) const { return first + kw >= 0 && first + kw < width; }
};

/// In which lanes of neighbouring columns, from `ow` on, each tap meets the map.
template <class V, int Kernel>
struct TapLanes {
  using T = typename V::Scalar;

  int width;  // lanes that the target has
  int begin[Kernel], end[Kernel];

  TapLanes(const Depthwise<T>& a, Index ow) : width(lane(a.target_width - ow)) {
    for (int kw = 0; kw < Kernel; ++kw) {
      const Index first = ow + kw - a.pad_left;
      begin[kw] = lane(-first);
      end[kw] = lane(a.source_width - first);
      if (end[kw] > width) end[kw] = width;
    }
  }
  static int lane(Index column) { return column < 0 ? 0 : column < V::width ? int(column) : V::width; }
  bool miss(int first, int last) const {
    for (int kw = first; kw < last; ++kw)
      if (begin[kw] > 0 || end[kw] < V::width) return true;
    return false;
  }
};

/// Which tap columns miss the map in some lanes: those left of the kernel's middle, right of it, both, or any.
enum class Missing { left, right, both, any };

/// Neighbouring columns of a single sample at the map's side.
template <class V, int Kernel, Missing May>
struct SideColumns {
  using T = typename V::Scalar;

  TapLanes<V, Kernel> lanes;
  V meets[Kernel];  // 1 or 0

  explicit SideColumns(const TapLanes<V, Kernel>& l) : lanes(l) {
    alignas(64) static constexpr T ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    for (int kw = 0; kw < Kernel; ++kw)
      if (may_miss(kw)) meets[kw] = V::load_between(ones, lanes.begin[kw], lanes.end[kw]);
  }
  static constexpr bool may_miss(int kw) {
    return May == Missing::any || (May != Missing::right && kw < Kernel / 2) ||
           (May != Missing::left && kw > Kernel / 2);
  }
  static bool meet(int) { return true; }
  V load(const T* x, int kw) const {
    return may_miss(kw) ? V::load_between(x, lanes.begin[kw], lanes.end[kw]) : V::load(x);
  }
  /// A weight is −0 in lanes that its tap misses. With the 0 that is loaded there the product is −0, which changes no
  /// sum.
  V weight(V weight, int kw) const {
    return may_miss(kw) ? select_greater(meets[kw], zero<V>(), weight, V::broadcast(T(-0.0))) : weight;
  }
  V load_delta(const T* delta) const {
    return May == Missing::any ? V::load_between(delta, 0, lanes.width) : V::load(delta);
  }
  V delta(V delta, int kw) const {
    return may_miss(kw) ? select_greater(meets[kw], zero<V>(), delta, zero<V>()) : delta;
  }
};

/// Calls body with the columns from `ow` on.
template <class V, int Kernel, class T, class Body>
inline void with_columns(const Depthwise<T>& a, Index ow, Body body) {
  const TapLanes<V, Kernel> lanes(a, ow);
  const bool left = lanes.miss(0, Kernel / 2), right = lanes.miss(Kernel / 2 + 1, Kernel);
  if (lanes.miss(Kernel / 2, Kernel / 2 + 1)) body(SideColumns<V, Kernel, Missing::any>(lanes));
  else if (left && right) body(SideColumns<V, Kernel, Missing::both>(lanes));
  else if (left) body(SideColumns<V, Kernel, Missing::left>(lanes));
  else if (right) body(SideColumns<V, Kernel, Missing::right>(lanes));
  else body(InsideColumns<V>{});
}

}  // namespace
}  // namespace cnnbp
