// Where training starts.
#pragma once

#include <cnnbp/initializer.hpp>

#include "layers/layer.hpp"

namespace cnnbp {

/// Returns the initializer. Its numbers must be finite and held by T, a scale at least 0.
template <class T>
Initializer checked(Initializer initializer);

/// Whether the initializer serves weights alone, not biases and the like.
bool needs_fans(const Initializer& initializer);
template <class T>
bool has_fans(const LayerParameter<T>& parameter) {
  return parameter.fan_in + parameter.fan_out > 0;
}

/// Sets the first values; a parameter without fans starts at its constant with the toolbox's. `stream` tells the
/// arrays of one network apart; float64 rounds to the float32 of the same seed.
template <class T>
void initialise(const LayerParameter<T>& parameter, const Initializer& initializer, std::uint64_t seed,
                std::uint32_t stream);

}  // namespace cnnbp
