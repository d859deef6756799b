#include "network/initialise.hpp"

#include <algorithm>
#include <cmath>
#include <cnnbp/random.hpp>

#include "network/checks.hpp"

namespace cnnbp {
namespace {

/// The random numbers of one array, by their places in it.
struct Stream {
  std::uint64_t seed;
  std::uint32_t number;

  std::uint64_t bits(std::int64_t place) const {
    constexpr std::uint32_t initialising = 0x696e6974u;  // keeps these counters apart from the permutations'
    const auto n = static_cast<std::uint64_t>(place);
    const auto four = philox({static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), number, initialising},
                             {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
    return (std::uint64_t{four[0]} << 32) | four[1];
  }
  /// −1 ≤ draw < 1
  double uniform(std::int64_t place) const { return 2.0 * (double(bits(place) >> 11) * 0x1p-53) - 1.0; }
  /// By the distribution's inverse, at the middle of one of 2^52 equal parts of 0 to 1.
  double normal(std::int64_t place) const { return normal_quantile((double(bits(place) >> 12) + 0.5) * 0x1p-52); }
};

template <class T>
void fill_uniform(const LayerParameter<T>& p, double limit, const Stream& draws) {
  for (std::int64_t i = 0; i < p.size(); ++i) p.value[i] = static_cast<T>(draws.uniform(i) * limit);
}

/// Σ a·b in eight chains, so that the order is ours and not the compiler's.
double dot(const double* a, const double* b, std::int64_t count) {
  double sums[8] = {};
  const std::int64_t whole = count / 8 * 8;
  for (std::int64_t i = 0; i < whole; i += 8)
    for (int chain = 0; chain < 8; ++chain) sums[chain] += a[i + chain] * b[i + chain];
  for (std::int64_t i = whole; i < count; ++i) sums[i - whole] += a[i] * b[i];
  for (int half = 4; half > 0; half /= 2)
    for (int chain = 0; chain < half; ++chain) sums[chain] += sums[chain + half];
  return sums[0];
}

/// Makes `count` vectors of `length` numbers orthonormal, one after the other. Twice is enough to take the others'
/// parts out of a vector (Giraud et al. 2005).
void orthonormalise(std::vector<double>& vectors, std::int64_t count, std::int64_t length) {
  for (std::int64_t k = 0; k < count; ++k) {
    double* vector = vectors.data() + k * length;
    for (int time = 0; time < 2; ++time)
      for (std::int64_t j = 0; j < k; ++j) {
        const double* other = vectors.data() + j * length;
        const double part = dot(vector, other, length);
        for (std::int64_t i = 0; i < length; ++i) vector[i] -= part * other[i];
      }
    const double norm = std::sqrt(dot(vector, vector, length));
    for (std::int64_t i = 0; i < length; ++i) vector[i] /= norm;
  }
}

// One function an initializer.

template <class T>
void fill(const LayerParameter<T>& p, const ToolboxUniform&, const Stream& draws) {
  if (!has_fans(p)) std::fill_n(p.value, p.size(), static_cast<T>(p.constant));
  else fill_uniform(p, std::sqrt(6.0 / double(p.fan_in + p.fan_out)), draws);
}

/// A uniform distribution in ±√(3 v) has the variance v.
template <class T>
void fill(const LayerParameter<T>& p, const VarianceScaling& o, const Stream& draws) {
  using Fan = VarianceScaling::Fan;
  const double in = double(p.fan_in), out = in / double(p.shape[1]) * double(p.shape[0]);
  const double fan = o.fan == Fan::in ? in : o.fan == Fan::out ? out : (in + out) / 2;
  if (o.distribution == VarianceScaling::Distribution::uniform)
    return fill_uniform(p, std::sqrt(3.0 * o.scale / fan), draws);
  const double deviation = std::sqrt(o.scale / fan);
  for (std::int64_t i = 0; i < p.size(); ++i) p.value[i] = static_cast<T>(draws.normal(i) * deviation);
}

/// Gram and Schmidt on normal draws: the factor Q of a QR decomposition whose R has a positive diagonal.
template <class T>
void fill(const LayerParameter<T>& p, const Orthogonal& o, const Stream& draws) {
  const std::int64_t rows = p.shape[0], columns = p.size() / rows;
  const std::int64_t count = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<double> vectors(static_cast<std::size_t>(p.size()));
  for (std::int64_t i = 0; i < p.size(); ++i) vectors[static_cast<std::size_t>(i)] = draws.normal(i);
  orthonormalise(vectors, count, length);
  const std::int64_t row = rows <= columns ? length : 1, column = rows <= columns ? 1 : length;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      p.value[i * columns + j] = static_cast<T>(o.gain * vectors[static_cast<std::size_t>(i * row + j * column)]);
}

template <class T>
void fill(const LayerParameter<T>& p, const Constant& o, const Stream&) {
  std::fill_n(p.value, p.size(), static_cast<T>(o.value));
}

template <class T>
void check_finite(const char* name, double value) {
  if (!std::isfinite(value)) refuse(name, value, "a finite number");
  check_holds<T>(name, value);
}

}  // namespace

template <class T>
Initializer checked(Initializer initializer) {
  if (const auto* o = std::get_if<VarianceScaling>(&initializer)) {
    check_amount("scale", o->scale);
    check_holds<T>("scale", o->scale);
  }
  if (const auto* o = std::get_if<Orthogonal>(&initializer)) check_finite<T>("gain", o->gain);
  if (const auto* o = std::get_if<Constant>(&initializer)) check_finite<T>("value", o->value);
  return initializer;
}

bool needs_fans(const Initializer& initializer) {
  return std::holds_alternative<VarianceScaling>(initializer) || std::holds_alternative<Orthogonal>(initializer);
}

template <class T>
void initialise(const LayerParameter<T>& parameter, const Initializer& initializer, std::uint64_t seed,
                std::uint32_t stream) {
  std::visit([&](const auto& o) { fill(parameter, o, Stream{seed, stream}); }, initializer);
}

template Initializer checked<float>(Initializer);
template Initializer checked<double>(Initializer);
template void initialise(const LayerParameter<float>&, const Initializer&, std::uint64_t, std::uint32_t);
template void initialise(const LayerParameter<double>&, const Initializer&, std::uint64_t, std::uint32_t);

}  // namespace cnnbp
