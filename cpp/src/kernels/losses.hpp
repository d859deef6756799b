// Softmax over channels, and the losses with their deltas. A lane is a sample, so every sum is a lane's own.
#pragma once

#include "kernels/functions.hpp"
#include "kernels/learning_arguments.hpp"

namespace cnnbp {
namespace {

template <class V, class T>
inline V largest(const T* x, Index count, Index stride) {
  V best = V::load(x);
  for (Index i = 1; i < count; ++i) best = maximum(V::load(x + i * stride), best);
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

/// How many outputs are on their target's side of the threshold.
template <class V, class T>
inline V count_correct(const BlockLoss<T>& a, Index part) {
  const V yes = V::broadcast(1), no = zero<V>(), threshold = V::broadcast(a.threshold), half = V::broadcast(0.5);
  V count = no;
  for (Index i = part; i < a.features * a.lanes; i += a.lanes) {
    const V says = select_greater(V::load(a.output + i), threshold, yes, no);
    const V wanted = select_greater(V::load(a.target + i), half, yes, no);
    count = count + select_equal(says, wanted, yes, no);
  }
  return count;
}

/// As BlockLoss::correct has it.
template <class V, class T>
inline void mark_correct(const BlockLoss<T>& a, Index part) {
  if (a.each_output) return count_correct<V>(a, part).store(a.correct + part);
  V output = V::load(a.output + part), target = V::load(a.target + part), at_output = target;
  for (Index i = a.lanes + part; i < a.features * a.lanes; i += a.lanes) {
    const V x = V::load(a.output + i), t = V::load(a.target + i);
    at_output = select_greater(x, output, t, at_output);
    output = maximum(x, output);
    target = maximum(t, target);
  }
  select_equal(at_output, target, V::broadcast(1), zero<V>()).store(a.correct + part);
}

/// ℓ = Σ_k of what `term` adds to it for output k, and the slope that it returns as delta.
template <class T, class Term>
inline void sum_over_outputs(const BlockLoss<T>& a, Term term) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index part = 0; part < a.lanes; part += V::width) {
      const V scale = V::load(a.scale + part);
      V loss = zero<V>();
      for (Index k = 0; k < a.features; ++k) {
        const Index i = k * a.lanes + part;
        (term(V::load(a.output + i), V::load(a.target + i), k, loss) * scale).store(a.delta + i);
      }
      loss.store(a.loss + part);
      mark_correct<V>(a, part);
    }
  });
}

/// With c = min(max(e, −limit), limit) the loss is c (e − ½ c) on both sides of the limit, and c its slope.
template <class T>
void huber(const BlockLoss<T>& a, T limit) {
  sum_over_outputs(a, [=](auto x, auto t, Index, auto& loss) {
    using V = decltype(x);
    const V most = V::broadcast(limit), least = V::broadcast(-limit), e = x - t;
    const V c = maximum(least, minimum(most, e));
    loss = multiply_add(c, e - c * V::broadcast(0.5), loss);
    return c;
  });
}

template <class T>
void l1(const BlockLoss<T>& a) {
  sum_over_outputs(a, [](auto x, auto t, Index, auto& loss) {
    using V = decltype(x);
    const V e = x - t, none = zero<V>();
    loss = loss + absolute(e);
    return select_equal(e, none, none, copy_sign(V::broadcast(1), e));
  });
}

/// −log σ(x) = max(−x, 0) + log(1 + z) and σ(|x|) = 1 / (1 + z), with z = exp(−|x|): nothing cancels.
template <class T>
void binary_cross_entropy(const BlockLoss<T>& a, const T* weight) {
  sum_over_outputs(a, [=](auto x, auto t, Index k, auto& loss) {
    using V = decltype(x);
    const V one = V::broadcast(1), none = zero<V>();
    const V z = exponential(none - absolute(x)), log_sum = log1p_of_share(z);
    const V likely = one / (one + z), unlikely = z / (one + z);
    const V yes = V::broadcast(weight[k]) * t, no = one - t;
    loss = multiply_add(yes, relu(none - x) + log_sum, loss);
    loss = multiply_add(no, relu(x) + log_sum, loss);
    return no * select_greater(none, x, unlikely, likely) - yes * select_greater(none, x, likely, unlikely);
  });
}

/// δ = Σ q · softmax(x) − q
template <class T>
void cross_entropy(const BlockLoss<T>& a, const CrossEntropyTerms<T>& terms) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    const V keep = V::broadcast(terms.keep), spread = V::broadcast(terms.spread);
    for (Index part = 0; part < a.lanes; part += V::width) {
      const auto target = [&](Index k) {
        return V::broadcast(terms.weight[k]) * multiply_add(keep, V::load(a.target + k * a.lanes + part), spread);
      };
      const V max = largest<V>(a.output + part, a.features, a.lanes);
      const V sum = exponentials<V>(a.output + part, a.delta + part, max, a.features, a.lanes);
      const V scale = V::load(a.scale + part);
      V targets = zero<V>(), loss = zero<V>();
      for (Index k = 0; k < a.features; ++k) {
        targets = targets + target(k);
        loss = multiply_add(target(k), max - V::load(a.output + k * a.lanes + part), loss);
      }
      for (Index k = 0; k < a.features; ++k) {
        T* delta = a.delta + k * a.lanes + part;
        ((targets * (V::load(delta) / sum) - target(k)) * scale).store(delta);
      }
      loss.store(a.loss + part);
      sum.store(terms.exponentials + part);
      targets.store(terms.target_sum + part);
      mark_correct<V>(a, part);
    }
  });
}

/// δ = 1 for each term above 0, and at y minus their number.
template <class T>
void hinge(const BlockLoss<T>& a, T margin) {
  with_vector<T>(a.lanes, [&](auto vector) {
    using V = decltype(vector);
    for (Index part = 0; part < a.lanes; part += V::width) {
      const V scale = V::load(a.scale + part), none = zero<V>(), one = V::broadcast(1);
      V own = none, loss = none, count = none;
      for (Index i = part; i < a.features * a.lanes; i += a.lanes)
        own = multiply_add(V::load(a.target + i), V::load(a.output + i), own);
      for (Index i = part; i < a.features * a.lanes; i += a.lanes) {
        const V term = (V::broadcast(margin) - own) + V::load(a.output + i);
        const V counted = select_greater(term, none, one - V::load(a.target + i), none);
        loss = multiply_add(counted, term, loss);
        count = count + counted;
        counted.store(a.delta + i);
      }
      for (Index i = part; i < a.features * a.lanes; i += a.lanes) {
        const V counted = V::load(a.delta + i) - count * V::load(a.target + i);
        (counted * scale).store(a.delta + i);
      }
      loss.store(a.loss + part);
      mark_correct<V>(a, part);
    }
  });
}

}  // namespace
}  // namespace cnnbp
