// Softmax over channels, and the losses with their deltas. A lane is a sample, so every sum is a lane's own.
#pragma once

#include "kernels/functions.hpp"

namespace cnnbp {
namespace {

template <class V, class T>
inline V largest(const T* x, Index count, Index stride) {
  V best = V::load(x);
  for (Index i = 1; i < count; ++i) best = greater_of(V::load(x + i * stride), best);
  return best;
}

/// e ← exp(x − max); returns Σ e.
template <class V, class T>
inline V exponentials(const T* x, T* e, V max, Index count, Index stride) {
  V sum = zero<V>();
  for (Index i = 0; i < count; ++i) {
    const V value = exponential(V::load(x + i * stride) - max);
    value.store(e + i * stride);
    sum = sum + value;
  }
  return sum;
}

template <class T>
void softmax(const Softmax<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index i = 0; i < a.pixels * a.lanes; i += V::width) {
      const V max = largest<V>(a.input + i, a.channels, a.channel_stride);
      const V sum = exponentials<V>(a.input + i, a.output + i, max, a.channels, a.channel_stride);
      for (Index c = 0; c < a.channels; ++c) {
        T* p = a.output + i + c * a.channel_stride;
        (V::load(p) / sum).store(p);
      }
    }
  });
}

template <class T>
void softmax_delta(const Softmax<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index i = 0; i < a.pixels * a.lanes; i += V::width) {
      V dot = zero<V>();
      for (Index c = i; c < i + a.channels * a.channel_stride; c += a.channel_stride)
        dot = multiply_add(V::load(a.delta + c), V::load(a.value + c), dot);
      for (Index c = i; c < i + a.channels * a.channel_stride; c += a.channel_stride)
        (V::load(a.value + c) * (V::load(a.delta + c) - dot)).store(a.delta + c);
    }
  });
}

/// 1 where output and target have their largest feature at the same place.
template <class V, class T>
inline void mark_correct(const BlockLoss<T>& a, Index part) {
  V output = V::load(a.output + part), target = V::load(a.target + part);
  V guess = zero<V>(), truth = zero<V>();
  for (Index k = 1; k < a.features; ++k) {
    const V index = V::broadcast(T(k));
    const V x = V::load(a.output + k * a.lanes + part), t = V::load(a.target + k * a.lanes + part);
    guess = select_greater(x, output, index, guess);
    truth = select_greater(t, target, index, truth);
    output = greater_of(x, output);
    target = greater_of(t, target);
  }
  select_equal(guess, truth, V::broadcast(1), zero<V>()).store(a.correct + part);
}

/// ½ Σ e² and δ = e / N with e = output − target.
template <class T>
void mse(const BlockLoss<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index part = 0; part < a.lanes; part += V::width) {
      V sum = zero<V>();
      for (Index i = part; i < a.features * a.lanes; i += a.lanes) {
        const V e = V::load(a.output + i) - V::load(a.target + i);
        sum = multiply_add(e, e, sum);
        (e * V::broadcast(a.scale)).store(a.delta + i);
      }
      (sum * V::broadcast(T(0.5))).store(a.loss + part);
      mark_correct<V>(a, part);
    }
  });
}

/// −Σ t log softmax(x) in three sums, the logarithm being left to the caller, and
/// δ = (Σ t · softmax(x) − t) / N.
template <class T>
void cross_entropy(const BlockLoss<T>& a) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index part = 0; part < a.lanes; part += V::width) {
      const V max = largest<V>(a.output + part, a.features, a.lanes);
      const V sum = exponentials<V>(a.output + part, a.delta + part, max, a.features, a.lanes);
      V targets = zero<V>(), loss = zero<V>();
      for (Index i = part; i < a.features * a.lanes; i += a.lanes) {
        const V t = V::load(a.target + i);
        targets = targets + t;
        loss = multiply_add(t, max - V::load(a.output + i), loss);
      }
      for (Index i = part; i < a.features * a.lanes; i += a.lanes) {
        const V p = V::load(a.delta + i) / sum;
        ((targets * p - V::load(a.target + i)) * V::broadcast(a.scale)).store(a.delta + i);
      }
      loss.store(a.loss + part);
      sum.store(a.exponentials + part);
      targets.store(a.target_sum + part);
      mark_correct<V>(a, part);
    }
  });
}

}  // namespace
}  // namespace cnnbp
