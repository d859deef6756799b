#include "network/checks.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "kernels/arguments.hpp"
#include "layers/geometry.hpp"
#include "threads/team.hpp"

namespace cnnbp {
namespace {

/// Numbers that one task looks at: 256 KB of float32.
constexpr Index scan_size = 64 * 1024;

/// What numbers may be: finite, and from `least`, which is 0 or −`largest`, to `largest`.
template <class T>
struct Range {
  T least, largest;

  bool holds(T value) const { return value >= least && value <= largest; }
};

/// Without the sign, the bits of numbers are in their order, infinity and NaN the last: the bits of the largest minus
/// those of one above it leave a sign. Comparing x − x with 0 took five times as long, a thirtieth of a small network's
/// step. Where the least is 0, signs are read, too, and −0 is not within.
template <class T>
bool all_within(const T* values, Index count, const Range<T>& range) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits magnitude = ~Bits{0} >> 1;
  const Bits largest = std::bit_cast<Bits>(range.largest), read = range.least < 0 ? magnitude : ~Bits{0};
  Bits signs = 0;
  for (Index i = 0; i < count; ++i) {
    const Bits bits = std::bit_cast<Bits>(values[i]) & read;
    signs |= bits | (largest - bits);
  }
  return signs >> (8 * sizeof(T) - 1) == 0;
}

/// The place of the first number that is NaN or out of the range, or `count`.
template <class T>
Index first_beyond(const T* values, Index count, const Range<T>& range) {
  const Index tasks = (count + scan_size - 1) / scan_size;
  std::vector<Index> found(static_cast<std::size_t>(tasks), count);
  const auto beyond = [=](T v) { return !range.holds(v); };
  const Schedule scan{{Loop{tasks, [=, &found](Index task, std::byte*) {
                              const Index begin = task * scan_size, end = std::min(begin + scan_size, count);
                              if (all_within(values + begin, end - begin, range)) return;
                              const Index place = std::find_if(values + begin, values + end, beyond) - values;
                              if (place < end) found[static_cast<std::size_t>(task)] = place;
                            }}}};
  run({&scan});
  return tasks > 0 ? *std::min_element(found.begin(), found.end()) : count;
}

template <class T>
constexpr const char* dtype_name = sizeof(T) == 4 ? "float32" : "float64";

/// The last double that is rounded to the largest number of T, not to infinity.
template <class T>
constexpr double most_held = sizeof(T) == 4 ? 0x1.fffffefffffffp127 : std::numeric_limits<double>::max();

/// Targets that a loss takes: all, unless it has a name here.
struct Limits {
  const char* loss = nullptr;
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
};

Limits limits_of(const Loss& loss) {
  if (std::holds_alternative<BCEWithLogits>(loss)) return {"bce_with_logits", 0.0, 1.0};
  if (std::holds_alternative<CrossEntropy>(loss)) return {.loss = "cross_entropy", .least = 0.0};
  return {};
}

/// The numbers of T that a network of N takes over.
template <class N, class T>
Range<T> range_of(const Limits& limits) {
  constexpr T finite = sizeof(N) < sizeof(T) ? T(most_held<N>) : std::numeric_limits<T>::max();
  const T largest = limits.most < double(finite) ? T(limits.most) : finite;
  return {limits.least < 0 ? -largest : T(0), largest};
}

/// Of numbers of T that a network of N takes over.
template <class N, class T>
void require_range(const char* name, const void* data, std::int64_t samples, std::int64_t features,
                   const Limits& limits = {}) {
  const T* values = static_cast<const T*>(data);
  const Index place = first_beyond(values, samples * features, range_of<N, T>(limits));
  if (place == samples * features) return;
  const T value = values[place];
  const std::string holds = std::string(name) + " holds ", sample = " in sample " + std::to_string(place / features);
  if (!std::isfinite(value))
    throw std::invalid_argument(holds + (std::isnan(value) ? "NaN" : "infinity") + sample +
                                "; replace or drop such samples");
  if (limits.loss != nullptr && (value < limits.least || value > limits.most))
    throw std::invalid_argument(holds + text(value) + sample + ", but loss " + limits.loss + " takes targets from 0 " +
                                (std::isfinite(limits.most) ? "to " + text(limits.most) : "up") +
                                "; scale or clip them");
  throw std::invalid_argument(holds + text(value) + sample +
                              ", more than float32 does: scale the numbers, or train in float64");
}

std::string number(std::int64_t n) { return std::to_string(n); }

void check_labels(const Targets& y, std::int64_t features, const Loss& loss) {
  const std::int64_t classes = std::max<std::int64_t>(features, 2);  // one output: yes or no
  const auto* entropy = std::get_if<CrossEntropy>(&loss);
  for (std::int64_t n = 0; n < y.count; ++n) {
    const std::int64_t label = y.labels()[n];
    if ((label >= 0 && label < classes) || (entropy != nullptr && label == entropy->ignore_index)) continue;
    const std::string ignored = entropy ? " or ignore_index, " + number(entropy->ignore_index) : "";
    throw std::invalid_argument(
        "y holds label " + number(label) + " in sample " + number(n) + ", expected 0 to " + number(classes - 1) +
        ignored + ": the network has " + number(features) +
        (features == 1 ? " output; targets have shape (" + number(y.count) + ", 1)" : " outputs"));
  }
}

void check_weights(std::span<const double> weights, std::int64_t samples) {
  if (!weights.empty() && static_cast<std::int64_t>(weights.size()) != samples)
    throw std::invalid_argument("sample_weight has " + std::to_string(weights.size()) +
                                " numbers, expected one for each of " + number(samples) + " samples");
  const auto bad = std::find_if(weights.begin(), weights.end(), [](double w) { return !(w >= 0.0) || std::isinf(w); });
  if (bad != weights.end()) check_amount("sample_weight of sample " + number(bad - weights.begin()), *bad);
  if (!std::isfinite(std::accumulate(weights.begin(), weights.end(), 0.0)))
    throw std::invalid_argument("sample_weight has a sum that float64 does not hold: scale the weights");
}

}  // namespace

