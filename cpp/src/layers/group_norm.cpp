#include "layers/group_norm.hpp"

#include <algorithm>
#include <cmath>

namespace cnnbp {

template <class T>
GroupNormLayer<T>::GroupNormLayer(const GroupNorm& definition, const Shape& input)
    : eps_(definition.eps),
      affine_(definition.affine),
      groups_(definition.num_groups),
      channels_(input.channels / definition.num_groups) {
  if (!affine_) return;
  this->parameters.push_back({.name = "weight", .shape = {input.channels}, .constant = 1.0});
  this->parameters.push_back({.name = "bias", .shape = {input.channels}});
}

template <class T>
void GroupNormLayer<T>::moments(const Tensor<T>& input, const Tensor<T>& delta, Index block, Index channel,
                                const T* mean, Pair to) const {
  const Index lanes = input.blocks.lanes(block);
  std::fill_n(to.first, lanes, T(0));
  std::fill_n(to.second, lanes, T(0));
  this->kernel.accumulate_moments({.input = input.channel(block, channel),
                                   .delta = delta.data ? delta.channel(block, channel) : nullptr,
                                   .mean = mean,
                                   .first = to.first,
                                   .second = to.second,
                                   .pixels = input.shape.pixels(),
                                   .lanes = lanes});
}

/// In two passes, the second about the mean: a variance from Σ x² would lose its digits to a large mean. Channels are
/// added up in float64.
template <class T>
void GroupNormLayer<T>::measure(const Tensor<T>& input, Index block, Index group, Pair to) const {
  const auto lanes = static_cast<std::size_t>(input.blocks.lanes(block));
  const double count = double(channels_ * input.shape.pixels());
  Lanes<T> first, second, mean{};
  Lanes<double> total, squares;
  for (int pass = 0; pass < 2; ++pass) {
    total = squares = {};
    for (Index c = first_channel(group); c < end_channel(group); ++c) {
      moments(input, {}, block, c, mean.data(), {first.data(), second.data()});
      for (std::size_t n = 0; n < lanes; ++n) {
        total[n] += double(first[n]);
        squares[n] += double(second[n]);
      }
    }
    if (pass == 0)
      for (std::size_t n = 0; n < lanes; ++n) mean[n] = static_cast<T>(total[n] / count);
  }
  for (std::size_t n = 0; n < lanes; ++n) {
    const double rest = total[n] / count;  // what rounding left in the mean
    to.first[n] = mean[n];
    to.second[n] = static_cast<T>(1.0 / std::sqrt(squares[n] / count - rest * rest + eps_));
  }
}

template <class T>
void GroupNormLayer<T>::normalize(const Signal<T>& input, const Signal<T>& output, Index block, Index group,
                                  Pair used) const {
  const Tensor<T>& x = input.value;
  const Index lanes = x.blocks.lanes(block), pixels = x.shape.pixels();
  Lanes<T> scale;
  for (Index c = first_channel(group); c < end_channel(group); ++c) {
    std::transform(used.second, used.second + lanes, scale.begin(), [&](T inverse) { return weight(c) * inverse; });
    T* y = output.value.channel(block, c);
    this->kernel.normalize({.input = x.channel(block, c),
                            .mean = used.first,
                            .scale = scale.data(),
                            .output = y,
                            .shift = bias(c),
                            .pixels = pixels,
                            .lanes = lanes});
    this->kernel.activate(output.function, y, pixels * lanes);
  }
}

template <class T>
Loop GroupNormLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  return over_parts(input.value.blocks, groups_, [=, this](Index block, Index group) {
    Lanes<T> mean, inverse_deviation;
    const bool kept = output.saved.data != nullptr;
    const Pair used = kept ? statistics(output.saved, block, group) : Pair{mean.data(), inverse_deviation.data()};
    measure(input.value, block, group, used);
    normalize(input, output, block, group, used);
  });
}

