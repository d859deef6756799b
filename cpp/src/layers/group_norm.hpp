// u = γ_c (x − μ_g) / √(σ_g² + eps) + β_c over the groups of each sample
#pragma once

#include <array>

#include "layers/layer.hpp"

namespace cnnbp {

/// Saves μ and 1 / √(σ² + eps) of each group, then, for the gradients, Σ δ and Σ δ ∘ x̂ of each channel, with
/// x̂ = (x − μ) / √(σ² + eps): a number a lane each.
template <class T>
class GroupNormLayer : public Layer<T> {
 public:
  GroupNormLayer(const GroupNorm& definition, const Shape& input);

  std::optional<Shape> saves(const Shape& output) const override {
    return Shape{2 * groups_ + 2 * output.channels, 1, 1};
  }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) override;

 private:
  /// A number for every lane of a block.
  template <class Number>
  using Lanes = std::array<Number, static_cast<std::size_t>(Blocks<T>::full_lanes)>;

  /// Two numbers a lane, in `saved` or elsewhere.
  struct Pair {
    T *first, *second;
  };
  Pair statistics(const Tensor<T>& saved, Index block, Index group) const {  // μ and 1 / √(σ² + eps)
    return {saved.channel(block, 2 * group), saved.channel(block, 2 * group + 1)};
  }
  Pair sums(const Tensor<T>& saved, Index block, Index channel) const {  // Σ δ and Σ δ ∘ x̂
    return statistics(saved, block, groups_ + channel);
  }

  void moments(const Tensor<T>& input, const Tensor<T>& delta, Index block, Index channel, const T* mean,
               Pair to) const;
  void measure(const Tensor<T>& input, Index block, Index group, Pair to) const;
  void normalize(const Signal<T>& input, const Signal<T>& output, Index block, Index group, Pair used) const;
  void sum_deltas(const Signal<T>& input, const Signal<T>& output, Index block, Index group) const;
  void send_back(const Signal<T>& input, const Signal<T>& output, Index block, Index group) const;
  void add_to_gradients(const Tensor<T>& saved, Index channel) const;

  Index first_channel(Index group) const { return group * channels_; }
  Index end_channel(Index group) const { return first_channel(group) + channels_; }
  T weight(Index channel) const { return affine_ ? this->parameters[0].value[channel] : T(1); }
  T bias(Index channel) const { return affine_ ? this->parameters[1].value[channel] : T(0); }

  double eps_;
  bool affine_;
  Index groups_, channels_;  // channels of one group
};

}  // namespace cnnbp
