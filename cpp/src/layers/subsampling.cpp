#include "layers/subsampling.hpp"

namespace cnnbp {

template <class T>
Subsample2dLayer<T>::Subsample2dLayer(const Subsample2d& definition, const Shape& input)
    : windows_(window_of(definition, input)) {
  const double mean = 1.0 / double(definition.kernel_size.height * definition.kernel_size.width);
  this->parameters.push_back({.name = "beta", .shape = {input.channels}, .constant = mean});
  this->parameters.push_back({.name = "bias", .shape = {input.channels}});
}

template <class T>
Subsampling<T> Subsample2dLayer<T>::plane(const Tensor<T>& below, const Tensor<T>& pooled, const Tensor<T>& sums,
                                          Index block, Index channel) const {
  return {.windows = windows_.of(below, pooled, {}, block, channel),
          .sums = sums.data ? sums.channel(block, channel) : nullptr,
          .beta = this->parameters[0].value[channel],
          .bias = this->parameters[1].value[channel]};
}

/// u_j = β_j d_j + b_j with d_j = down(x_j)
template <class T>
Loop Subsample2dLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels;
            this->kernel.subsample(plane(input.value, output.value, output.saved, b, c));
            const Index count = output.value.shape.pixels() * output.value.blocks.lanes(b);
            this->kernel.activate(output.function, output.value.channel(b, c), count);
          }};
}

/// δ_j = β_j^next f'(u_j) ∘ up(δ_j^next)
template <class T>
Loop Subsample2dLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels;
            this->kernel.subsample_delta(plane(input.delta, output.delta, {}, b, c));
            const Index count = input.value.shape.pixels() * input.value.blocks.lanes(b);
            this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c), input.delta.channel(b, c),
                                                count);
          }};
}

/// ∂E/∂β_j = Σ_uv δ_j ∘ d_j and ∂E/∂b_j = Σ_uv δ_j, a task a map.
template <class T>
Schedule Subsample2dLayer<T>::accumulate_gradients(const Signal<T>& /*input*/, const Signal<T>& output, T*) {
  const auto run = [=, this](Index channel, std::byte*) {
    const Tensor<T>& delta = output.delta;
    for (Index b = 0; b < delta.blocks.count(); ++b)
      this->kernel.accumulate_subsampling_gradient({.delta = delta.channel(b, channel),
                                                    .sums = output.saved.channel(b, channel),
                                                    .beta = this->parameters[0].gradient + channel,
                                                    .bias = this->parameters[1].gradient + channel,
                                                    .pixels = delta.shape.pixels(),
                                                    .lanes = delta.blocks.lanes(b)});
  };
  return {{Loop{output.delta.shape.channels, run}}};
}

template class Subsample2dLayer<float>;
template class Subsample2dLayer<double>;

}  // namespace cnnbp
