// The optimizer's rule, in one pass over the flat parameters; and a loop of nothing but multiply-adds.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

template <class T>
void momentum_update(const MomentumUpdate<T>& a) {
  for_each_vector<T>(a.count, [&](auto vector, Index i) {
    using V = decltype(vector);
    V step = V::load(a.gradient + i);
    if (a.velocity) {
      step = multiply_add(V::broadcast(a.momentum), V::load(a.velocity + i), step);
      step.store(a.velocity + i);
    }
    multiply_add(V::broadcast(-a.lr), step, V::load(a.parameter + i)).store(a.parameter + i);
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
