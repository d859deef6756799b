#include "layers/batch_norm.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace cnnbp {
namespace {

/// Pixels that are measured, or normalized before f: 128 of 64 bytes are still in the first cache.
constexpr Index stretch = 128;

/// A number for every lane of a block.
template <class T>
using Lanes = std::array<T, static_cast<std::size_t>(Blocks<T>::full_lanes)>;

template <class T>
Lanes<T> in_all_lanes(double value) {
  Lanes<T> lanes;
  lanes.fill(static_cast<T>(value));
  return lanes;
}

/// All numbers of both (Chan, Golub and LeVeque 1983).
template <class T>
void add(Moments<double>& all, const Moments<T>& part) {
  const double count = all.count + double(part.count), apart = double(part.mean) - all.mean;
  const double share = double(part.count) / count;
  all.mean += apart * share;
  all.squares += double(part.squares) + apart * apart * all.count * share;
  all.count = count;
}

Index values_of_a_channel(const auto& tensor) { return tensor.blocks.samples() * tensor.shape.pixels(); }

}  // namespace

template <class T>
BatchNorm2dLayer<T>::BatchNorm2dLayer(const BatchNorm2d& definition, const Shape& input)
    : eps_(definition.eps),
      momentum_(definition.momentum),
      affine_(definition.affine),
      trainable_(definition.trainable),
      pixels_(input.pixels()),
      mean_(static_cast<std::size_t>(input.channels)),
      inverse_deviation_(mean_.size()),
      scale_(mean_.size()),
      shift_(mean_.size()) {
  if (affine_) {
    this->parameters.push_back({.name = "weight", .shape = {input.channels}, .constant = 1.0});
    this->parameters.push_back({.name = "bias", .shape = {input.channels}});
  }
  this->parameters.push_back({.name = "running_mean", .shape = {input.channels}, .trained = false});
  this->parameters.push_back({.name = "running_var", .shape = {input.channels}, .trained = false, .constant = 1.0});
}

template <class T>
Loop BatchNorm2dLayer<T>::prepare() {
  return {1, [this](Index, std::byte*) {
            for (std::size_t channel = 0; channel < mean_.size(); ++channel) take_running(static_cast<Index>(channel));
          }};
}

template <class T>
void BatchNorm2dLayer<T>::take(Index channel, T mean, double variance) {
  const auto c = static_cast<std::size_t>(channel);
  mean_[c] = mean;
  inverse_deviation_[c] = static_cast<T>(1.0 / std::sqrt(variance + eps_));
  scale_[c] = weight(channel) * inverse_deviation_[c];
  shift_[c] = bias(channel);
}

template <class T>
void BatchNorm2dLayer<T>::take_running(Index channel) {
  take(channel, running_mean()[channel], double(running_variance()[channel]));
}

template <class T>
TakePixels<T> BatchNorm2dLayer<T>::measure_pixels(const Signal<T>& input) {
  return [=, this](const Pixels& pixels, const T* plane) {
    const Blocks<T>& blocks = input.value.blocks;
    const Index lanes = blocks.lanes(pixels.block), row = input.value.row_stride(pixels.block);
    input.moments[pixels.channel * input.parts + pixels.part] =
        this->kernel.measure({.input = plane + pixels.rows.begin * row + pixels.columns.begin * lanes,
                              .rows = pixels.rows.end - pixels.rows.begin,
                              .row_stride = row,
                              .pixels = pixels.columns.end - pixels.columns.begin,
                              .lanes = lanes,
                              .samples = blocks.samples_in(pixels.block)});
  };
}

/// Of a channel: of parts that were measured as their pixels were made, else in stretches now. Parts are added up in
/// float64, in their order.
template <class T>
Moments<double> BatchNorm2dLayer<T>::moments(const Signal<T>& input, Index channel) const {
  Moments<double> all{};
  if (input.moments) {
    for (Index part = 0; part < input.parts; ++part) add(all, input.moments[channel * input.parts + part]);
    return all;
  }
  const Tensor<T>& x = input.value;
  const Index pixels = x.shape.pixels();
  for (Index b = 0; b < x.blocks.count(); ++b)
    for (Index begin = 0; begin < pixels; begin += stretch)
      add(all, this->kernel.measure({.input = x.channel(b, channel) + begin * x.blocks.lanes(b),
                                     .rows = 1,
                                     .row_stride = 0,
                                     .pixels = std::min(stretch, pixels - begin),
                                     .lanes = x.blocks.lanes(b),
                                     .samples = x.blocks.samples_in(b)}));
  return all;
}

