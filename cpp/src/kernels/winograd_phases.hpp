// The matrices of Winograd's convolution (kernels/winograd.hpp) for kernels with a stride of 2, which are two
// convolutions without one: even taps meet every other pixel, odd taps those between, and
//
//   y(o) = Σ_j w(2j) · x(2o + 2j) + Σ_j w(2j + 1) · x(2o + 2j + 1).
//
// The second has a tap less, and does with the first one's points but ∞; so they are summed at the points, and outputs
// know one transform. Along an axis of a 3 × 3 kernel that is 5 + 4 products for 4 outputs instead of 12, of a 7 × 7
// kernel 7 + 6 instead of 28. Transforms have the second phase's points behind the first one's.
#pragma once

#include "kernels/winograd_transforms.hpp"

namespace cnnbp {
namespace {

/// 0, ± some numbers, one more, ∞: so many points. Among sets of quarters and eighths up to 2, with the last up to ±4,
/// these had the smallest errors of outputs and gradients (the second ones but for a set of eighths, by 3 percent).
template <int Size>
struct PhasePoints;

template <>
struct PhasePoints<5> {
  static constexpr int pairs = 1;
  static constexpr double pair[] = {0.75}, last = 1.5;
};

template <>
struct PhasePoints<7> {
  static constexpr int pairs = 2;
  static constexpr double pair[] = {1, 2}, last = -0.5;
};

/// Coefficients of x⁰, x², x⁴, … of Π (x² − p²) over all pairs but one, and over all.
template <class Points>
struct PhaseRoots {
  double without[Points::pairs][Points::pairs] = {}, of_all[Points::pairs + 1] = {};

  constexpr PhaseRoots() {
    of_all[0] = 1;
    for (int n = 0; n < Points::pairs; ++n) multiply(of_all, n, Points::pair[n]);
    for (int n = 0; n < Points::pairs; ++n) {
      without[n][0] = 1;
      for (int other = 0, degree = 0; other < Points::pairs; ++other)
        if (other != n) multiply(without[n], degree++, Points::pair[other]);
    }
  }

 private:
  static constexpr void multiply(double* polynomial, int degree, double p) {
    for (int i = degree; i >= 0; --i) {
      polynomial[i + 1] += polynomial[i];
      polynomial[i] *= -p * p;
    }
  }
};

template <class V>
[[gnu::always_inline]] inline V times(double factor, V x, V rest) {
  return multiply_add(V::broadcast(typename V::Scalar(factor)), x, rest);
}

/// Σ_k polynomial(k) · d(2k), where the last coefficient is 1.
template <int Count, class V>
[[gnu::always_inline]] inline V over_every_other(const double* polynomial, const V* d) {
  V sum = d[2 * (Count - 1)];
  for (int k = Count - 2; k >= 0; --k) sum = times(polynomial[k], d[2 * k], sum);
  return sum;
}

/// Σ_k dₖ · (p²)ᵏ over every other of N numbers from `First` on.
template <int First, int N, class V>
[[gnu::always_inline]] inline V in_squares(double p, const V (&d)[N]) {
  constexpr int highest = First + (N - 1 - First) / 2 * 2;
  V sum = d[highest];
  for (int i = highest - 2; i >= First; i -= 2) sum = times(p * p, sum, d[i]);
  return sum;
}

/// One phase: all points and as many pixels, or all but ∞. Each polynomial but the last point's has the root `last`,
/// so pixels are multiplied by x − last first.
template <class Points, bool Infinity>
struct PhaseToPoints {
  static constexpr int from = 2 * Points::pairs + (Infinity ? 3 : 2), to = from;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&d)[from], V* out) const {
    constexpr int pairs = Points::pairs;
    constexpr PhaseRoots<Points> roots;
    V e[from - 1];
    for (int i = 0; i < from - 1; ++i) e[i] = times(-Points::last, d[i], d[i + 1]);
    out[0] = over_every_other<pairs + 1>(roots.of_all, e);
    for (int n = 0; n < pairs; ++n) {
      const V even = over_every_other<pairs>(roots.without[n], e + 2);
      const V odd = over_every_other<pairs>(roots.without[n], e + 1);
      out[1 + 2 * n] = times(Points::pair[n], odd, even);
      out[2 + 2 * n] = times(-Points::pair[n], odd, even);
    }
    out[1 + 2 * pairs] = over_every_other<pairs + 1>(roots.of_all, d + 1);
    if constexpr (Infinity) out[to - 1] = over_every_other<pairs + 1>(roots.of_all, e + 1);
  }
};

