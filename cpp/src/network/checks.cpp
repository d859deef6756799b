#include "network/checks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "kernels/arguments.hpp"
#include "threads/team.hpp"

namespace cnnbp {
namespace {

/// Numbers that one task looks at: 256 KB of float32.
constexpr Index scan_size = 64 * 1024;

/// The place of the first number that is NaN or infinite, or `count`.
template <class T>
Index first_not_finite(const T* values, Index count) {
  const Index tasks = (count + scan_size - 1) / scan_size;
  std::vector<Index> found(static_cast<std::size_t>(tasks), count);
  const Schedule scan{{Loop{tasks, [=, &found](Index task, std::byte*) {
                              const Index begin = task * scan_size, end = std::min(begin + scan_size, count);
                              bool all = true;  // x − x is 0 for every finite x, and NaN otherwise
                              for (Index i = begin; i < end; ++i) all &= values[i] - values[i] == T(0);
                              if (all) return;
                              found[static_cast<std::size_t>(task)] =
                                  std::find_if(values + begin, values + end, [](T v) { return !std::isfinite(v); }) -
                                  values;
                            }}}};
  run({&scan});
  return tasks > 0 ? *std::min_element(found.begin(), found.end()) : count;
}

template <class T>
void require_finite(const char* name, const void* data, std::int64_t samples, std::int64_t features) {
  const T* values = static_cast<const T*>(data);
  const Index place = first_not_finite(values, samples * features);
  if (place == samples * features) return;
  throw std::invalid_argument(std::string(name) + " holds " + (std::isnan(values[place]) ? "NaN" : "infinity") +
                              " in sample " + std::to_string(place / features) + "; replace or drop such samples");
}

std::string number(std::int64_t n) { return std::to_string(n); }

}  // namespace

void check_images(const Images& x, const Shape& shape) {
  if (x.count < 1) throw std::invalid_argument("x has no samples, expected at least one");
  if (x.type == Images::Type::float32) require_finite<float>("x", x.data, x.count, shape.features());
  if (x.type == Images::Type::float64) require_finite<double>("x", x.data, x.count, shape.features());
}

void check_targets(const Targets& y, std::int64_t samples, std::int64_t features) {
  if (y.count != samples)
    throw std::invalid_argument("y has " + number(y.count) + " samples, but x has " + number(samples));
  if (y.type == Targets::Type::float32) return require_finite<float>("y", y.data, y.count, features);
  if (y.type == Targets::Type::float64) return require_finite<double>("y", y.data, y.count, features);
  const auto* labels = static_cast<const std::int64_t*>(y.data);
  for (std::int64_t n = 0; n < y.count; ++n)
    if (labels[n] < 0 || labels[n] >= features)
      throw std::invalid_argument("y holds label " + number(labels[n]) + " in sample " + number(n) +
                                  ", expected 0 to " + number(features - 1) + ": the network has " + number(features) +
                                  " outputs");
}

void check_batch(const NetworkDefinition& definition, std::int64_t samples) {
  if (samples > 1) return;
  for (const LayerSummary& layer : summarize(definition))
    if (layer.type == "BatchNorm2d" && layer.output_shape.pixels() == 1 && layer.frozen == 0)
      throw std::invalid_argument("layer " + layer.name +
                                  " (BatchNorm2d): a batch of 1 sample has one value a channel, " +
                                  "expected at least 2; choose a batch_size that leaves no single sample");
}

void check_order(std::span<const std::int64_t> order, std::int64_t samples) {
  for (std::size_t i = 0; i < order.size(); ++i)
    if (order[i] < 0 || order[i] >= samples)
      throw std::invalid_argument("order holds sample " + number(order[i]) + " at place " + std::to_string(i) +
                                  ", expected 0 to " + number(samples - 1));
}

}  // namespace cnnbp
