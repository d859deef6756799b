#include "layers/combine_conv2d.hpp"

#include <algorithm>
#include <cmath>

namespace cnnbp {
namespace {

Convolution of_one_pixel(const Shape& maps, Index out_channels) {
  return {.window = {{maps.height, maps.height, 1}, {maps.width, maps.width, 1}},
          .groups = 1,
          .in_channels = maps.channels,
          .out_channels = out_channels};
}

}  // namespace

template <class T>
CombineConv2dLayer<T>::CombineConv2dLayer(const CombineConv2d& definition, const Shape& maps)
    : combination_(of_one_pixel(maps, definition.out_channels)),
      sparsity_(definition.sparsity),
      alpha_(static_cast<std::size_t>(maps.channels * definition.out_channels)),
      alpha_gradient_(alpha_.size()),
      sums_(combination_, Algorithm::direct) {
  this->parameters.push_back({.name = "combination", .shape = {inputs(), outputs()}});
  if (definition.bias) this->parameters.push_back({.name = "bias", .shape = {outputs()}});
}

/// α, a task an output.
template <class T>
Loop CombineConv2dLayer<T>::prepare() {
  return {outputs(), [this](Index output, std::byte* scratch) { share_out(output, reinterpret_cast<T*>(scratch)); },
          static_cast<std::size_t>(Blocks<T>(inputs()).all_lanes()) * sizeof(T)};
}

template <class T>
Loop CombineConv2dLayer<T>::pack_forward(T* packed) {
  return sums_.forward->pack(alpha_values_, packed);
}

template <class T>
Loop CombineConv2dLayer<T>::pack_delta(T* packed) {
  return sums_.delta->pack(alpha_values_, packed);
}

/// α_ij = exp(c_ij) / Σ_k exp(c_kj)
template <class T>
void CombineConv2dLayer<T>::share_out(Index output, T* exponentials) const {
  const T* c = this->parameters[0].value + output;
  T largest = c[0];
  for (Index i = 1; i < inputs(); ++i) largest = std::max(largest, c[i * outputs()]);
  const Index lanes = Blocks<T>(inputs()).all_lanes();  // whole lane vectors
  std::fill_n(exponentials, lanes, T(0));
  for (Index i = 0; i < inputs(); ++i) exponentials[i] = c[i * outputs()] - largest;
  this->kernel.activate({FunctionKind::exp, 0.0}, exponentials, lanes);
  double sum = 0.0;
  for (Index i = 0; i < inputs(); ++i) sum += double(exponentials[i]);
  for (Index i = 0; i < inputs(); ++i)
    alpha_.data()[output * inputs() + i] = static_cast<T>(double(exponentials[i]) / sum);
}

/// Ω = λ Σ_ij |α_ij|
template <class T>
double CombineConv2dLayer<T>::penalty() const {
  double sum = 0.0;
  for (std::size_t k = 0; sparsity_ > 0.0 && k < alpha_.size(); ++k) sum += std::abs(double(alpha_.data()[k]));
  return sparsity_ * sum;
}

template <class T>
std::optional<TracedArray<T>> CombineConv2dLayer<T>::traced() const {
  TracedArray<T> alpha{"alpha", {inputs(), outputs()}, {}};
  for (Index i = 0; i < inputs(); ++i)
    for (Index j = 0; j < outputs(); ++j) alpha.values.push_back(alpha_.data()[j * inputs() + i]);
  return alpha;
}

template <class T>
Loop CombineConv2dLayer<T>::forward(const Signal<T>& maps, const Signal<T>& output) {
  T* const* bias = this->parameters.size() > 1 ? &this->parameters[1].value : nullptr;
  return sums_.forward->run(maps.value, output, bias);
}

/// Of z_i: Σ_j α_ij δ_j
template <class T>
Loop CombineConv2dLayer<T>::propagate_delta(const Signal<T>& maps, const Signal<T>& output) {
  return sums_.delta->run_delta({output.delta}, maps);
}

/// ∂E/∂α_ij = Σ_uv δ_j ∘ z_i and ∂E/∂b_j = Σ_uv δ_j, and from ∂E/∂α, an output a task, ∂E/∂c.
template <class T>
Schedule CombineConv2dLayer<T>::accumulate_gradients(const Signal<T>& maps, const Signal<T>& output, T* workspace) {
  T* const bias = this->parameters.size() > 1 ? this->parameters[1].gradient : nullptr;
  Schedule schedule = sums_.gradient->accumulate(maps.value, {output.delta}, {alpha_gradient_.data(), bias}, workspace);
  schedule.push_back({Loop{outputs(), [this](Index j, std::byte*) { add_to_combination(j); }}});
  return schedule;
}

/// ∂E/∂c_ij = α_ij (∂E/∂α_ij − Σ_k α_kj ∂E/∂α_kj) + λ (|α_ij| − α_ij Σ_k |α_kj|), λ times the step's scale.
template <class T>
void CombineConv2dLayer<T>::add_to_combination(Index output) const {
  const T* alpha = alpha_.data() + output * inputs();
  T* gradient = alpha_gradient_.data() + output * inputs();
  const double sparsity = this->penalty_scale * sparsity_;
  double mean = 0.0, size = 0.0;
  for (Index i = 0; i < inputs(); ++i) {
    mean += double(alpha[i]) * double(gradient[i]);
    size += std::abs(double(alpha[i]));
  }
  for (Index i = 0; i < inputs(); ++i) {
    const double share = double(alpha[i]);
    this->parameters[0].gradient[i * outputs() + output] +=
        static_cast<T>(share * (double(gradient[i]) - mean) + sparsity * (std::abs(share) - share * size));
    gradient[i] = T(0);
  }
}

template class CombineConv2dLayer<float>;
template class CombineConv2dLayer<double>;

}  // namespace cnnbp
