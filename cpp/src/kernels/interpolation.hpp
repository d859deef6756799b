// Bilinear interpolation of one plane: rows first, then columns; and its transpose.
#pragma once

#include "kernels/map_arguments.hpp"
#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// y(oh, ow) = Σ x(ih, iw) over the two rows and the two columns that it lies between, by their shares.
template <class T>
void interpolate(const Interpolation<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    const Index small_row = a.small_width * a.lanes, large_row = a.large_width * a.lanes;
    for (Index oh = 0; oh < a.large_height; ++oh) {
      const T *upper = a.small + a.rows[oh].first * small_row, *lower = a.small + a.rows[oh].second * small_row;
      const V down = V::broadcast(a.rows[oh].share), up = V::broadcast(T(1) - a.rows[oh].share);
      for (Index i = 0; i < small_row; i += V::width)
        multiply_add(down, V::load(lower + i), up * V::load(upper + i)).store(a.row + i);
      for (Index ow = 0; ow < a.large_width; ++ow) {
        const Between<T>& column = a.columns[ow];
        const V right = V::broadcast(column.share), left = V::broadcast(T(1) - column.share);
        const T *from_left = a.row + column.first * a.lanes, *from_right = a.row + column.second * a.lanes;
        for (Index part = 0; part < a.lanes; part += V::width)
          multiply_add(right, V::load(from_right + part), left * V::load(from_left + part))
              .store(a.large + oh * large_row + ow * a.lanes + part);
      }
    }
  });
}

/// δ(ih, iw) = Σ δ(oh, ow) by the same shares.
template <class T>
void interpolate_delta(const Interpolation<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    const Index small_row = a.small_width * a.lanes, large_row = a.large_width * a.lanes;
    const auto add = [](V share, V delta, T* to) { multiply_add(share, delta, V::load(to)).store(to); };
    for (Index i = 0; i < a.small_height * small_row; i += V::width) zero<V>().store(a.small + i);
    for (Index oh = 0; oh < a.large_height; ++oh) {
      for (Index i = 0; i < small_row; i += V::width) zero<V>().store(a.row + i);
      for (Index ow = 0; ow < a.large_width; ++ow) {
        const Between<T>& column = a.columns[ow];
        const V right = V::broadcast(column.share), left = V::broadcast(T(1) - column.share);
        for (Index part = 0; part < a.lanes; part += V::width) {
          const V delta = V::load(a.large + oh * large_row + ow * a.lanes + part);
          add(left, delta, a.row + column.first * a.lanes + part);
          add(right, delta, a.row + column.second * a.lanes + part);
        }
      }
      T *upper = a.small + a.rows[oh].first * small_row, *lower = a.small + a.rows[oh].second * small_row;
      const V down = V::broadcast(a.rows[oh].share), up = V::broadcast(T(1) - a.rows[oh].share);
      for (Index i = 0; i < small_row; i += V::width) {
        const V delta = V::load(a.row + i);
        add(up, delta, upper + i);
        add(down, delta, lower + i);
      }
    }
  });
}

}  // namespace
}  // namespace cnnbp