/// The polynomial with these N coefficients at the points.
template <int N, class Points, bool Infinity>
struct CoefficientsToPhase {
  template <class V>
  [[gnu::always_inline]] void operator()(const V (&d)[N], V* out) const {
    constexpr int pairs = Points::pairs;
    out[0] = d[0];
    for (int n = 0; n < pairs; ++n) {
      const double p = Points::pair[n];
      out[1 + 2 * n] = out[2 + 2 * n] = in_squares<0>(p, d);
      if constexpr (N > 1) {
        const V odd = in_squares<1>(p, d);
        out[1 + 2 * n] = times(p, odd, out[1 + 2 * n]);
        out[2 + 2 * n] = times(-p, odd, out[2 + 2 * n]);
      }
    }
    V at_last = d[N - 1];
    for (int i = N - 2; i >= 0; --i) at_last = times(Points::last, at_last, d[i]);
    out[1 + 2 * pairs] = at_last;
    if constexpr (Infinity) out[2 + 2 * pairs] = d[N - 1];
  }
};

/// Its transpose: out(i) = Σ_p pⁱ · m(p), each `stride` after the other.
template <int N, class Points, bool Infinity>
struct PhaseToCoefficients {
  template <class V>
  [[gnu::always_inline]] void operator()(const V* m, V* out, int stride = 1) const {
    constexpr int pairs = Points::pairs;
    V sum[pairs], difference[pairs];
    double power[pairs + 1];
    for (int n = 0; n < pairs; ++n) {
      sum[n] = m[1 + 2 * n] + m[2 + 2 * n];
      difference[n] = m[1 + 2 * n] - m[2 + 2 * n];
      power[n] = 1;
    }
    power[pairs] = 1;
    for (int i = 0; i < N; ++i) {
      V all = i == 0 ? m[0] + m[1 + 2 * pairs] : V::broadcast(typename V::Scalar(power[pairs])) * m[1 + 2 * pairs];
      for (int n = 0; n < pairs; ++n) all = times(power[n], i % 2 == 0 ? sum[n] : difference[n], all);
      if (Infinity && i == N - 1) all = all + m[2 + 2 * pairs];
      out[i * stride] = all;
      for (int n = 0; n < pairs; ++n) power[n] *= Points::pair[n];
      power[pairs] *= Points::last;
    }
  }
};

/// Of a delta's pixels, which are the sources of its sums.
template <>
struct PixelsToPoints<5> : PhaseToPoints<PhasePoints<5>, true> {};
template <>
struct PixelsToPoints<7> : PhaseToPoints<PhasePoints<7>, true> {};

template <int N>
struct CoefficientsToPoints<N, 5> : CoefficientsToPhase<N, PhasePoints<5>, true> {
  static constexpr int from = N, to = 5;
};
template <int N>
struct CoefficientsToPoints<N, 7> : CoefficientsToPhase<N, PhasePoints<7>, true> {
  static constexpr int from = N, to = 7;
};

template <int N>
struct PointsToCoefficients<N, 5> : PhaseToCoefficients<N, PhasePoints<5>, true> {
  static constexpr int from = 5, to = N;
};
template <int N>
struct PointsToCoefficients<N, 7> : PhaseToCoefficients<N, PhasePoints<7>, true> {
  static constexpr int from = 7, to = N;
};

/// Every other number from `first` on.
template <int Count, int N, class V>
[[gnu::always_inline]] inline void every_other(const V (&all)[N], int first, V (&some)[Count]) {
  for (int i = 0; i < Count; ++i) some[i] = all[first + 2 * i];
}

