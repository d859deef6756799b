// What a call is refused for, before anything has changed.
#pragma once

#include <cnnbp/network.hpp>
#include <span>

namespace cnnbp {

/// Throws std::invalid_argument: "lr is -1, expected a finite number, at least 0".
[[noreturn]] void refuse(const std::string& name, double value, const std::string& expected);
void check_amount(const std::string& name, double value);
void check_share(const std::string& name, double value);

/// Throws std::invalid_argument where a finite number is infinite as T: "margin is 1e+300, expected a number that
/// float32 holds".
template <class T>
void check_holds(const std::string& name, double value);
/// The same, and where one that is not 0 would count as 0, as denormal numbers do: of divisors and weights.
template <class T>
void check_holds_apart_from_0(const std::string& name, double value);

/// Throws std::invalid_argument for more numbers than any machine's memory holds.
void check_size(const char* name, std::int64_t samples, std::int64_t features);

/// Throws std::invalid_argument for no samples, for null, or for NaN, infinity and what T cannot hold in x.
template <class T>
void check_images(const Images& x, const Shape& shape);

/// The same for y, and its weights: labels must be classes of the loss, targets numbers that it takes, weights finite,
/// as their sum, and at least 0.
template <class T>
void check_targets(const Targets& y, std::int64_t samples, std::int64_t features, const Loss& loss);

/// Throws std::invalid_argument for an option out of range or one that does not fit the network's output, and where the
/// loss takes logits and the last layer ends with sigmoid or softmax.
void check_loss(const NetworkDefinition& definition, const Shape& output);

/// Sample numbers must be 0 … samples − 1.
void check_order(std::span<const std::int64_t> order, std::int64_t samples);

/// Rates must be finite, at least 0 and held by T, one for each batch, or none.
template <class T>
void check_rates(std::span<const double> lr, std::int64_t batches);

/// What the optimizer's rule keeps for every parameter, by torch's names: {"exp_avg", "exp_avg_sq"}.
std::vector<std::string> state_names(const Optimizer& optimizer);

const UpdateOptions& options_of(const Optimizer& optimizer);

/// Returns the optimizer. Its rates must be finite, at least 0 and held by T, its shares 0 to less than 1.
template <class T>
Optimizer checked(Optimizer optimizer);

/// Returns the definition. T must hold the options of its initializer, loss and layers.
template <class T>
NetworkDefinition checked(NetworkDefinition definition);

}  // namespace cnnbp
