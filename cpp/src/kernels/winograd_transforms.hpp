// The matrices of Winograd's convolution (kernels/winograd.hpp), each applied along one axis.
//
// The points are 0, 1, −1, ½, −2, ∞ for 3 × 3 kernels: the error is a third less than with 0, ±1, ±2, ∞ (Barabasz et
// al. 2020, arXiv:1803.10986, on the choice of points). For 5 × 5 kernels they are 0, ±1, ±½, ±2, ∞, which had the
// smallest error of all sets with 0, ±1, ∞ and four of ±¼ to ±4. Aᵀ and Bᵀ hold quarters of integers; G has the rest.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

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

/// B, the transpose: out(i) = Σ_p Bᵀ(p, i) · m(p).
template <int Size>
struct PointsToPixels;

template <>
struct PointsToPixels<6> {
  static constexpr int from = 6, to = 6;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&m)[from], V (&out)[to]) const {
    using T = typename V::Scalar;
    const auto times = [](double factor, V x, V rest) { return multiply_add(V::broadcast(T(factor)), x, rest); };
    const V sum = m[1] + m[2], difference = m[1] - m[2];
    const V t = times(1.5, m[5], (sum + m[0]) + (m[3] + m[4]));
    const V s = times(1.5, m[0], times(2, m[3], times(-0.5, m[4], difference - m[5])));
    out[0] = m[0];
    out[1] = zero<V>() - s;
    out[2] = times(1.5, difference, zero<V>() - (t + m[0]));
    out[3] = times(1.5, sum, s - m[5]);
    out[4] = t;
    out[5] = m[5];
  }
};

template <>
struct PointsToPixels<8> {
  static constexpr int from = 8, to = 8;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&m)[from], V (&out)[to]) const {
    using T = typename V::Scalar;
    const auto times = [](double factor, V x, V rest) { return multiply_add(V::broadcast(T(factor)), x, rest); };
    const V ones = m[1] + m[2], halves = m[3] + m[4], twos = m[5] + m[6];
    out[0] = zero<V>() - m[0];
    out[2] = times(5.25, m[0], times(0.25, twos, times(4, halves, ones)));
    out[4] = times(-5.25, m[0], times(-1.25, twos, times(-5, halves, V::broadcast(T(-4.25)) * ones)));
    out[6] = (m[0] + ones) + (halves + twos);
    const V one = m[1] - m[2], half = m[3] - m[4], two = m[5] - m[6];
    out[1] = times(0.5, two, times(2, half, one - m[7]));
    out[3] = times(5.25, m[7], times(-2.5, two + half, V::broadcast(T(-4.25)) * one));
    out[5] = times(-5.25, m[7], times(2, two, times(0.5, half, one)));
    out[7] = m[7];
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
constexpr T winograd_factor<T, 8>[] = {T(-1),         T(-2) / T(9), T(-2) / T(9), T(32) / T(45),
                                       T(32) / T(45), T(1) / T(90), T(1) / T(90), T(1)};

}  // namespace
}  // namespace cnnbp
