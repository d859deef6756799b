/// What a network minimises: plain data, with torch's names for options.
///
/// Losses of logits take them as the last layer leaves them: one that ends with sigmoid or softmax is refused.
/// Every struct states ℓ, the loss of one sample with K outputs x and targets t; class number y means t_k = 1 for
/// k = y and 0 elsewhere, or, where K = 1, t = y. A batch's loss is the weighted mean over its samples,
/// Σ w ℓ / Σ w, with 0 where all weights are 0. torch's 'mean' divides by K as well, but for cross entropy.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace cnnbp {

/// ℓ = ½ Σ (x − t)², the DeepLearnToolbox's.
struct MSE {};

/// ℓ = −Σ_k c_k ((1 − label_smoothing) t_k + label_smoothing / K) log softmax(x)_k; x are logits.
/// The divisor of the mean is Σ w c_y for class numbers, as in torch, and Σ w for target values, which are at least 0.
struct CrossEntropy {
  double label_smoothing = 0.0;
  std::vector<double> class_weights = {};  ///< c, one for each output; empty: all 1
  std::int64_t ignore_index = -100;        ///< samples of this class number weigh nothing
};

/// ℓ = −Σ_k p_k t_k log σ(x_k) + (1 − t_k) log (1 − σ(x_k)); x are logits, and t from 0 to 1.
struct BCEWithLogits {
  std::vector<double> pos_weight = {};  ///< p, one for each output; empty: all 1
};

/// ℓ = Σ |x − t|
struct L1 {};

/// ℓ = Σ h(x − t) with h(e) = ½ e² where |e| ≤ delta, else delta · (|e| − ½ delta) (Huber 1964).
struct Huber {
  double delta = 1.0;
};

/// ℓ = Σ_{k≠y} max(0, margin − x_y + x_k), the multi-class hinge of Weston and Watkins 1999 and torch's
/// MultiMarginLoss. Crammer and Singer 2001 take the largest term in place of the sum.
struct Hinge {
  double margin = 1.0;
};

using Loss = std::variant<MSE, CrossEntropy, BCEWithLogits, L1, Huber, Hinge>;

}  // namespace cnnbp
