// Winograd's convolution (Lavin and Gray 2016, arXiv:1509.09308): 4 × 4 outputs of an r × r kernel by (r + 3)² products
// instead of 16·r². Tiles of pixels and kernels become values at r + 3 by r + 3 points, there they are multiplied and
// summed over channels as matrices, and the sum comes back as pixels:
//
//   Y = Aᵀ [ Σ (G w Gᵀ) ∘ (Bᵀ x B) ] A     and, read the other way,     ∂E/∂w = Gᵀ [ Σ (A δ Aᵀ) ∘ (Bᵀ x B) ] G
//
// where the first sum runs over channels and the second over tiles and samples.
// The points are 0, 1, −1, ½, −2, ∞ for 3 × 3 kernels: the error is a third less than with 0, ±1, ±2, ∞ (Barabasz et al.
// 2020, arXiv:1803.10986, on the choice of points). For 5 × 5 kernels they are 0, ±1, ±½, ±2, ∞, which had the smallest
// error of all choices with quotients of numbers up to 4. Aᵀ and Bᵀ hold quarters of integers; G has the rest. One lane is one sample
// throughout, so each transform is the textbook's with a lane vector in place of a number.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// Outputs of a tile along an axis.
constexpr int winograd_outputs = 4;

/// Points along an axis, and pixels that a tile reads.
constexpr int size_for(int kernel) { return kernel + winograd_outputs - 1; }

/// Bᵀ: from neighbouring pixels to the points.
template <int Size>
struct PixelsToPoints;

template <>
struct PixelsToPoints<6> {
  static constexpr int from = 6, to = 6;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&d)[from], V (&out)[to]) const {
    using T = typename V::Scalar;
    const V three_halves = V::broadcast(T(1.5));
    const V t = d[4] - d[2], s = d[3] - d[1];
    const V p = multiply_add(three_halves, d[3], t), q = multiply_add(three_halves, d[2], s);
    out[0] = multiply_add(three_halves, s, t + (d[0] - d[2]));
    out[1] = p + q;
    out[2] = p - q;
    out[3] = multiply_add(V::broadcast(T(2)), s, t);
    out[4] = multiply_add(V::broadcast(T(-0.5)), s, t);
    out[5] = multiply_add(three_halves, t, (d[5] - d[3]) - s);
  }
};

/// Even and odd powers give a pair of points: x⁶ − a·x⁴ + b·x² ± p·(x⁵ − a·x³ + b·x), where the roots are the others.
template <>
struct PixelsToPoints<8> {
  static constexpr int from = 8, to = 8;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&d)[from], V (&out)[to]) const {
    using T = typename V::Scalar;
    const auto times = [](double factor, V x, V rest) { return multiply_add(V::broadcast(T(factor)), x, rest); };
    out[0] = times(5.25, d[2] - d[4], d[6] - d[0]);
    const V even = times(-4.25, d[4], d[2] + d[6]), odd = times(-4.25, d[3], d[1] + d[5]);
    out[1] = even + odd;
    out[2] = even - odd;
    const V even_half = times(4, d[2], times(-5, d[4], d[6])), odd_half = times(4, d[1], times(-5, d[3], d[5]));
    out[3] = times(0.5, odd_half, even_half);
    out[4] = times(-0.5, odd_half, even_half);
    const V even_two = times(0.25, d[2], times(-1.25, d[4], d[6])),
            odd_two = times(0.25, d[1], times(-1.25, d[3], d[5]));
    out[5] = times(2, odd_two, even_two);
    out[6] = times(-2, odd_two, even_two);
    out[7] = times(5.25, d[3] - d[5], d[7] - d[1]);
  }
};

/// The polynomial with these N coefficients at the points: A, and G but for its factors.
template <int N, int Size>
struct CoefficientsToPoints;

