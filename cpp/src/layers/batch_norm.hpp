// u = γ_c (x − μ_c) / √(σ_c² + eps) + β_c over a batch
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

template <class T>
class BatchNorm2dLayer : public Layer<T> {
 public:
  BatchNorm2dLayer(const BatchNorm2d& definition, const Shape& input);

  bool adds() const override { return true; }
  bool overwrites_delta() const override { return true; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop forward_training(const Signal<T>& input, const Signal<T>& output, const Draws& draws) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) override;

 private:
  /// Of one channel: mean and variance (with n), or Σ δ and Σ δ ∘ x̂.
  struct Pair {
    double first, second;
  };
  /// What normalises one channel: μ and 1 / √(σ² + eps).
  struct Scale {
    T mean, inverse_deviation;
  };

  Pair sum(const Tensor<T>& input, const Tensor<T>& delta, Index channel, T mean) const;
  Pair statistics(const Tensor<T>& input, Index channel) const;
  Pair delta_sums(const Tensor<T>& input, const Tensor<T>& delta, Index channel) const;

  Scale running(Index channel) const;
  /// Of this batch; the running statistics follow it.
  Scale measure(const Tensor<T>& input, Index channel) const;

  void normalize(const Signal<T>& input, const Signal<T>& output, Index block, Index channel, Scale used) const;
  void send_back(const Signal<T>& input, const Signal<T>& output, Index channel, Pair sums) const;
  void add_to_gradients(Index channel, Pair sums) const;

  T weight(Index channel) const { return affine_ ? this->parameters[0].value[channel] : T(1); }
  T bias(Index channel) const { return affine_ ? this->parameters[1].value[channel] : T(0); }
  T* running_mean() const { return this->parameters[affine_ ? 2 : 0].value; }
  T* running_variance() const { return this->parameters[affine_ ? 3 : 1].value; }

  double eps_, momentum_;
  bool affine_, trainable_;
  std::vector<Scale> used_;  // by the training pass under way, whose delta needs it again
};

}  // namespace cnnbp
