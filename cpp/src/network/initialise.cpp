#include "network/initialise.hpp"

#include <algorithm>
#include <cmath>
#include <cnnbp/random.hpp>

namespace cnnbp {

template <class T>
void initialise(const LayerParameter<T>& parameter, std::uint64_t seed, std::uint32_t stream) {
  if (parameter.fan_in + parameter.fan_out == 0) {
    std::fill_n(parameter.value, parameter.size(), static_cast<T>(parameter.constant));
    return;
  }
  const double limit = std::sqrt(6.0 / double(parameter.fan_in + parameter.fan_out));
  const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  constexpr std::uint32_t initialising = 0x696e6974u;  // keeps these counters apart from the permutations'
  for (std::int64_t i = 0; i < parameter.size(); ++i) {
    const auto n = static_cast<std::uint64_t>(i);
    const auto bits =
        philox({static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), stream, initialising}, key);
    const std::uint64_t mantissa = ((std::uint64_t{bits[0]} << 32) | bits[1]) >> 11;
    const double unit = double(mantissa) * 0x1p-53;  // [0, 1)
    parameter.value[i] = static_cast<T>((2.0 * unit - 1.0) * limit);
  }
}

template void initialise(const LayerParameter<float>&, std::uint64_t, std::uint32_t);
template void initialise(const LayerParameter<double>&, std::uint64_t, std::uint32_t);

}  // namespace cnnbp
