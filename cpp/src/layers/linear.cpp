#include "layers/linear.hpp"

#include <algorithm>

#include "layers/channel_sum.hpp"

namespace cnnbp {
namespace {

/// Features of one task of the gradient: 64 samples × 512 features are 128 KB, which the second cache holds.
constexpr Index gradient_features = 512;

/// Rows of a register tile.
constexpr Index tile_rows = 6;

/// With so many tiles a task takes one through all blocks, so that its weights are read once; with fewer, one block.
constexpr Index enough_tiles = 16;

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
}

/// target = W' · source + b, where number k of row m is weight[m · row_stride + k · row_step]: W itself or its
/// transpose, read where it lies.
template <class T>
Loop LinearLayer<T>::product(const Tensor<T>& source, const Tensor<T>& target, Index row_stride, Index row_step,
                             T* const* bias, Finish finish) const {
  const std::vector<Span> tiles = even_parts(target.shape.channels, tile_rows);
  const Index count = static_cast<Index>(tiles.size()), blocks = source.blocks.count();
  const Index together = count < enough_tiles ? 1 : blocks;
  return {count * (blocks / together), [=, this](Index task, std::byte*) {
            const Span rows = tiles[static_cast<std::size_t>(task % count)];
            for (Index b = task / count; b < task / count + together; ++b) {
              const Index lanes = source.blocks.lanes(b);
              for (Index row = rows.begin; row < rows.end; ++row)
                std::fill_n(target.channel(b, row), lanes, bias ? (*bias)[row] : T(0));
              this->kernel.multiply({.a = this->parameters[0].value + rows.begin * row_stride,
                                     .b = source.block(b),
                                     .c = target.channel(b, rows.begin),
                                     .rows = rows.end - rows.begin,
                                     .inner = source.shape.channels,
                                     .columns = lanes,
                                     .a_stride = row_stride,
                                     .b_stride = lanes,
                                     .c_stride = lanes,
                                     .accumulate = true,
                                     .a_step = row_step});
              finish(b, rows);
            }
          }};
}

template <class T>
Loop LinearLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  T* const* bias = this->parameters.size() > 1 ? &this->parameters[1].value : nullptr;
  const Tensor<T> y = output.value;
  return product(vector(input.value), y, in_features_, 1, bias, [=, this](Index block, Span rows) {
    this->kernel.activate(output.function, y.channel(block, rows.begin),
                          (rows.end - rows.begin) * y.blocks.lanes(block));
  });
}

/// fvd = f'(u) ∘ Wᵀ·od
template <class T>
Loop LinearLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const Tensor<T> x = vector(input.value), delta = vector(input.delta);
  return product(output.delta, delta, 1, in_features_, nullptr, [=, this](Index block, Span rows) {
    this->kernel.multiply_by_derivative(input.function, x.channel(block, rows.begin), delta.channel(block, rows.begin),
                                        (rows.end - rows.begin) * delta.blocks.lanes(block));
  });
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
  const std::vector<Span> outputs = even_parts(out_features_, tile_rows);
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
