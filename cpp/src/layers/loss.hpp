// The loss at the end of a network: its value, and the delta it sends back.
#pragma once

#include "lanes/pack.hpp"
#include "layers/layer.hpp"

namespace cnnbp {

/// Sums over the samples of one batch or of several, in their order.
struct LossTotal {
  double weighted_loss = 0.0, divisor = 0.0;
  double right = 0.0, weight = 0.0;  // of the samples: weights alone, without the loss's class weights

  LossTotal& operator+=(const LossTotal& other);
  /// 0 where no sample weighs anything.
  double loss() const { return divisor > 0 ? weighted_loss / divisor : 0.0; }
  double accuracy() const { return weight > 0 ? right / weight : 0.0; }
};

/// Whether right and wrong mean anything: not for MSE, L1 and Huber with targets that are not all 0 or 1.
bool has_accuracy(const Loss& loss, const Targets& y, Index features);

/// One batch's loss, sample by sample, after its loop has run.
template <class T>
class BatchLoss {
 public:
  BatchLoss(const Loss& loss, Index features, Index samples);

  /// What each sample of the next run weighs, and what all deltas are multiplied by.
  void weigh(const Targets& y, const Selection& selection, double scale);

  /// output.delta ← f'(u) ∘ ∂L/∂output, when it has memory; lanes without weight, and padding, get zero.
  Loop evaluate(const Signal<T>& output, const Tensor<T>& target);

  LossTotal total() const;
  /// What the samples weigh, with their classes: `total` divides by it.
  double divisor() const { return divisor_; }

 private:
  void evaluate_block(const Signal<T>& output, const Tensor<T>& target, Index block, T* scratch);

  Loss loss_;
  std::vector<T> factors_;  // of the outputs: the loss's class or positive weights, if it takes any
  double divisor_ = 0.0, scale_ = 1.0;
  Index features_;
  bool each_output_ = false;  // an accuracy of outputs, not of samples
  std::size_t samples_;
  /// Empty until samples are weighed: plans that never run are of any size.
  std::vector<double> weights_, losses_, right_;
};

}  // namespace cnnbp