template <int N>
struct CoefficientsToPoints<N, 6> {
  static constexpr int from = N, to = 6;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&d)[from], V (&out)[to]) const {
    using T = typename V::Scalar;
    V even = d[0], odd = d[1], half = d[N - 1], minus_two = d[N - 1];
    for (int i = 2; i < N; i += 2) even = even + d[i];
    for (int i = 3; i < N; i += 2) odd = odd + d[i];
    for (int i = N - 2; i >= 0; --i) {
      half = multiply_add(half, V::broadcast(T(0.5)), d[i]);
      minus_two = multiply_add(minus_two, V::broadcast(T(-2)), d[i]);
    }
    out[0] = d[0];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = half;
    out[4] = minus_two;
    out[5] = d[N - 1];
  }
};

/// The points of a pair differ in the sign of odd powers.
template <class T>
constexpr T winograd_pairs[] = {T(1), T(0.5), T(2)};

template <int N>
struct CoefficientsToPoints<N, 8> {
  static constexpr int from = N, to = 8;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&d)[from], V (&out)[to]) const {
    using T = typename V::Scalar;
    constexpr int last_even = (N - 1) / 2 * 2, last_odd = N / 2 * 2 - 1;
    out[0] = d[0];
    out[7] = d[N - 1];
    for (int pair = 0; pair < 3; ++pair) {
      const T p = winograd_pairs<T>[pair];
      V even = d[last_even], odd = d[last_odd];
      for (int i = last_even - 2; i >= 0; i -= 2) even = multiply_add(V::broadcast(p * p), even, d[i]);
      for (int i = last_odd - 2; i >= 0; i -= 2) odd = multiply_add(V::broadcast(p * p), odd, d[i]);
      out[1 + 2 * pair] = multiply_add(V::broadcast(p), odd, even);
      out[2 + 2 * pair] = multiply_add(V::broadcast(-p), odd, even);
    }
  }
};

/// Its transpose: out(i) = Σ_p pⁱ · m(p). Aᵀ, and Gᵀ but for its factors.
template <int N, int Size>
struct PointsToCoefficients;

template <int N>
struct PointsToCoefficients<N, 6> {
  static constexpr int from = 6, to = N;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&m)[from], V (&out)[to]) const {
    using T = typename V::Scalar;
    const V sum = m[1] + m[2], difference = m[1] - m[2];
    T half = 1, minus_two = 1;
    for (int i = 0; i < N; ++i, half *= T(0.5), minus_two *= T(-2)) {
      const V ones = i % 2 == 0 ? sum : difference;
      const V both = multiply_add(V::broadcast(minus_two), m[4], multiply_add(V::broadcast(half), m[3], ones));
      out[i] = i == 0 ? both + m[0] : i == N - 1 ? both + m[5] : both;
    }
  }
};

template <int N>
struct PointsToCoefficients<N, 8> {
  static constexpr int from = 8, to = N;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&m)[from], V (&out)[to]) const {
    using T = typename V::Scalar;
    const V sum[] = {m[1] + m[2], m[3] + m[4], m[5] + m[6]};
    const V difference[] = {m[1] - m[2], m[3] - m[4], m[5] - m[6]};
    T half = 1, two = 1;
    for (int i = 0; i < N; ++i, half *= T(0.5), two *= T(2)) {
      const V(&of)[3] = i % 2 == 0 ? sum : difference;
      const V all = multiply_add(V::broadcast(two), of[2], multiply_add(V::broadcast(half), of[1], of[0]));
      out[i] = i == 0 ? all + m[0] : i == N - 1 ? all + m[7] : all;
    }
  }
};

/// 1 / Π (p − q) over the other finite points q.
template <class T, int Size>
constexpr T winograd_factor[] = {};
template <class T>
constexpr T winograd_factor<T, 6>[] = {T(1), T(1) / T(3), T(-1) / T(3), T(-16) / T(15), T(1) / T(15), T(1)};
template <class T>
constexpr T winograd_factor<T, 8>[] = {T(-1),           T(-2) / T(9), T(-2) / T(9), T(32) / T(45),
                                       T(32) / T(45), T(1) / T(90), T(1) / T(90), T(1)};

