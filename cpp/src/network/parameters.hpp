// All numbers of a network in flat arrays: the trained ones, their gradients, and those that are held.
#pragma once

#include <cnnbp/network.hpp>
#include <map>

#include "network/graph.hpp"

namespace cnnbp {

/// 16 KB of float32: parameters and gradients of one task fit the first cache.
constexpr Index parameters_of_a_task = 4096;

template <class T>
class Parameters {
 public:
  /// Gives every layer's parameters their memory and first values.
  Parameters(const std::vector<NamedLayer<T>>& layers, std::uint64_t seed);

  const std::vector<Parameter<T>>& all() const { return all_; }
  const Buffer<T>& values() const { return values_; }  // of those that are trained
  const Buffer<T>& gradients() const { return gradients_; }

  /// gradient ← 0
  Loop zero_gradients() const;
  /// array ← 0 where the layer holds the parameter at 0. The array is the parameter's value, or as long.
  void hold_zeros(const Parameter<T>& parameter, std::span<T> array) const;
  void copy_values_from(const Parameters& other);

 private:
  Buffer<T> values_, gradients_, held_;
  std::vector<Parameter<T>> all_;
  std::map<std::string, std::vector<Span>> zeros_;  // by the parameter's name
};

}  // namespace cnnbp
