#include "network/parameters.hpp"

#include <algorithm>
#include <stdexcept>

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
Parameters<T>::Parameters(const std::vector<NamedLayer<T>>& layers, const Initializer& initializer, std::uint64_t seed)
    : seed_(seed) {
  Index trained = 0, held = 0;
  for (const auto& [name, layer] : layers)
    for (const LayerParameter<T>& p : layer->parameters) (p.trained ? trained : held) += aligned<T>(p.size());
  values_ = Buffer<T>(static_cast<std::size_t>(trained));
  gradients_ = Buffer<T>(static_cast<std::size_t>(trained));
  held_ = Buffer<T>(static_cast<std::size_t>(held));
  trained = held = 0;
  for (const auto& [name, layer] : layers)
    for (LayerParameter<T>& p : layer->parameters) {
      const auto count = static_cast<std::size_t>(p.size());
      Index& offset = p.trained ? trained : held;
      p.value = (p.trained ? values_ : held_).data() + offset;
      p.gradient = p.trained ? gradients_.data() + offset : nullptr;
      all_.push_back({name + "." + p.name, p.shape, {p.value, count}, {p.gradient, p.trained ? count : 0}, {}});
      wanted_.push_back(p);
      draw(all_.size() - 1, has_fans(p) ? initializer : ToolboxUniform{});
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
void Parameters<T>::draw(std::size_t place, const Initializer& initializer) {
  cnnbp::initialise(wanted_[place], initializer, seed_, static_cast<std::uint32_t>(place));
  hold_zeros(place, all_[place].value);
}

template <class T>
std::size_t Parameters<T>::place_of(const std::string& name) const {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const auto& p) { return p.name == name; });
  if (found == all_.end()) throw std::invalid_argument("the network has no parameter '" + name + "'");
  return static_cast<std::size_t>(found - all_.begin());
}

template <class T>
void Parameters<T>::assign(const std::string& name, std::span<const T> values) {
  const std::size_t place = place_of(name);
  const std::span<T> own = all_[place].value;
  if (values.size() != own.size())
    throw std::invalid_argument(name + " has " + std::to_string(own.size()) + " numbers, got " +
                                std::to_string(values.size()));
  if (values.data() == nullptr) throw std::invalid_argument("values is null, expected the numbers of " + name);
  std::copy(values.begin(), values.end(), own.begin());
  hold_zeros(place, own);
}

template <class T>
void Parameters<T>::initialise(const std::string& name, const Initializer& initializer) {
  const std::size_t place = place_of(name);
  if (needs_fans(checked<T>(initializer)) && !has_fans(wanted_[place]))
    throw std::invalid_argument(name + " is no weight with fans, which the initializer goes by; expected Constant");
  draw(place, initializer);
}

template <class T>
void Parameters<T>::hold_zeros(std::size_t place, std::span<T> array) const {
  for (const Span& span : wanted_[place].zeros) std::fill(array.begin() + span.begin, array.begin() + span.end, T(0));
}

template <class T>
void Parameters<T>::copy_values_from(const Parameters& other) {
  std::copy_n(other.values_.data(), values_.size(), values_.data());
  std::copy_n(other.held_.data(), held_.size(), held_.data());
}

template class Parameters<float>;
template class Parameters<double>;

}  // namespace cnnbp
