#include "network/parameters.hpp"

#include <algorithm>

#include "layers/geometry.hpp"
#include "network/initialise.hpp"

namespace cnnbp {
namespace {

/// Every array starts on a cache line.
template <class T>
Index aligned(std::int64_t size) {
  constexpr Index lanes = Blocks<T>::full_lanes;
  return (size + lanes - 1) / lanes * lanes;
}

}  // namespace

template <class T>
Parameters<T>::Parameters(const std::vector<std::unique_ptr<Layer<T>>>& layers, std::uint64_t seed) {
  Index total = 0;
  for (const auto& layer : layers)
    for (const LayerParameter<T>& p : layer->parameters) total += aligned<T>(p.size());
  const auto size = static_cast<std::size_t>(total);
  values_ = Buffer<T>(size);
  gradients_ = Buffer<T>(size);
  Index offset = 0;
  for (std::size_t i = 0; i < layers.size(); ++i)
    for (LayerParameter<T>& p : layers[i]->parameters) {
      const auto count = static_cast<std::size_t>(p.size());
      p.value = values_.data() + offset;
      p.gradient = gradients_.data() + offset;
      initialise(p, seed, static_cast<std::uint32_t>(all_.size()));
      all_.push_back({std::to_string(i) + "." + p.name, p.shape, {p.value, count}, {p.gradient, count}, {}});
      offset += aligned<T>(p.size());
    }
}

template <class T>
Loop Parameters<T>::zero_gradients() const {
  const Index total = static_cast<Index>(gradients_.size());
  return {(total + parameters_of_a_task - 1) / parameters_of_a_task, [this, total](Index task, std::byte*) {
            T* begin = gradients_.data() + task * parameters_of_a_task;
            std::fill(begin, begin + std::min(parameters_of_a_task, total - task * parameters_of_a_task), T(0));
          }};
}

template <class T>
void Parameters<T>::copy_values_from(const Parameters& other) {
  std::copy_n(other.values_.data(), values_.size(), values_.data());
}

template class Parameters<float>;
template class Parameters<double>;

}  // namespace cnnbp
