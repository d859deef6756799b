// All trained numbers of a network in three flat arrays: values, gradients, velocities.
#pragma once

#include <cnnbp/network.hpp>

#include "layers/layer.hpp"

namespace cnnbp {

template <class T>
class Parameters {
 public:
  /// Gives every layer's parameters their memory and first values.
  Parameters(const std::vector<std::unique_ptr<Layer<T>>>& layers, std::uint64_t seed);

  const std::vector<Parameter<T>>& all() const { return all_; }

  /// gradient ← 0
  Loop zero_gradients() const;
  /// v ← momentum · v + g;  p ← p − lr · v, with what `optimizer` holds when it runs.
  Loop update(const SGD& optimizer) const;
  void copy_values_from(const Parameters& other);

 private:
  Buffer<T> values_, gradients_, velocities_;
  std::vector<Parameter<T>> all_;
};

}  // namespace cnnbp
