// The loss at the end of a network: its value, and the delta it sends back.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// One batch's loss, sample by sample, after its loop has run.
template <class T>
class BatchLoss {
 public:
  BatchLoss(Loss loss, Index samples);

  /// output.delta ← f'(u) ∘ ∂L/∂output, when it has memory; padding lanes get zero.
  Loop evaluate(const Signal<T>& output, const Tensor<T>& target);

  /// Sum of the samples' losses, in their order.
  double sum() const;
  Index correct() const;

 private:
  void evaluate_block(const Signal<T>& output, const Tensor<T>& target, Index block, T* lanes);

  Loss loss_;
  std::vector<double> losses_;
  std::vector<char> correct_;
};

}  // namespace cnnbp
