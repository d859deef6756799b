// What the kernels of losses and updates are told, as arguments.hpp has it for those of layers.
#pragma once

#include "kernels/arguments.hpp"

namespace cnnbp {

/// One block's outputs x and targets t, and the losses ℓ of its samples; without `features`, one number a lane.
template <class T>
struct BlockLoss {
  const T* output;  // x: [feature][lane]
  const T* target;  // t: [feature][lane]
  T* delta;         // scale · ∂ℓ/∂x: [feature][lane]
  Index features, lanes;
  const T* scale;    // the sample's share of the batch's loss
  T* loss;           // ℓ
  T* correct;        // with each_output how many are right; else 1 where the largest is at a largest target, or 0
  bool each_output;  // each is a yes or no: right where x > threshold is what t > ½ is
  T threshold;
};

/// ℓ = −Σ q log softmax(x) with q = weight ∘ (keep · t + spread), in three sums: ℓ = loss + target_sum · log
/// exponentials.
template <class T>
struct CrossEntropyTerms {
  const T* weight;  // [feature]
  T keep, spread;
  T* target_sum;    // Σ q
  T* exponentials;  // Σ exp(x − max)
};

/// A stretch of the flat parameters p and what an update reads and writes beside them. The gradient that a rule
/// sees is g = min(max(scale · gradient, −limit), limit). After it, average ← average + share · (p − average), or p
/// where the average is NaN, as it is before the first step.
template <class T>
struct Slice {
  T* parameter;
  const T* gradient;
  T* state[2];  // in the order of the optimizer's state_names; as many as the rule has
  T* average;   // null: none is kept
  Index count;  // a multiple of 16 bytes
  T scale, limit, share;
};

/// g ← g + weight_decay · p;  v ← momentum · v + g;  p ← p − lr · v, or p ← p − lr · (g + momentum · v). State: v.
template <class T>
struct SGDStep {
  T lr, momentum, weight_decay;
  bool nesterov;
};

/// g ← g + weight_decay · p;  s ← s + g²;  p ← p − lr · g / (√s + eps). State: s.
template <class T>
struct AdagradStep {
  T lr, weight_decay, eps;
};

/// g ← g + weight_decay · p;  s ← alpha · s + rest · g²;  v ← momentum · v + g / (√s + eps);  p ← p − lr · v, with
/// rest = 1 − alpha. State: s, v.
template <class T>
struct RMSpropStep {
  T lr, alpha, rest, eps, weight_decay, momentum;
};

/// g ← g + weight_decay · p;  m ← m + rest1 · (g − m);  s ← beta2 · s + rest2 · g²;
/// p ← keep · p − lr · m / (√s / root + eps), with rest = 1 − beta, lr over 1 − beta1ᵗ and root = √(1 − beta2ᵗ).
/// State: m, s.
template <class T>
struct AdamStep {
  T lr, rest1, beta2, rest2, root, eps, weight_decay, keep;
};

/// p ← keep · p − lr · sign(beta1 · m + rest1 · g);  m ← beta2 · m + rest2 · g, with rest = 1 − beta. State: m.
template <class T>
struct LionStep {
  T lr, beta1, rest1, beta2, rest2, keep;
};

}  // namespace cnnbp
