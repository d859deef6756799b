#include "layers/linear.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Features of one task of the gradient: 64 samples × 512 features are 128 KB, which the second cache holds.
constexpr Index gradient_features = 512;
constexpr Index tile_outputs = 6;

/// A matrix product is the sum over channels with one pixel and one tap.
CorrelatorShape product(Index sources, Index targets, Index source_stride, Index target_stride) {
  return {{.groups = 1,
           .source_channels = sources,
           .target_channels = targets,
           .source_height = 1,
           .source_width = 1,
           .target_height = 1,
           .target_width = 1,
           .kernel_height = 1,
           .kernel_width = 1,
           .weight_source_stride = source_stride,
           .weight_target_stride = target_stride,
           .weight_group_stride = 0},
          {{0, 1, 1, 0, 1}},
          {{0, 1, 1, {0, 1, 1, 0, 1}, 1}}};
}

/// Maps as the features that they are.
template <class T>
Tensor<T> vector(const Tensor<T>& maps) {
  return maps.viewed_as({maps.shape.features(), 1, 1});
}

/// Zeros fill a row of features up to whole lane vectors of any instruction set.
template <class T>
Index padded(Index features) {
  constexpr Index lanes = Blocks<T>::full_lanes;
  return (features + lanes - 1) / lanes * lanes;
}

}  // namespace

template <class T>
LinearLayer<T>::LinearLayer(const Linear& definition, const Shape& input)
    : in_features_(input.features()), out_features_(definition.out_features) {
  this->parameters.push_back(
      {.name = "weight", .shape = {out_features_, in_features_}, .fan_in = in_features_, .fan_out = out_features_});
  if (definition.bias) this->parameters.push_back({.name = "bias", .shape = {out_features_}});
  forward_ = Correlator<T>(product(in_features_, out_features_, 1, in_features_));
  delta_ = Correlator<T>(product(out_features_, in_features_, in_features_, 1));
  packed_ = Buffer<T>(static_cast<std::size_t>(forward_.packed_size()));
}

template <class T>
Schedule LinearLayer<T>::pack_forward() {
  return {{forward_.pack(this->parameters[0].value, packed_.data())}};
}

template <class T>
Loop LinearLayer<T>::pack_delta(T* packed) {
  return delta_.pack(this->parameters[0].value, packed);
}

template <class T>
Loop LinearLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  T* const* bias = this->parameters.size() > 1 ? &this->parameters[1].value : nullptr;
  return forward_.run(vector(input.value), output.value, bias, output.function);
}

/// fvd = f'(u) ∘ Wᵀ·od
template <class T>
Loop LinearLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return delta_.run_delta(output.delta, vector(input.delta), vector(input.value), input.function);
}

/// ∂E/∂W = od·fvᵀ and ∂E/∂b = Σ_n od. First the input leaves the lanes, a row a sample: then a gradient is a
/// sum over samples, with no lanes to be added up at its end.
template <class T>
Schedule LinearLayer<T>::accumulate_gradients(const Signal<T>& input, const Signal<T>& output) {
  const Tensor<T> x = input.value, delta = output.delta;
  const Index stride = padded<T>(in_features_);
  const Workspace<T> rows = this->workspace;
  rows->grow(static_cast<std::size_t>(x.blocks.samples() * stride));
  const Index chunks = (in_features_ + gradient_features - 1) / gradient_features;
  const auto features = [=, this](Index chunk) {
    return Span{chunk * gradient_features, std::min((chunk + 1) * gradient_features, in_features_)};
  };
  const Loop to_rows{x.blocks.count() * chunks, [=, this](Index task, std::byte*) {
                       const Index block = task / chunks, lanes = x.blocks.lanes(block);
                       const Span span = features(task % chunks);
                       for (Index n = 0; n < x.blocks.samples_in(block); ++n) {
                         T* row = rows->data() + (block * Blocks<T>::full_lanes + n) * stride;
                         for (Index k = span.begin; k < span.end; ++k) row[k] = x.block(block)[k * lanes + n];
                         if (span.end == in_features_) std::fill(row + span.end, row + stride, T(0));
                       }
                     }};
  const std::vector<Span> outputs = even_parts(out_features_, tile_outputs);
  const Loop sum{static_cast<Index>(outputs.size()) * chunks, [=, this](Index task, std::byte*) {
                   accumulate(delta, *rows, outputs[static_cast<std::size_t>(task / chunks)], features(task % chunks));
                 }};
  return {{to_rows}, {sum}};
}

template <class T>
void LinearLayer<T>::accumulate(const Tensor<T>& delta, const Buffer<T>& rows, Span outputs, Span features) const {
  const Index stride = padded<T>(in_features_);
  for (Index b = 0; b < delta.blocks.count(); ++b) {
    const Index lanes = delta.blocks.lanes(b);
    const T* block = delta.block(b) + outputs.begin * lanes;
    this->kernel.accumulate_outer_product({
        .input_rows = rows.data() + b * Blocks<T>::full_lanes * stride + features.begin,
        .delta = block,
        .gradient = this->parameters[0].gradient + outputs.begin * in_features_ + features.begin,
        .samples = delta.blocks.samples_in(b),
        .row_stride = stride,
        .features = features.end - features.begin,
        .gradient_stride = in_features_,
        .tile = outputs.end - outputs.begin,
        .lanes = lanes,
    });
    if (features.begin == 0 && this->parameters.size() > 1)
      for (Index o = outputs.begin; o < outputs.end; ++o)
        this->parameters[1].gradient[o] += this->kernel.sum_plane(delta.block(b) + o * lanes, 1, lanes);
  }
}

template class LinearLayer<float>;
template class LinearLayer<double>;

}  // namespace cnnbp
