// Mean, variance and what they send back, lane by lane: a lane is a sample, so group normalisation uses the sums as
// they are, and batch normalisation adds the lanes up.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// Four chains by pixel hide the latency of an addition.
template <class T>
void accumulate_moments(const PlaneMoments<T>& a) {
  constexpr int chains = 4;
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index part = 0; part < a.lanes; part += V::width) {
      const V mean = V::load(a.mean + part);
      V first[chains], second[chains];
      for (int c = 0; c < chains; ++c) first[c] = second[c] = zero<V>();
      const auto add = [&](Index pixel, int chain) {
        const V x = V::load(a.input + pixel * a.lanes + part) - mean;
        const V weight = a.delta ? V::load(a.delta + pixel * a.lanes + part) : x;
        first[chain] = first[chain] + weight;
        second[chain] = multiply_add(weight, x, second[chain]);
      };
      Index pixel = 0;
      for (; pixel + chains <= a.pixels; pixel += chains)
        for (int c = 0; c < chains; ++c) add(pixel + c, c);
      for (int c = 0; pixel < a.pixels; ++pixel, ++c) add(pixel, c);
      (V::load(a.first + part) + ((first[0] + first[1]) + (first[2] + first[3]))).store(a.first + part);
      (V::load(a.second + part) + ((second[0] + second[1]) + (second[2] + second[3]))).store(a.second + part);
    }
  });
}

template <class T>
void normalize(const Normalization<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    const V shift = V::broadcast(a.shift);
    for (Index part = 0; part < a.lanes; part += V::width) {
      const V mean = V::load(a.mean + part), scale = V::load(a.scale + part);
      for (Index i = part; i < a.pixels * a.lanes; i += a.lanes)
        multiply_add(V::load(a.input + i) - mean, scale, shift).store(a.output + i);
    }
  });
}

template <class T>
void normalize_delta(const Normalization<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index part = 0; part < a.lanes; part += V::width) {
      const V mean = V::load(a.mean + part), scale = V::load(a.scale + part);
      const V shift = V::load(a.delta_shift + part), slope = zero<V>() - V::load(a.delta_scale + part);
      for (Index i = part; i < a.pixels * a.lanes; i += a.lanes) {
        const V direct = multiply_add(V::load(a.delta + i), scale, zero<V>() - shift);
        multiply_add(V::load(a.input + i) - mean, slope, direct).store(a.input_delta + i);
      }
    }
  });
}

}  // namespace
}  // namespace cnnbp