/// Lanes are added up in float64, block by block; lanes without a sample do not count.
template <class T>
auto BatchNorm2dLayer<T>::delta_sums(const Tensor<T>& input, const Tensor<T>& delta, Index channel) const -> Pair {
  const auto c = static_cast<std::size_t>(channel);
  const Lanes<T> means = in_all_lanes<T>(mean_[c]);
  Pair total{0.0, 0.0};
  for (Index b = 0; b < input.blocks.count(); ++b) {
    Lanes<T> first{}, second{};
    this->kernel.accumulate_moments({.input = input.channel(b, channel),
                                     .delta = delta.channel(b, channel),
                                     .mean = means.data(),
                                     .first = first.data(),
                                     .second = second.data(),
                                     .pixels = input.shape.pixels(),
                                     .lanes = input.blocks.lanes(b)});
    for (std::size_t n = 0; n < static_cast<std::size_t>(input.blocks.samples_in(b)); ++n) {
      total.first += double(first[n]);
      total.second += double(second[n]);
    }
  }
  total.second *= double(inverse_deviation_[c]);
  return total;
}

template <class T>
void BatchNorm2dLayer<T>::normalize(const T* plane, const Signal<T>& output, const Pixels& of) const {
  const auto c = static_cast<std::size_t>(of.channel);
  const Lanes<T> mean = in_all_lanes<T>(mean_[c]), scale = in_all_lanes<T>(scale_[c]);
  const Index lanes = output.value.blocks.lanes(of.block);
  const auto normalize = [&](Index begin, Index count) {
    T* y = output.value.channel(of.block, of.channel) + begin;
    this->kernel.normalize({.input = plane + begin,
                            .mean = mean.data(),
                            .scale = scale.data(),
                            .output = y,
                            .shift = shift_[c],
                            .pixels = count / lanes,
                            .lanes = lanes});
    if (const Tensor<T>& added = output.added; added.data) {
      const T* const term = added.channel(of.block, of.channel) + begin;
      if (added.normalizing.mean) this->kernel.add_normalized(added.normalizing.from(of.channel), term, y, count);
      else this->kernel.sum(y, term, y, count);
    }
    this->kernel.activate(output.function, y, count);
  };
  over_stretches(output.value, of, [&](Index first, Index count) {
    for (Index done = 0; done < count; done += stretch * lanes)
      normalize(first + done, std::min(stretch * lanes, count - done));
  });
}

template <class T>
void BatchNorm2dLayer<T>::normalize(const Signal<T>& input, const Signal<T>& output, Index block, Index channel) const {
  const Shape& shape = input.value.shape;
  normalize(input.value.channel(block, channel), output, {block, channel, {0, shape.height}, {0, shape.width}});
}

template <class T>
TakePixels<T> BatchNorm2dLayer<T>::take_pixels(const Signal<T>&, const Signal<T>& output) {
  return [=, this](const Pixels& pixels, const T* plane) { normalize(plane, output, pixels); };
}

template <class T>
Loop BatchNorm2dLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  if (output.value.normalizing.mean) return {};
  return over_planes(input.value, [=, this](Index block, Index channel) { normalize(input, output, block, channel); });
}

/// A task a channel: a channel of a batch is small enough to stay in the second cache from pass to pass.
template <class T>
Loop BatchNorm2dLayer<T>::forward_training(const Signal<T>& input, const Signal<T>& output, const Draws&) {
  return {input.value.shape.channels, [=, this](Index channel, std::byte*) {
            if (trainable_) follow(input, channel);
            else take_running(channel);
            if (output.value.normalizing.mean) return;
            for (Index b = 0; b < input.value.blocks.count(); ++b) normalize(input, output, b, channel);
          }};
}

