// Trainable subsampling of one plane: forward, delta and gradient.
#pragma once

#include "kernels/pooling.hpp"

namespace cnnbp {
namespace {

/// d(oh, ow) = Σ x over the window, u(oh, ow) = β d(oh, ow) + b.
template <class T>
void subsample(const Subsampling<T>& a) {
  for_each_pixel(a.windows, [pooled = a.windows.pooled, sums = a.sums, beta = a.beta,
                             bias = a.bias]<class V, int Size>(const PooledPixel<V, Size>& pixel) {
    V sum = zero<V>();
    pixel.for_each_tap([&](const T* x, V) { sum = sum + V::load(x); });
    if (sums) sum.store(sums + pixel.offset);
    multiply_add(V::broadcast(beta), sum, V::broadcast(bias)).store(pooled + pixel.offset);
  });
}

/// δ(ih, iw) = β δ(oh, ow) of the one window that holds the pixel.
template <class T>
void subsample_delta(const Subsampling<T>& a) {
  for_each_pixel(a.windows,
                 [pooled = a.windows.pooled, beta = a.beta]<class V, int Size>(const PooledPixel<V, Size>& pixel) {
                   const V delta = V::broadcast(beta) * V::load(pooled + pixel.offset);
                   pixel.for_each_tap([&](T* to, V) { delta.store(to); });
                 });
}

/// Two chains by pixel hide the latency of a multiply-add; the order is the same on every instruction set.
template <class T>
void accumulate_subsampling_gradient(const SubsamplingGradient<T>& a) {
  T beta[64 / sizeof(T)] = {}, bias[64 / sizeof(T)] = {};
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index part = 0; part < a.lanes; part += V::width) {
      V beta_chain[2] = {zero<V>(), zero<V>()}, bias_chain[2] = {zero<V>(), zero<V>()};
      for (Index px = 0; px < a.pixels; ++px) {
        const V delta = V::load(a.delta + px * a.lanes + part), d = V::load(a.sums + px * a.lanes + part);
        beta_chain[px % 2] = multiply_add(delta, d, beta_chain[px % 2]);
        bias_chain[px % 2] = bias_chain[px % 2] + delta;
      }
      (beta_chain[0] + beta_chain[1]).store(beta + part);
      (bias_chain[0] + bias_chain[1]).store(bias + part);
    }
    *a.beta += sum_pixel<V>(beta, a.lanes);
    *a.bias += sum_pixel<V>(bias, a.lanes);
  });
}

}  // namespace
}  // namespace cnnbp
