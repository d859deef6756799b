// u = γ_c (x − μ_c) / √(σ_c² + eps) + β_c over a batch
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

template <class T>
class BatchNorm2dLayer : public Layer<T> {
 public:
  BatchNorm2dLayer(const BatchNorm2d& definition, const Shape& input);

  Loop prepare() override;
  bool adds() const override { return true; }
  bool repeats() const override { return true; }
  bool trains_on_one() const override { return !trainable_ || pixels_ > 1; }
  bool normalizes_added() const override { return true; }
  Normalizing<T> normalizing() const override { return {mean_.data(), scale_.data(), shift_.data()}; }
  bool overwrites_delta() const override { return true; }
  bool takes_pixels(bool in_training) const override { return !in_training; }
  TakePixels<T> take_pixels(const Signal<T>& input, const Signal<T>& output) override;
  bool measures_pixels() const override { return trainable_; }
  TakePixels<T> measure_pixels(const Signal<T>& input) override;
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop forward_training(const Signal<T>& input, const Signal<T>& output, const Draws& draws) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) override;

 private:
  /// Of one channel: Σ δ and Σ δ ∘ x̂.
  struct Pair {
    double first, second;
  };
  Moments<double> moments(const Signal<T>& input, Index channel) const;
  Pair delta_sums(const Tensor<T>& input, const Tensor<T>& delta, Index channel) const;

  void take(Index channel, T mean, double variance);
  void take_running(Index channel);
  /// Statistics of this batch; the running ones follow them.
  void follow(const Signal<T>& input, Index channel);

  /// Pixels of a channel, which lie where they would if it started at `plane`.
  void normalize(const T* plane, const Signal<T>& output, const Pixels& of) const;
  void normalize(const Signal<T>& input, const Signal<T>& output, Index block, Index channel) const;
  void send_back(const Signal<T>& input, const Signal<T>& output, Index channel, Pair sums) const;
  void add_to_gradients(Index channel, Pair sums) const;

  T weight(Index channel) const { return affine_ ? this->parameters[0].value[channel] : T(1); }
  T bias(Index channel) const { return affine_ ? this->parameters[1].value[channel] : T(0); }
  T* running_mean() const { return this->parameters[affine_ ? 2 : 0].value; }
  T* running_variance() const { return this->parameters[affine_ ? 3 : 1].value; }

  double eps_, momentum_;
  bool affine_, trainable_;
  Index pixels_;
  /// By channel μ, 1 / √(σ² + eps), γ times that, and β: of the running statistics, as last prepared, and in a training
  /// pass those that it normalizes with, whose delta needs them again.
  std::vector<T> mean_, inverse_deviation_, scale_, shift_;
};

}  // namespace cnnbp