template <class T>
void BatchNorm2dLayer<T>::follow(const Signal<T>& input, Index channel) {
  const auto [count, mean, squares] = moments(input, channel);
  const auto move = [this](T& running, double now) {
    running = static_cast<T>((1.0 - momentum_) * double(running) + momentum_ * now);
  };
  move(running_mean()[channel], mean);
  move(running_variance()[channel], squares / (count - 1.0));
  take(channel, static_cast<T>(mean), squares / count);
}

/// With x̂ = (x − μ) / σ:  ∂E/∂x = γ / σ (δ − mean(δ) − x̂ mean(δ ∘ x̂)); where mean and variance are held, γ / σ δ.
/// The sums that this takes are the gradients of β and γ, so they are added here.
template <class T>
Loop BatchNorm2dLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return {input.value.shape.channels, [=, this](Index channel, std::byte*) {
            const Pair sums = trainable_ ? delta_sums(input.value, output.delta, channel) : Pair{0.0, 0.0};
            if (trainable_) add_to_gradients(channel, sums);
            send_back(input, output, channel, sums);
          }};
}

template <class T>
void BatchNorm2dLayer<T>::send_back(const Signal<T>& input, const Signal<T>& output, Index channel, Pair sums) const {
  const Tensor<T>&x = input.value, &delta = input.delta;
  const auto c = static_cast<std::size_t>(channel);
  const double inverse_deviation = double(inverse_deviation_[c]), scale = double(weight(channel)) * inverse_deviation;
  const double share = scale / double(values_of_a_channel(x));
  const Lanes<T> mean = in_all_lanes<T>(mean_[c]), scales = in_all_lanes<T>(scale);
  const Lanes<T> shifts = in_all_lanes<T>(share * sums.first);
  const Lanes<T> slopes = in_all_lanes<T>(share * sums.second * inverse_deviation);
  for (Index b = 0; b < x.blocks.count(); ++b) {
    const Index lanes = x.blocks.lanes(b), pixels = x.shape.pixels();
    for (Index begin = 0; begin < pixels; begin += stretch) {
      const Index count = std::min(stretch, pixels - begin), first = begin * lanes;
      T* const to = delta.channel(b, channel) + first;
      this->kernel.normalize_delta({.input = x.channel(b, channel) + first,
                                    .mean = mean.data(),
                                    .scale = scales.data(),
                                    .delta = output.delta.channel(b, channel) + first,
                                    .input_delta = to,
                                    .delta_shift = shifts.data(),
                                    .delta_scale = slopes.data(),
                                    .pixels = count,
                                    .lanes = lanes});
      if (input.added_delta.data)
        this->kernel.sum(to, input.added_delta.channel(b, channel) + first, to, count * lanes);
      this->kernel.multiply_by_derivative(input.function, x.channel(b, channel) + first, to, count * lanes);
    }
    for (Index n = x.blocks.samples_in(b); n < lanes; ++n)  // no sample, no delta
      for (Index pixel = 0; pixel < pixels; ++pixel) delta.channel(b, channel)[pixel * lanes + n] = T(0);
  }
}

/// ∂E/∂γ = Σ δ ∘ x̂ and ∂E/∂β = Σ δ, here only if no delta is sent back.
template <class T>
Schedule BatchNorm2dLayer<T>::accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T*) {
  if (input.delta.data != nullptr) return {};
  return {{Loop{input.value.shape.channels, [=, this](Index channel, std::byte*) {
                  add_to_gradients(channel, delta_sums(input.value, output.delta, channel));
                }}}};
}

template <class T>
void BatchNorm2dLayer<T>::add_to_gradients(Index channel, Pair sums) const {
  if (!affine_) return;
  this->parameters[0].gradient[channel] += static_cast<T>(sums.second);
  this->parameters[1].gradient[channel] += static_cast<T>(sums.first);
}

template class BatchNorm2dLayer<float>;
template class BatchNorm2dLayer<double>;

}  // namespace cnnbp
