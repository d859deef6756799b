// The optimizers' rules, each in one pass over the flat parameters; and a loop of nothing but multiply-adds.
#pragma once

#include "kernels/learning_arguments.hpp"
#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// p ← rule(p, g, i) for the clipped gradient g of the parameters from i on, and then their average.
template <class T, class Rule>
inline void update_each(const Slice<T>& a, Rule rule) {
  for_each_vector<T>(a.count, [&](auto vector, Index i) {
    using V = decltype(vector);
    const V limit = V::broadcast(a.limit), g = V::broadcast(a.scale) * V::load(a.gradient + i);
    const V p = rule(V::load(a.parameter + i), maximum(V::broadcast(-a.limit), minimum(limit, g)), i);
    p.store(a.parameter + i);
    if (a.average == nullptr) return;
    const V old = V::load(a.average + i);
    select_nan(old, p, multiply_add(V::broadcast(a.share), p - old, old)).store(a.average + i);
  });
}

template <class T>
void sgd(const Slice<T>& a, const SGDStep<T>& o) {
  update_each(a, [&](auto p, auto g, Index i) {
    using V = decltype(p);
    g = multiply_add(V::broadcast(o.weight_decay), p, g);
    V step = g;
    if (o.momentum != T(0)) {
      const V momentum = V::broadcast(o.momentum), velocity = multiply_add(momentum, V::load(a.state[0] + i), g);
      velocity.store(a.state[0] + i);
      step = o.nesterov ? multiply_add(momentum, velocity, g) : velocity;
    }
    return multiply_add(V::broadcast(-o.lr), step, p);
  });
}

template <class T>
void adagrad(const Slice<T>& a, const AdagradStep<T>& o) {
  update_each(a, [&](auto p, auto g, Index i) {
    using V = decltype(p);
    g = multiply_add(V::broadcast(o.weight_decay), p, g);
    const V sum = multiply_add(g, g, V::load(a.state[0] + i));
    sum.store(a.state[0] + i);
    return multiply_add(V::broadcast(-o.lr), g / (square_root(sum) + V::broadcast(o.eps)), p);
  });
}

template <class T>
void rmsprop(const Slice<T>& a, const RMSpropStep<T>& o) {
  update_each(a, [&](auto p, auto g, Index i) {
    using V = decltype(p);
    g = multiply_add(V::broadcast(o.weight_decay), p, g);
    const V square = multiply_add(V::broadcast(o.alpha), V::load(a.state[0] + i), V::broadcast(o.rest) * g * g);
    square.store(a.state[0] + i);
    V step = g / (square_root(square) + V::broadcast(o.eps));
    if (o.momentum != T(0)) {
      step = multiply_add(V::broadcast(o.momentum), V::load(a.state[1] + i), step);
      step.store(a.state[1] + i);
    }
    return multiply_add(V::broadcast(-o.lr), step, p);
  });
}

template <class T>
void adam(const Slice<T>& a, const AdamStep<T>& o) {
  update_each(a, [&](auto p, auto g, Index i) {
    using V = decltype(p);
    g = multiply_add(V::broadcast(o.weight_decay), p, g);
    const V old = V::load(a.state[0] + i), mean = multiply_add(V::broadcast(o.rest1), g - old, old);
    const V square = multiply_add(V::broadcast(o.beta2), V::load(a.state[1] + i), V::broadcast(o.rest2) * g * g);
    mean.store(a.state[0] + i);
    square.store(a.state[1] + i);
    const V step = mean / (square_root(square) / V::broadcast(o.root) + V::broadcast(o.eps));
    return multiply_add(V::broadcast(-o.lr), step, V::broadcast(o.keep) * p);
  });
}

template <class T>
void lion(const Slice<T>& a, const LionStep<T>& o) {
  update_each(a, [&](auto p, auto g, Index i) {
    using V = decltype(p);
    const V mean = V::load(a.state[0] + i), none = zero<V>(), one = V::broadcast(T(1));
    const V c = multiply_add(V::broadcast(o.beta1), mean, V::broadcast(o.rest1) * g);
    const V sign = select_greater(c, none, one, select_greater(none, c, V::broadcast(T(-1)), c));  // 0 and NaN are c
    multiply_add(V::broadcast(o.beta2), mean, V::broadcast(o.rest2) * g).store(a.state[0] + i);
    return multiply_add(V::broadcast(-o.lr), sign, V::broadcast(o.keep) * p);
  });
}

/// 12 chains: more than latency × throughput (4 cycles × 2) asks for on processors with FMA.
template <class T>
double multiply_adds(Index iterations, T* out) {
  using V = Vec<T, widest<T>>;
  V sum[12];
  for (int i = 0; i < 12; ++i) sum[i] = V::broadcast(T(i));
  V a = V::broadcast(T(1.0001)), b = V::broadcast(T(0.0001));
  for (Index n = 0; n < iterations; ++n) {
    for (int i = 0; i < 12; ++i) sum[i] = multiply_add(sum[i], a, b);
    asm volatile("" : "+x"(a.v), "+x"(b.v));  // keeps the compiler from folding iterations
  }
  for (int i = 1; i < 12; ++i) sum[0] = sum[0] + sum[i];
  out[0] = sum[0].sum();
  return double(iterations) * 12 * V::width;
}

}  // namespace
}  // namespace cnnbp
