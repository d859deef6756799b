/// How long a convolution's passes take in a network, without the way in and out of the lanes.
#pragma once

#include <cnnbp/definition.hpp>
#include <vector>

namespace cnnbp {

enum class Pass { forward, delta, gradient };

/// Seconds of each of `repeats` runs (1 to 1,000,000) of one pass in float32, packing of the weights included,
/// on `batch` samples of that shape. One run goes before that is not counted. Throws std::invalid_argument where the
/// two do not fit, and for a batch that no machine's memory holds.
std::vector<double> time_conv2d(const Conv2d& layer, Shape input, std::int64_t batch, Pass pass, int repeats);

}  // namespace cnnbp