/// Both phases of pixels.
template <int Size>
struct TwoPhasesToPoints {
  static constexpr int from = Size, to = Size, first = (Size + 1) / 2, second = Size / 2;
  using Points = PhasePoints<first>;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&d)[from], V (&out)[to]) const {
    V even[first], odd[second];
    every_other(d, 0, even);
    every_other(d, 1, odd);
    PhaseToPoints<Points, true>{}(even, out);
    PhaseToPoints<Points, false>{}(odd, out + first);
  }
};

template <>
struct PixelsToPoints<9> : TwoPhasesToPoints<9> {};
template <>
struct PixelsToPoints<13> : TwoPhasesToPoints<13> {};

/// Both phases of a kernel.
template <int Kernel>
struct KernelToPhases {
  static constexpr int from = Kernel, to = Kernel + 6, first = (Kernel + 1) / 2, second = Kernel / 2;
  using Points = PhasePoints<first + 3>;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&w)[from], V (&out)[to]) const {
    V even[first], odd[second];
    every_other(w, 0, even);
    every_other(w, 1, odd);
    CoefficientsToPhase<first, Points, true>{}(even, out);
    CoefficientsToPhase<second, Points, false>{}(odd, out + first + 3);
  }
};

template <>
struct CoefficientsToPoints<3, 9> : KernelToPhases<3> {};
template <>
struct CoefficientsToPoints<7, 13> : KernelToPhases<7> {};

template <int Kernel>
struct PhasesToKernel {
  static constexpr int from = Kernel + 6, to = Kernel, first = (Kernel + 1) / 2, second = Kernel / 2;
  using Points = PhasePoints<first + 3>;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&m)[from], V (&w)[to]) const {
    PhaseToCoefficients<first, Points, true>{}(m, w, 2);
    PhaseToCoefficients<second, Points, false>{}(m + first + 3, w + 1, 2);
  }
};

template <>
struct PointsToCoefficients<3, 9> : PhasesToKernel<3> {};
template <>
struct PointsToCoefficients<7, 13> : PhasesToKernel<7> {};

/// Of the input's delta: pixels that the second phase reads come first, as it reads one less of the output's delta.
template <int Size>
struct PointsToPhases {
  static constexpr int from = Size, to = 2 * winograd_outputs;
  using Points = PhasePoints<(Size + 1) / 2>;

  template <class V>
  [[gnu::always_inline]] void operator()(const V (&m)[from], V (&out)[to]) const {
    PhaseToCoefficients<winograd_outputs, Points, false>{}(m + (Size + 1) / 2, out, 2);
    PhaseToCoefficients<winograd_outputs, Points, true>{}(m, out + 1, 2);
  }
};

/// Where number (i, j) of a transform in both axes lies: beside those of other phases, at the output's point that they
/// are summed at.
template <int Size, class Points>
[[gnu::always_inline]] inline Index point_offset(const Points& a, int i, int j) {
  constexpr bool phased = Size > size_for(5);
  constexpr int size = phased ? (Size + 1) / 2 : Size;
  const int row = i % size, column = j % size;
  const int phases = phased && column < size - 1 ? 2 : 1;  // along the columns, which have one at infinity
  return (row * size + column) * a.point_stride + (i / size * phases + j / size) * a.point_phase_stride;
}

/// 1 / Π (p − q) over the other finite points q: 1 at ∞, and then those of the second phase.
template <class T, int Size>
struct PhaseFactors {
  T at[Size];

  constexpr PhaseFactors() {
    using Points = PhasePoints<(Size + 1) / 2>;
    constexpr int finite = Size / 2;
    double point[finite] = {};
    for (int n = 0; n < Points::pairs; ++n) {
      point[1 + 2 * n] = Points::pair[n];
      point[2 + 2 * n] = -Points::pair[n];
    }
    point[finite - 1] = Points::last;
    at[finite] = 1;
    for (int p = 0; p < finite; ++p) {
      double product = 1;
      for (int q = 0; q < finite; ++q) product *= q == p ? 1 : point[p] - point[q];
      at[p] = at[finite + 1 + p] = T(1 / product);
    }
  }
  constexpr T operator[](int p) const { return at[p]; }
};

template <class T>
constexpr PhaseFactors<T, 9> winograd_factor<T, 9>{};
template <class T>
constexpr PhaseFactors<T, 13> winograd_factor<T, 13>{};

}  // namespace
}  // namespace cnnbp
