// What a call is refused for, before anything has changed.
#pragma once

#include <cnnbp/network.hpp>
#include <span>

namespace cnnbp {

/// Throws std::invalid_argument for no samples, different numbers of them, or NaN and infinities in x.
void check_images(const Images& x, const Shape& shape);

/// The same for y: labels must be 0 … features − 1, values finite.
void check_targets(const Targets& y, std::int64_t samples, std::int64_t features);

/// A BatchNorm2d cannot train on one value a channel.
void check_batch(const NetworkDefinition& definition, std::int64_t samples);

/// Sample numbers must be 0 … samples − 1.
void check_order(std::span<const std::int64_t> order, std::int64_t samples);

/// Rates must be finite and at least 0, one for each batch, or none.
void check_rates(std::span<const double> lr, std::int64_t batches);

/// What the optimizer's rule keeps for every parameter, by torch's names: {"exp_avg", "exp_avg_sq"}.
std::vector<std::string> state_names(const Optimizer& optimizer);

const UpdateOptions& options_of(const Optimizer& optimizer);

/// Returns the optimizer. Its rates must be finite and at least 0, its shares 0 to less than 1.
Optimizer checked(Optimizer optimizer);

}  // namespace cnnbp