/// The transform along columns, then along rows.
template <class V, class Transform, class Load, class Store>
[[gnu::always_inline]] inline void in_both_axes(Transform change, Load load, Store store) {
  V middle[Transform::to][Transform::from], changed[Transform::to];
#pragma GCC unroll 8
  for (int j = 0; j < Transform::from; ++j) {
    V column[Transform::from];
    for (int i = 0; i < Transform::from; ++i) column[i] = load(i, j);
    change(column, changed);
    for (int i = 0; i < Transform::to; ++i) middle[i][j] = changed[i];
  }
#pragma GCC unroll 8
  for (int i = 0; i < Transform::to; ++i) {
    change(middle[i], changed);
    for (int j = 0; j < Transform::to; ++j) store(i, j, changed[j]);
  }
}

/// One tile of a map: which of its pixels there are.
struct WinogradTile {
  Span rows, columns;

  bool whole(int size) const { return rows.end - rows.begin == size && columns.end - columns.begin == size; }
  bool has(int row, int column) const {
    return row >= rows.begin && row < rows.end && column >= columns.begin && column < columns.end;
  }
};

inline Span pixels_inside(Index first, Index size, Index extent) {
  return {first < 0 ? -first : 0, first + size > extent ? extent - first : size};
}

/// Calls body(tile, pixels, points) for every tile and every part of its lanes.
template <class V, int Size, class T, class Body>
[[gnu::always_inline]] inline void for_each_tile(const WinogradTiles<T>& a, Body body) {
  for (Index c = 0; c < a.channels; ++c)
    for (Index i = 0; i < a.tile_rows; ++i)
      for (Index j = 0; j < a.tile_columns; ++j) {
        const Index row = a.row + i * winograd_outputs, column = a.column + j * winograd_outputs;
        const WinogradTile tile{pixels_inside(row, Size, a.height), pixels_inside(column, Size, a.width)};
        T* pixels = a.map + c * a.channel_stride + row * a.row_stride + column * a.column_stride;
        T* points = a.points + c * a.point_channel_stride + (i * a.tile_columns + j) * a.point_lanes;
        for (Index part = 0; part < a.lanes; part += V::width) body(tile, pixels + part, points + part);
      }
}

/// Whether tiles of this block may have one lane at the points.
template <class V>
constexpr bool is_narrowest = V::width * sizeof(typename V::Scalar) == 16;

template <class V, class T>
[[gnu::always_inline]] inline void store_point(const WinogradTiles<T>& a, V value, T* to) {
  if constexpr (is_narrowest<V>)
    if (a.point_lanes == 1) return value.store_first(to);
  value.store(to);
}

template <class V, class T>
[[gnu::always_inline]] inline V load_point(const WinogradTiles<T>& a, const T* from) {
  if constexpr (is_narrowest<V>)
    if (a.point_lanes == 1) return V::load_first(from);
  return V::load(from);
}

template <class V, class Transform, class T>
[[gnu::noinline]] void read_tiles(const WinogradTiles<T>& a) {
  for_each_tile<V, Transform::from>(a, [&](const WinogradTile& tile, const T* pixels, T* points) {
    const auto pixel = [&](int i, int j) { return V::load(pixels + i * a.row_stride + j * a.column_stride); };
    const auto store = [&](int i, int j, V v) { store_point(a, v, points + (i * Transform::to + j) * a.point_stride); };
    if (tile.whole(Transform::from)) {
      // The next channel's tile is pages away, where no hardware looks ahead: asking for it gains 2 to 6 percent.
#pragma GCC unroll 8
      for (int i = 0; i < Transform::from; ++i)
#pragma GCC unroll 8
        for (int j = 0; j < Transform::from; ++j)
          __builtin_prefetch(pixels + a.channel_stride + i * a.row_stride + j * a.column_stride);
      in_both_axes<V>(Transform{}, pixel, store);
    } else {
      in_both_axes<V>(Transform{}, [&](int i, int j) { return tile.has(i, j) ? pixel(i, j) : zero<V>(); }, store);
    }
  });
}

template <class V, class Transform, class T>
[[gnu::noinline]] void write_tiles(const WinogradTiles<T>& a, const T* bias) {
  for_each_tile<V, Transform::to>(a, [&](const WinogradTile& tile, T* pixels, const T* points) {
    const V start = V::broadcast(bias ? bias[(points - a.points) / a.point_channel_stride] : T(0));
    const auto load = [&](int i, int j) { return load_point<V>(a, points + (i * Transform::from + j) * a.point_stride); };
    const auto store = [&](int i, int j, V v) { (v + start).store(pixels + i * a.row_stride + j * a.column_stride); };
    if (tile.whole(Transform::to)) in_both_axes<V>(Transform{}, load, store);
    else
      in_both_axes<V>(Transform{}, load, [&](int i, int j, V v) {
        if (tile.has(i, j)) store(i, j, v);
      });
  });
}

