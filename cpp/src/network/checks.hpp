// What a call is refused for, before anything has changed.
#pragma once

#include <cnnbp/network.hpp>
#include <span>

namespace cnnbp {

/// Throws std::invalid_argument for no samples, different numbers of them, or NaN and infinities in x.
void check_images(const Images& x, const Shape& shape);

/// The same for y: labels must be 0 … features − 1, values finite.
void check_targets(const Targets& y, std::int64_t samples, std::int64_t features);

/// Sample numbers must be 0 … samples − 1.
void check_order(std::span<const std::int64_t> order, std::int64_t samples);

}  // namespace cnnbp
