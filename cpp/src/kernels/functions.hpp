// exp and the functions that come from it, on lane vectors. Error bounds are stated in docs/architecture.md and
// tested.
#pragma once

#include "kernels/map_arguments.hpp"
#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// x = n·ln 2 + r, |r| ≤ ½ ln 2, with ln 2 in two parts whose first has spare bits for an exact n·high. `rest` are the
/// coefficients of (e^r − 1 − r) / r².
template <class T>
struct Exponential;

template <>
struct Exponential<float> {
  static constexpr float high = 0x1.62e4p-1f, low = 0x1.7f7d1cp-20f;
  static constexpr float shift = 0x1.8p23f + 127;  // adding it rounds to a whole number; 127 is the exponent of 1
  static constexpr float limit = 104.0f;           // beyond it exp is infinite or 0
  static constexpr float tanh_limit = 20.0f;       // beyond it tanh is 1 to the last bit
  static constexpr float sigmoid_limit = 88.0f;    // 2^n is 0 below it and finite up to it
  static constexpr int log1p_terms = 8;            // next term: (1/3)^17 / 17 < 5e-10
  static constexpr int erfc_terms = 13;            // next term: 5e-9 of erfc
  /// Minimax, by Remez's algorithm: 4e-9 of e^r, a fifteenth of an ulp. Taylor's series needs a term more for 6e-9.
  static constexpr float rest[] = {0x1.fffffcp-2f, 0x1.555492p-3f, 0x1.5558f2p-5f, 0x1.123a2p-7f, 0x1.6a23dp-10f};
};
template <>
struct Exponential<double> {
  static constexpr double high = 0x1.62e42feep-1, low = 0x1.a39ef35793c76p-33;
  static constexpr double shift = 0x1.8p52 + 1023;
  static constexpr double limit = 746.0;
  static constexpr double tanh_limit = 40.0;
  static constexpr double sigmoid_limit = 709.0;
  static constexpr int log1p_terms = 17;
  static constexpr int erfc_terms = 25;
  /// Taylor's: 1 / 2!, 1 / 3!, …; the next term is r^14 / 14! < 5e-18.
  static constexpr double rest[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,
                                    1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                    1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
};

/// e^r − 1
template <class V>
inline V expm1_of_rest(V r) {
  constexpr auto& rest = Exponential<typename V::Scalar>::rest;
  constexpr int last = sizeof rest / sizeof rest[0] - 1;
  V q = V::broadcast(rest[last]);
  for (int k = last - 1; k >= 0; --k) q = multiply_add(q, r, V::broadcast(rest[k]));
  return multiply_add(q * r, r, r);
}

/// n and r of x = n·ln 2 + r, and n + shift, whose low bits are the exponent of 2^n.
template <class V>
struct Reduced {
  V n, r, shifted;
};
template <class V>
inline Reduced<V> reduce(V x) {
  using E = Exponential<typename V::Scalar>;
  const V shift = V::broadcast(E::shift);
  const V shifted = multiply_add(x, V::broadcast(typename V::Scalar(0x1.71547652b82fep0)), shift), n = shifted - shift;
  const V r = multiply_add(n, V::broadcast(-E::low), multiply_add(n, V::broadcast(-E::high), x));
  return {n, r, shifted};
}

/// e^x, NaN kept. 2^n is applied in two factors, as n may be one past the largest exponent.
template <class V>
inline V exponential(V x) {
  using E = Exponential<typename V::Scalar>;
  const V limit = V::broadcast(E::limit), shift = V::broadcast(E::shift);
  const Reduced<V> reduced = reduce(maximum(zero<V>() - limit, minimum(limit, x)));
  const V half = multiply_add(reduced.n, V::broadcast(0.5), shift);
  const V other = (reduced.n - (half - shift)) + shift;
  const V power = V::broadcast(1) + expm1_of_rest(reduced.r);
  return (power * exp2_of_shifted(half)) * exp2_of_shifted(other);
}

/// σ(x) = e^x / (1 + e^x)
template <class V>
inline V sigmoid(V x) {
  const V limit = V::broadcast(Exponential<typename V::Scalar>::sigmoid_limit);
  const Reduced<V> reduced = reduce(maximum(zero<V>() - limit, minimum(limit, x)));
  const V power = exp2_of_shifted(reduced.shifted);
  const V e = multiply_add(power, expm1_of_rest(reduced.r), power);
  return e / (e + V::broadcast(1));
}

/// tanh x = m / (m + 2) with m = e^2x − 1, on |x|; m loses nothing to cancellation near 0.
template <class V>
inline V tanh(V x) {
  using E = Exponential<typename V::Scalar>;
  const V twice = absolute(x) + absolute(x), limit = V::broadcast(2 * E::tanh_limit);
  const Reduced<V> reduced = reduce(minimum(limit, twice));
  const V power = exp2_of_shifted(reduced.shifted);
  const V m = multiply_add(power, expm1_of_rest(reduced.r), power - V::broadcast(1));
  return copy_sign(m / (m + V::broadcast(2)), x);
}

/// max(x, 0), NaN kept.
template <class V>
inline V relu(V x) {
  return maximum(zero<V>(), x);
}

/// max(x, 0) + p min(x, 0)
template <class V>
inline V leaky_relu(V x, V slope) {
  return select_greater(zero<V>(), x, slope * x, x);
}

/// e^x − 1 for x ≤ 0; m loses nothing to cancellation near 0.
template <class V>
inline V expm1_below_zero(V x) {
  using E = Exponential<typename V::Scalar>;
  const V limit = V::broadcast(-2 * E::tanh_limit);
  const Reduced<V> reduced = reduce(maximum(limit, x));
  const V power = exp2_of_shifted(reduced.shifted);
  return multiply_add(power, expm1_of_rest(reduced.r), power - V::broadcast(1));
}

/// x, and p (e^x − 1) below 0
template <class V>
inline V elu(V x, V scale) {
  return select_greater(zero<V>(), x, scale * expm1_below_zero(x), x);
}

/// log(1 + t) for 0 ≤ t ≤ 1: 2 artanh s with s = t / (2 + t), by its Taylor series.
template <class V>
inline V log1p_of_share(V t) {
  using T = typename V::Scalar;
  const V s = t / (V::broadcast(2) + t), square = s * s;
  V sum = zero<V>();
  for (int k = Exponential<T>::log1p_terms - 1; k >= 1; --k)
    sum = multiply_add(sum, square, V::broadcast(T(1) / T(2 * k + 1)));
  return (s + s) + (s + s) * (square * sum);
}

/// log(1 + e^x) = max(x, 0) + log(1 + e^−|x|)
template <class V>
inline V softplus(V x) {
  return relu(x) + log1p_of_share(exponential(zero<V>() - absolute(x)));
}

/// 1.7159 tanh(2x / 3) (LeCun et al. 1998, appendix A)
constexpr double tanh_height = 1.7159, tanh_slope = 2.0 / 3.0;
template <class V>
inline V scaled_tanh(V x) {
  return V::broadcast(tanh_height) * tanh(V::broadcast(tanh_slope) * x);
}

/// (1 + 2x) e^(x²) erfc(x) for x ≥ 0 as Chebyshev's series in (x − 3.75) / (x + 3.75), the form of Shepherd and
/// Laframboise (Math. Comp. 36, 1981); the coefficients were computed anew with 50 digits.
constexpr double erfc_series[25] = {
    0x1.2d75d0246cee8p+0,   -0x1.2cd0564f8c1b7p-8,  -0x1.59159e8868995p-4,  0x1.e50c3e7c7dccep-5,
    -0x1.b4c68f4569326p-6,  0x1.295e991a7d82dp-7,   -0x1.3c4c54f8d419dp-9,  0x1.014ed1572209ap-11,
    -0x1.221e6f70130b5p-14, 0x1.15c3f597f0492p-18,  0x1.9f8f03ca86fc2p-21,  -0x1.d601c320c8fa7p-23,
    0x1.71e1efca86b89p-27,  0x1.36bf288552114p-28,  -0x1.aa4d7b1ce1006p-31, -0x1.15df59ca6c807p-34,
    0x1.f8af0a9a8cf10p-36,  0x1.b61b723a0a721p-43,  -0x1.0fc16bfeebfafp-40, 0x1.24f6a7d597e87p-45,
    0x1.2d8b4a22bc60ap-45,  -0x1.0cb63357bc6d9p-49, -0x1.688457d925e3bp-50, 0x1.561b5d7bb90ffp-54,
    0x1.d37407070797ep-55};

/// e^(−x²/2), with x² in two parts, as exp would magnify its rounding.
template <class V>
inline V bell(V x) {
  const V half = V::broadcast(0.5), square = x * x, rest = multiply_add(x, x, zero<V>() - square);
  return exponential(zero<V>() - half * square) * (V::broadcast(1) - half * rest);
}

/// Φ(x) = ½ erfc(−x / √2), the normal distribution.
template <class V>
inline V normal_distribution(V x) {
  using T = typename V::Scalar;
  const V one = V::broadcast(1), bend = V::broadcast(T(3.75));
  const V z = absolute(x) * V::broadcast(0.70710678118654752440);
  const V w = (z - bend) / (z + bend), twice = w + w;
  V b1 = zero<V>(), b2 = zero<V>();
  for (int k = Exponential<T>::erfc_terms - 1; k >= 1; --k) {
    const V b0 = multiply_add(twice, b1, V::broadcast(T(erfc_series[k])) - b2);
    b2 = b1;
    b1 = b0;
  }
  const V series = multiply_add(w, b1, V::broadcast(T(erfc_series[0])) - b2);
  const V tail = V::broadcast(0.5) * (bell(x) * (series / (one + (z + z))));
  return select_greater(x, zero<V>(), one - tail, tail);
}

/// φ(x) = e^(−x²/2) / √(2π)
template <class V>
inline V normal_density(V x) {
  return V::broadcast(0.39894228040143267794) * bell(x);
}

}  // namespace
}  // namespace cnnbp
