// The activations and their derivatives, over stretches of memory.
#pragma once

#include "kernels/functions.hpp"
#include "kernels/pair.hpp"

namespace cnnbp {
namespace {

/// gelu's approximation ½x (1 + tanh w) with w = √(2/π) (x + 0.044715 x³) (Hendrycks and Gimpel 2016); σ(2w) is the
/// same as ½ (1 + tanh w) and keeps its digits where that nears 0.
constexpr double gelu_root = 0.79788456080286535588, gelu_cube = 0.044715;
template <class V>
inline V gelu_gate(V x) {
  const V inner = multiply_add(V::broadcast(gelu_cube) * x, x * x, x);
  return sigmoid(V::broadcast(2 * gelu_root) * inner);
}

/// min(max(x + 3, 0), 6) / 6
template <class V>
inline V hardswish_gate(V x) {
  const V six = V::broadcast(6), moved = relu(x + V::broadcast(3));
  return minimum(six, moved) / six;
}

/// Calls apply(f) with f on a lane vector.
template <class T, class Apply>
inline void with_function(Elementwise f, Apply apply) {
  const T p = T(f.parameter);
  switch (f.kind) {
    case FunctionKind::identity: return;
    case FunctionKind::sigmoid: return apply([](auto x) { return sigmoid(x); });
    case FunctionKind::tanh: return apply([](auto x) { return tanh(x); });
    case FunctionKind::relu: return apply([](auto x) { return relu(x); });
    case FunctionKind::exp: return apply([](auto x) { return exponential(x); });
    case FunctionKind::leaky_relu: return apply([p](auto x) { return leaky_relu(x, decltype(x)::broadcast(p)); });
    case FunctionKind::elu: return apply([p](auto x) { return elu(x, decltype(x)::broadcast(p)); });
    case FunctionKind::softplus:
      return apply([p](auto x) {
        const auto beta = decltype(x)::broadcast(p);
        return softplus(beta * x) / beta;
      });
    case FunctionKind::scaled_tanh: return apply([](auto x) { return scaled_tanh(x); });
    case FunctionKind::gelu: return apply([](auto x) { return x * normal_distribution(x); });
    case FunctionKind::gelu_tanh: return apply([](auto x) { return x * gelu_gate(x); });
    case FunctionKind::silu: return apply([](auto x) { return x * sigmoid(x); });
    case FunctionKind::hardswish: return apply([](auto x) { return x * hardswish_gate(x); });
  }
}

template <class T>
void activate(Elementwise f, T* u, Index count) {
  with_function<T>(f, [=](auto function) {
    for_each_pair<T>(count, [&](auto vectors, Index i) { function(decltype(vectors)::load(u + i)).store(u + i); });
  });
}

/// delta ← slope(x, delta)
template <class T, class Slope>
inline void apply_slope(const T* x, T* delta, Index count, Slope slope) {
  for_each_pair<T>(count, [&](auto vectors, Index i) {
    using V = decltype(vectors);
    slope(V::load(x + i), V::load(delta + i)).store(delta + i);
  });
}

/// From y = f(u): σ' = y (1 − y), tanh' = 1 − y², relu' = 1 where y > 0, elu' = y + p below 0,
/// softplus' = 1 − e^−py.
template <class T>
void multiply_by_derivative(Elementwise f, const T* y, T* delta, Index count) {
  const T p = T(f.parameter);
  const auto apply = [=](auto slope) { apply_slope(y, delta, count, slope); };
  switch (f.kind) {
    case FunctionKind::sigmoid: return apply([](auto v, auto d) { return d * (v * (decltype(v)::broadcast(1) - v)); });
    case FunctionKind::tanh: return apply([](auto v, auto d) { return d * (decltype(v)::broadcast(1) - v * v); });
    case FunctionKind::relu:
      return apply([](auto v, auto d) {
        const auto none = zero<decltype(v)>();
        return select_greater(v, none, d, none);
      });
    case FunctionKind::exp: return apply([](auto v, auto d) { return d * v; });
    case FunctionKind::leaky_relu:
      return apply(
          [p](auto v, auto d) { return select_greater(v, zero<decltype(v)>(), d, decltype(v)::broadcast(p) * d); });
    case FunctionKind::elu:
      return apply([p](auto v, auto d) {
        return select_greater(v, zero<decltype(v)>(), d, d * (v + decltype(v)::broadcast(p)));
      });
    case FunctionKind::softplus:
      return apply([p](auto v, auto d) {
        const auto none = zero<decltype(v)>();
        return d * (none - expm1_below_zero(none - decltype(v)::broadcast(p) * v));
      });
    case FunctionKind::scaled_tanh:
      return apply([](auto v, auto d) {
        using V = decltype(v);
        const V y_of_tanh = v * V::broadcast(1 / tanh_height);
        return d * (V::broadcast(tanh_height * tanh_slope) * (V::broadcast(1) - y_of_tanh * y_of_tanh));
      });
    default: return;  // identity; the others' slope is not known from y
  }
}

/// From u: (u g)' = g + u g'.
template <class T>
void multiply_by_slope(Elementwise f, const T* u, T* delta, Index count) {
  const auto apply = [=](auto slope) { apply_slope(u, delta, count, slope); };
  switch (f.kind) {
    case FunctionKind::gelu:
      return apply([](auto x, auto d) { return d * multiply_add(x, normal_density(x), normal_distribution(x)); });
    case FunctionKind::gelu_tanh:
      return apply([](auto x, auto d) {
        using V = decltype(x);
        const V gate = gelu_gate(x), square = x * x, one = V::broadcast(1);
        const V inner = V::broadcast(gelu_root) * multiply_add(V::broadcast(3 * gelu_cube), square, one);
        return d * multiply_add(x * inner, (gate + gate) * (one - gate), gate);
      });
    case FunctionKind::silu:
      return apply([](auto x, auto d) {
        using V = decltype(x);
        const V gate = sigmoid(x);
        return d * (gate * multiply_add(x, V::broadcast(1) - gate, V::broadcast(1)));
      });
    case FunctionKind::hardswish:
      return apply([](auto x, auto d) {
        using V = decltype(x);
        const V three = V::broadcast(3), middle = (x + x + three) / V::broadcast(6);
        const V rising = select_greater(x, zero<V>() - three, middle, zero<V>());
        return d * select_greater(three, x, rising, V::broadcast(1));
      });
    default: return multiply_by_derivative(f, u, delta, count);
  }
}

template <class T>
void sum(const T* a, const T* b, T* y, Index count) {
  for_each_vector<T>(count, [&](auto vector, Index i) {
    using V = decltype(vector);
    (V::load(a + i) + V::load(b + i)).store(y + i);
  });
}

template <class T>
void product(const T* a, const T* b, T* y, Index count) {
  for_each_vector<T>(count, [&](auto vector, Index i) {
    using V = decltype(vector);
    (V::load(a + i) * V::load(b + i)).store(y + i);
  });
}

}  // namespace
}  // namespace cnnbp
