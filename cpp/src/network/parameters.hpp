// All numbers of a network in flat arrays: the trained ones, their gradients, and those that are held.
#pragma once

#include <cnnbp/network.hpp>

#include "network/graph.hpp"

namespace cnnbp {

/// 16 KB of float32: parameters and gradients of one task fit the first cache.
constexpr Index parameters_of_a_task = 4096;

template <class T>
class Parameters {
 public:
  /// Gives every layer's parameters their memory and first values.
  Parameters(const std::vector<NamedLayer<T>>& layers, const Initializer& initializer, std::uint64_t seed);

  const std::vector<Parameter<T>>& all() const { return all_; }
  const Buffer<T>& values() const { return values_; }  // of those that are trained
  const Buffer<T>& gradients() const { return gradients_; }

  /// gradient ← 0
  Loop zero_gradients() const;
  /// Draws one parameter anew. Throws, and changes nothing, where there is none of that name or it needs fans.
  void initialise(const std::string& name, const Initializer& initializer);
  /// Throws, and changes nothing, where there is none of that name, or of another size.
  void assign(const std::string& name, std::span<const T> values);
  /// array ← 0 where its layer holds all()[place] at 0. The array is the parameter's value, or as long.
  void hold_zeros(std::size_t place, std::span<T> array) const;
  void copy_values_from(const Parameters& other);

 private:
  std::size_t place_of(const std::string& name) const;
  void draw(std::size_t place, const Initializer& initializer);

  Buffer<T> values_, gradients_, held_;
  std::vector<Parameter<T>> all_;
  std::vector<LayerParameter<T>> wanted_;  // what the layers said of each
  std::uint64_t seed_;
};

}  // namespace cnnbp
