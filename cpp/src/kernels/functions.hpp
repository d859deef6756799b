// exp, the activations and their derivatives, on lane vectors. Error bounds are stated in
// docs/architecture.md and tested.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// x = n·ln 2 + r, |r| ≤ ½ ln 2, with ln 2 in two parts whose first has spare bits for an exact n·high.
template <class T>
struct Exponential;

template <>
struct Exponential<float> {
  static constexpr float high = 0x1.62e4p-1f, low = 0x1.7f7d1cp-20f;
  static constexpr float shift = 0x1.8p23f;   // adding it rounds to a whole number
  static constexpr float limit = 104.0f;      // beyond it exp is infinite or 0
  static constexpr float tanh_limit = 20.0f;  // beyond it tanh is 1 to the last bit
  static constexpr int degree = 7;            // next Taylor term: r^8 / 8! < 6e-9, a tenth of an ulp
};
template <>
struct Exponential<double> {
  static constexpr double high = 0x1.62e42feep-1, low = 0x1.a39ef35793c76p-33;
  static constexpr double shift = 0x1.8p52;
  static constexpr double limit = 746.0;
  static constexpr double tanh_limit = 40.0;
  static constexpr int degree = 13;  // next Taylor term: r^14 / 14! < 5e-18
};

/// e^r − 1 by Taylor's polynomial.
template <class V>
inline V expm1_of_rest(V r) {
  using T = typename V::Scalar;
  T factorial = 1;
  T coefficient[Exponential<T>::degree + 1];
  for (int k = 1; k <= Exponential<T>::degree; ++k) coefficient[k] = T(1) / (factorial *= T(k));
  V q = V::broadcast(coefficient[Exponential<T>::degree]);
  for (int k = Exponential<T>::degree - 1; k >= 2; --k) q = multiply_add(q, r, V::broadcast(coefficient[k]));
  return multiply_add(q * r, r, r);
}

/// n and r of x = n·ln 2 + r.
template <class V>
struct Reduced {
  V n, r;
};
template <class V>
inline Reduced<V> reduce(V x) {
  using E = Exponential<typename V::Scalar>;
  const V shift = V::broadcast(E::shift);
  const V n = multiply_add(x, V::broadcast(typename V::Scalar(0x1.71547652b82fep0)), shift) - shift;
  const V r = multiply_add(n, V::broadcast(-E::low), multiply_add(n, V::broadcast(-E::high), x));
  return {n, r};
}

/// e^x, NaN kept. 2^n is applied in two factors, as n may be one past the largest exponent.
template <class V>
inline V exponential(V x) {
  using E = Exponential<typename V::Scalar>;
  const V limit = V::broadcast(E::limit), shift = V::broadcast(E::shift);
  const V below = select_greater(x, limit, limit, x);
  const V bounded = select_greater(zero<V>() - limit, below, zero<V>() - limit, below);
  const Reduced<V> reduced = reduce(bounded);
  const V half = multiply_add(reduced.n, V::broadcast(0.5), shift);
  const V other = (reduced.n - (half - shift)) + shift;
  const V power = V::broadcast(1) + expm1_of_rest(reduced.r);
  return (power * exp2_of_shifted(half)) * exp2_of_shifted(other);
}

/// σ(x) = 1 / (1 + e^−x)
template <class V>
inline V sigmoid(V x) {
  return V::broadcast(1) / (V::broadcast(1) + exponential(zero<V>() - x));
}

/// tanh x = m / (m + 2) with m = e^2x − 1, on |x|; m loses nothing to cancellation near 0.
template <class V>
inline V tanh(V x) {
  using E = Exponential<typename V::Scalar>;
  const V twice = absolute(x) + absolute(x), limit = V::broadcast(2 * E::tanh_limit);
  const Reduced<V> reduced = reduce(select_greater(twice, limit, limit, twice));
  const V power = exp2_of_shifted(reduced.n + V::broadcast(E::shift));
  const V m = multiply_add(power, expm1_of_rest(reduced.r), power - V::broadcast(1));
  return copy_sign(m / (m + V::broadcast(2)), x);
}

/// max(x, 0), NaN kept.
template <class V>
inline V relu(V x) {
  return select_greater(zero<V>(), x, zero<V>(), x);
}

template <class T>
void activate(Elementwise f, T* u, Index count) {
  const auto apply = [&](auto function) {
    for_each_vector<T>(count, [&](auto vector, Index i) { function(decltype(vector)::load(u + i)).store(u + i); });
  };
  switch (f) {
    case Elementwise::identity: return;
    case Elementwise::sigmoid: return apply([](auto x) { return sigmoid(x); });
    case Elementwise::tanh: return apply([](auto x) { return tanh(x); });
    case Elementwise::relu: return apply([](auto x) { return relu(x); });
    case Elementwise::exp: return apply([](auto x) { return exponential(x); });
  }
}

/// From y = f(u): σ' = y (1 − y), tanh' = 1 − y², relu' = 1 where y > 0.
template <class T>
void multiply_by_derivative(Elementwise f, const T* y, T* delta, Index count) {
  const auto apply = [&](auto derivative) {
    for_each_vector<T>(count, [&](auto vector, Index i) {
      using V = decltype(vector);
      derivative(V::load(y + i), V::load(delta + i)).store(delta + i);
    });
  };
  switch (f) {
    case Elementwise::identity: return;
    case Elementwise::sigmoid: return apply([](auto v, auto d) { return d * (v * (decltype(v)::broadcast(1) - v)); });
    case Elementwise::tanh: return apply([](auto v, auto d) { return d * (decltype(v)::broadcast(1) - v * v); });
    case Elementwise::relu:
      return apply([](auto v, auto d) {
        const auto none = zero<decltype(v)>();
        return select_greater(v, none, d, none);
      });
    case Elementwise::exp: return apply([](auto v, auto d) { return d * v; });
  }
}

}  // namespace
}  // namespace cnnbp
