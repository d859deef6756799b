#include "layers/conv_transpose2d.hpp"

namespace cnnbp {

template <class T>
ConvTranspose2dLayer<T>::ConvTranspose2dLayer(const ConvTranspose2d& definition, const Shape& input)
    : transposed_{window_of(definition, input), definition.groups, definition.out_channels / definition.groups,
                  input.channels / definition.groups},
      sums_(transposed_, Algorithm::direct) {
  const auto [height, width] = definition.kernel_size;
  // Fans are those of the convolution that is transposed, as in torch.
  this->parameters.push_back({.name = "weight",
                              .shape = {input.channels, transposed_.in_channels, height, width},
                              .fan_in = transposed_.in_channels * transposed_.taps(),
                              .fan_out = transposed_.out_channels * transposed_.taps()});
  if (definition.bias) this->parameters.push_back({.name = "bias", .shape = {definition.out_channels}});
}

template <class T>
Loop ConvTranspose2dLayer<T>::pack_forward(T* packed) {
  return sums_.delta->pack(this->parameters[0].value, packed);
}

template <class T>
Loop ConvTranspose2dLayer<T>::pack_delta(T* packed) {
  return sums_.forward->pack(this->parameters[0].value, packed);
}

template <class T>
Loop ConvTranspose2dLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  T* const* bias = this->parameters.size() > 1 ? &this->parameters[1].value : nullptr;
  return sums_.delta->run(input.value, output, bias);
}

/// δ_i = f'(u_i) ∘ Σ_j δ_j ⋆ k_ij
template <class T>
Loop ConvTranspose2dLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return sums_.forward->run_delta({output.delta}, input);
}

/// ∂E/∂k_ij = Σ_uv (x_i)_uv (p_j)_uv with p_j the patch of δ_j that the pixel was spread over, and ∂E/∂b_j = Σ_uv δ_j
template <class T>
Schedule ConvTranspose2dLayer<T>::accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) {
  Schedule schedule =
      sums_.gradient->accumulate(output.delta, {input.value}, {this->parameters[0].gradient}, workspace);
  if (this->parameters.size() > 1)
    schedule[0].push_back(bias_gradient<T>({output.delta}, this->parameters[1].gradient));
  return schedule;
}

template class ConvTranspose2dLayer<float>;
template class ConvTranspose2dLayer<double>;

}  // namespace cnnbp
