#include "layers/conv2d.hpp"

#include <algorithm>

namespace cnnbp {

template <class T>
Conv2dLayer<T>::Conv2dLayer(const Conv2d& definition, const Shape& input)
    : convolution_{window_of(definition, input), definition.groups, input.channels / definition.groups,
                   definition.out_channels / definition.groups, definition.connections},
      sums_(convolution_, definition.algorithm) {
  const Axis &rows = convolution_.window.rows, &columns = convolution_.window.columns;
  const Index weights = kernels_of(definition, input) * convolution_.taps();
  this->parameters.push_back({.name = "weight",
                              .shape = {definition.out_channels, convolution_.in_channels, rows.kernel, columns.kernel},
                              .fan_in = weights / definition.out_channels,
                              .fan_out = weights / input.channels,
                              .zeros = convolution_.absent_weights()});
  if (definition.bias) this->parameters.push_back({.name = "bias", .shape = {definition.out_channels}});
}

template <class T>
Loop Conv2dLayer<T>::pack_forward(T* packed) {
  return sums_.forward->pack(this->parameters[0].value, packed);
}

template <class T>
Loop Conv2dLayer<T>::pack_delta(T* packed) {
  return sums_.delta->pack(this->parameters[0].value, packed);
}

template <class T>
Loop Conv2dLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  T* const* bias = this->parameters.size() > 1 ? &this->parameters[1].value : nullptr;
  return sums_.forward->run(input.value, output, bias);
}

/// δ_i = f'(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full')
template <class T>
Loop Conv2dLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return sums_.delta->run_delta({output.delta, output.delta_rows, output.unpooled}, input);
}

/// ∂E/∂k_ij = Σ_uv (δ_j)_uv (p_i)_uv and ∂E/∂b_j = Σ_uv (δ_j)_uv
template <class T>
Schedule Conv2dLayer<T>::accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) {
  T* const bias = this->parameters.size() > 1 ? this->parameters[1].gradient : nullptr;
  Schedule schedule = sums_.gradient->accumulate(input.value, {output.delta, output.delta_rows, output.unpooled},
                                                 {this->parameters[0].gradient, bias}, workspace);
  schedule.push_back({hold_absent_gradients()});
  return schedule;
}

/// A kernel that is not there gets no gradient.
template <class T>
Loop Conv2dLayer<T>::hold_absent_gradients() const {
  const std::vector<Span>& absent = this->parameters[0].zeros;
  return {absent.empty() ? 0 : 1, [this, &absent](Index, std::byte*) {
            for (const Span& span : absent)
              std::fill(this->parameters[0].gradient + span.begin, this->parameters[0].gradient + span.end, T(0));
          }};
}

template class Conv2dLayer<float>;
template class Conv2dLayer<double>;

}  // namespace cnnbp
