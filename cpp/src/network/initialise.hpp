// Where training starts.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// Uniform in ±√(6 / (fan_in + fan_out)), the toolbox's distribution (Glorot and Bengio, 2010); zero without
/// fans. `stream` tells the arrays of one network apart; float64 rounds to the float32 of the same seed.
template <class T>
void initialise(const LayerParameter<T>& parameter, std::uint64_t seed, std::uint32_t stream);

}  // namespace cnnbp