void refuse(const std::string& name, double value, const std::string& expected) {
  throw std::invalid_argument(name + " is " + text(value) + ", expected " + expected);
}

void check_amount(const std::string& name, double value) {
  if (!(value >= 0.0) || !std::isfinite(value)) refuse(name, value, "a finite number, at least 0");
}

void check_share(const std::string& name, double value) {
  if (!(value >= 0.0 && value < 1.0)) refuse(name, value, "0 to less than 1");
}

template <class T>
void check_holds(const std::string& name, double value) {
  if (std::isfinite(value) && std::abs(value) > most_held<T>)
    refuse(name, value, std::string("a number that ") + dtype_name<T> + " holds");
}

template <class T>
void check_holds_apart_from_0(const std::string& name, double value) {
  check_holds<T>(name, value);
  if (value != 0.0 && std::abs(value) < double(std::numeric_limits<T>::min()))
    refuse(name, value, std::string("a number that ") + dtype_name<T> + " holds apart from 0");
}

void check_size(const char* name, std::int64_t samples, std::int64_t features) {
  constexpr std::int64_t most = std::int64_t{1} << 40;  // as of shapes
  if (samples > most / features)
    throw std::invalid_argument(std::string(name) + " has " + number(samples) + " samples of " + number(features) +
                                " numbers, expected at most 2^40 numbers");
}

template <class T>
void check_images(const Images& x, const Shape& shape) {
  if (x.count < 1) throw std::invalid_argument("x has no samples, expected at least one");
  check_size("x", x.count, shape.features());
  if (x.data == nullptr) throw std::invalid_argument("x is null, expected " + number(x.count) + " samples");
  if (x.type == Images::Type::float32) require_range<T, float>("x", x.data, x.count, shape.features());
  if (x.type == Images::Type::float64) require_range<T, double>("x", x.data, x.count, shape.features());
}

template <class T>
void check_targets(const Targets& y, std::int64_t samples, std::int64_t features, const Loss& loss) {
  if (y.count != samples)
    throw std::invalid_argument("y has " + number(y.count) + " samples, but x has " + number(samples));
  if (y.data == nullptr) throw std::invalid_argument("y is null, expected " + number(samples) + " samples");
  check_weights(y.weights, samples);
  if (y.type == Targets::Type::labels) return check_labels(y, features, loss);
  if (std::holds_alternative<Hinge>(loss))
    throw std::invalid_argument("y holds targets (" + number(samples) + ", " + number(features) +
                                "), but loss hinge needs class numbers (" + number(samples) +
                                ",); use y.argmax(axis=1) of one-hot targets");
  check_size("y", samples, features);
  if (y.type == Targets::Type::float32) require_range<T, float>("y", y.data, y.count, features, limits_of(loss));
  else require_range<T, double>("y", y.data, y.count, features, limits_of(loss));
}

void check_order(std::span<const std::int64_t> order, std::int64_t samples) {
  for (std::size_t i = 0; i < order.size(); ++i)
    if (order[i] < 0 || order[i] >= samples)
      throw std::invalid_argument("order holds sample " + number(order[i]) + " at place " + std::to_string(i) +
                                  ", expected 0 to " + number(samples - 1));
}

template void check_holds<float>(const std::string&, double);
template void check_holds<double>(const std::string&, double);
template void check_holds_apart_from_0<float>(const std::string&, double);
template void check_holds_apart_from_0<double>(const std::string&, double);
template void check_images<float>(const Images&, const Shape&);
template void check_images<double>(const Images&, const Shape&);
template void check_targets<float>(const Targets&, std::int64_t, std::int64_t, const Loss&);
template void check_targets<double>(const Targets&, std::int64_t, std::int64_t, const Loss&);

}  // namespace cnnbp