template <class T>
void GroupNormLayer<T>::sum_deltas(const Signal<T>& input, const Signal<T>& output, Index block, Index group) const {
  const Pair used = statistics(output.saved, block, group);
  for (Index c = first_channel(group); c < end_channel(group); ++c) {
    const Pair kept = sums(output.saved, block, c);
    moments(input.value, output.delta, block, c, used.first, kept);
    for (Index n = 0; n < input.value.blocks.lanes(block); ++n) kept.second[n] *= used.second[n];
  }
}

/// ∂E/∂x = (γ δ − mean(γ δ) − x̂ mean(γ δ ∘ x̂)) / √(σ² + eps), with means over the group.
template <class T>
void GroupNormLayer<T>::send_back(const Signal<T>& input, const Signal<T>& output, Index block, Index group) const {
  const Tensor<T>&x = input.value, &delta = input.delta;
  const Index lanes = x.blocks.lanes(block), pixels = x.shape.pixels();
  const Pair used = statistics(output.saved, block, group);
  Lanes<double> total{}, total_normal{};
  Lanes<T> scale, shift, slope;
  for (Index c = first_channel(group); c < end_channel(group); ++c)
    for (Index n = 0; n < lanes; ++n) {
      const auto lane = static_cast<std::size_t>(n);
      total[lane] += double(weight(c)) * double(sums(output.saved, block, c).first[n]);
      total_normal[lane] += double(weight(c)) * double(sums(output.saved, block, c).second[n]);
    }
  for (Index n = 0; n < lanes; ++n) {
    const auto lane = static_cast<std::size_t>(n);
    const double inverse = double(used.second[n]), share = inverse / double(channels_ * pixels);
    shift[lane] = static_cast<T>(share * total[lane]);
    slope[lane] = static_cast<T>(share * inverse * total_normal[lane]);
  }
  for (Index c = first_channel(group); c < end_channel(group); ++c) {
    std::transform(used.second, used.second + lanes, scale.begin(), [&](T inverse) { return weight(c) * inverse; });
    this->kernel.normalize_delta({.input = x.channel(block, c),
                                  .mean = used.first,
                                  .scale = scale.data(),
                                  .delta = output.delta.channel(block, c),
                                  .input_delta = delta.channel(block, c),
                                  .delta_shift = shift.data(),
                                  .delta_scale = slope.data(),
                                  .pixels = pixels,
                                  .lanes = lanes});
    this->kernel.multiply_by_derivative(input.function, x.channel(block, c), delta.channel(block, c), pixels * lanes);
  }
}

/// The sums that this takes are those of the gradients, which find them in `saved`.
template <class T>
Loop GroupNormLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return over_parts(input.value.blocks, groups_, [=, this](Index block, Index group) {
    sum_deltas(input, output, block, group);
    send_back(input, output, block, group);
  });
}

/// ∂E/∂γ = Σ δ ∘ x̂ and ∂E/∂β = Σ δ over samples and pixels, one phase after the sums of each sample are there.
template <class T>
Schedule GroupNormLayer<T>::accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T*) {
  Phase summing;
  if (input.delta.data == nullptr)
    summing.push_back(over_parts(input.value.blocks, groups_,
                                 [=, this](Index block, Index group) { sum_deltas(input, output, block, group); }));
  return {
      summing,
      {Loop{groups_ * channels_, [=, this](Index channel, std::byte*) { add_to_gradients(output.saved, channel); }}}};
}

template <class T>
void GroupNormLayer<T>::add_to_gradients(const Tensor<T>& saved, Index channel) const {
  double of_weight = 0.0, of_bias = 0.0;
  for (Index b = 0; b < saved.blocks.count(); ++b) {
    const Pair kept = sums(saved, b, channel);
    for (Index n = 0; n < saved.blocks.samples_in(b); ++n) {
      of_weight += double(kept.second[n]);
      of_bias += double(kept.first[n]);
    }
  }
  this->parameters[0].gradient[channel] += static_cast<T>(of_weight);
  this->parameters[1].gradient[channel] += static_cast<T>(of_bias);
}

template class GroupNormLayer<float>;
template class GroupNormLayer<double>;

}  // namespace cnnbp
