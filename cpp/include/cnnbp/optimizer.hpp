/// How gradients change parameters: plain data, with torch.optim's names and defaults.
#pragma once

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace cnnbp {

/// What every rule can do besides its own formula. At most one of the two clips is finite.
struct UpdateOptions {
  /// g ← g · min(1, clip_norm / (‖g‖₂ + 10⁻⁶)), over the gradients g of all parameters.
  double clip_norm = std::numeric_limits<double>::infinity();
  /// g ← min(max(g, −clip_value), clip_value)
  double clip_value = std::numeric_limits<double>::infinity();
  /// average ← ema_decay · average + (1 − ema_decay) · p after each step; the first copies p. Kept as "average",
  /// which is NaN before the first step.
  std::optional<double> ema_decay = {};
  /// Factors of lr for the parameters whose names are these or go on from them after a dot: "0" is all of layer 0,
  /// "0.bias" its bias. The longest counts.
  std::map<std::string, double> lr_scales = {};
};

/// g ← g + weight_decay · p;  v ← momentum · v + g;  p ← p − lr · v, or with nesterov p ← p − lr · (g + momentum · v).
struct SGD {
  double lr = 0.01;
  double momentum = 0.0;
  double weight_decay = 0.0;
  bool nesterov = false;
  UpdateOptions options = {};
};

/// g ← g + weight_decay · p;  s ← s + g²;  p ← p − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps) in step t = 1, 2, …
/// (Duchi, Hazan and Singer 2011).
struct Adagrad {
  double lr = 0.01;
  double lr_decay = 0.0;
  double weight_decay = 0.0;
  double eps = 1e-10;
  UpdateOptions options = {};
};

/// g ← g + weight_decay · p;  s ← alpha · s + (1 − alpha) · g²;  v ← momentum · v + g / (√s + eps);  p ← p − lr · v
/// (Hinton 2012, lecture 6e).
struct RMSprop {
  double lr = 0.01;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0.0;
  double momentum = 0.0;
  UpdateOptions options = {};
};

/// g ← g + weight_decay · p;  m ← β₁ m + (1 − β₁) g;  s ← β₂ s + (1 − β₂) g²;
/// p ← p − lr · m̂ / (√ŝ + eps) with m̂ = m / (1 − β₁ᵗ), ŝ = s / (1 − β₂ᵗ) in step t = 1, 2, … (Kingma and Ba 2015).
struct Adam {
  double lr = 0.001;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.0;
  UpdateOptions options = {};
};

/// Adam with p ← (1 − lr · weight_decay) · p first, in place of the decay in g (Loshchilov and Hutter 2019).
struct AdamW {
  double lr = 0.001;
  std::pair<double, double> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0.01;
  UpdateOptions options = {};
};

/// p ← (1 − lr · weight_decay) · p − lr · sign(β₁ m + (1 − β₁) g);  m ← β₂ m + (1 − β₂) g (Chen et al. 2023).
struct Lion {
  double lr = 1e-4;
  std::pair<double, double> betas = {0.9, 0.99};
  double weight_decay = 0.0;
  UpdateOptions options = {};
};

using Optimizer = std::variant<SGD, Adagrad, RMSprop, Adam, AdamW, Lion>;

}  // namespace cnnbp