template <class T>
void winograd_input(const WinogradTiles<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    if (a.size == size_for(3)) read_tiles<V, PixelsToPoints<size_for(3)>>(a);
    else read_tiles<V, PixelsToPoints<size_for(5)>>(a);
  });
}

template <class T>
void winograd_delta(const WinogradTiles<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    if (a.size == size_for(3)) read_tiles<V, CoefficientsToPoints<winograd_outputs, size_for(3)>>(a);
    else read_tiles<V, CoefficientsToPoints<winograd_outputs, size_for(5)>>(a);
  });
}

template <class T>
void winograd_output(const WinogradTiles<T>& a, const T* bias) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    if (a.size == size_for(3)) write_tiles<V, PointsToCoefficients<winograd_outputs, size_for(3)>>(a, bias);
    else write_tiles<V, PointsToCoefficients<winograd_outputs, size_for(5)>>(a, bias);
  });
}

/// Lanes are neighbouring source channels here.
template <int Kernel, class T>
[[gnu::noinline]] void kernels_to_points(const WinogradWeights<T>& a) {
  constexpr int size = size_for(Kernel);
  using V = Vec<T, widest<T>>;
  for (Index target = 0; target < a.targets; ++target)
    for (Index source = 0; source < a.sources; source += V::width) {
      const T* from = a.weight + target * a.weight_target_stride + source * a.weight_source_stride;
      T* to = a.points + target * a.point_target_stride + source;
      T taps[Kernel * Kernel][V::width] = {};
      for (int lane = 0; lane < V::width && source + lane < a.sources; ++lane)
        for (int tap = 0; tap < Kernel * Kernel; ++tap) taps[tap][lane] = from[lane * a.weight_source_stride + tap];
      in_both_axes<V>(
          CoefficientsToPoints<Kernel, size>{}, [&](int i, int j) { return V::load(taps[i * Kernel + j]); },
          [&](int i, int j, V v) {
            const V factor = V::broadcast(winograd_factor<T, size>[i] * winograd_factor<T, size>[j]);
            (v * factor).store(to + (i * size + j) * a.point_stride);
          });
    }
}

template <class T>
void winograd_weights(const WinogradWeights<T>& a) {
  if (a.kernel == 3) kernels_to_points<3>(a);
  else kernels_to_points<5>(a);
}

/// Lanes are neighbouring input channels here, too.
template <int Kernel, class T>
[[gnu::noinline]] void points_to_kernels(const WinogradGradient<T>& a) {
  constexpr int size = size_for(Kernel);
  using V = Vec<T, widest<T>>;
  for (Index ic = 0; ic < a.input_channels; ic += V::width) {
    T taps[Kernel * Kernel][V::width];
    const auto load = [&](int i, int j) {
      const T* from = a.points + (i * size + j) * a.point_stride + ic;
      V sum = V::load(from);
      for (Index part = 1; part < a.parts; ++part) sum = sum + V::load(from + part * a.part_stride);
      return sum * V::broadcast(winograd_factor<T, size>[i] * winograd_factor<T, size>[j]);
    };
    in_both_axes<V>(PointsToCoefficients<Kernel, size>{}, load, [&](int i, int j, V v) { v.store(taps[i * Kernel + j]); });
    T* to = a.gradient + ic * Kernel * Kernel;
    for (int lane = 0; lane < V::width && ic + lane < a.input_channels; ++lane, to += Kernel * Kernel)
      for (int tap = 0; tap < Kernel * Kernel; ++tap) to[tap] += taps[tap][lane];
  }
}

template <class T>
void winograd_gradient(const WinogradGradient<T>& a) {
  if (a.kernel == 3) points_to_kernels<3>(a);
  else points_to_kernels<5>(a);
}

}  // namespace
}  // namespace cnnbp
