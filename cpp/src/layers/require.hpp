// What a definition is refused with.
#pragma once

#include <algorithm>
#include <stdexcept>

#include "layers/geometry.hpp"

namespace cnnbp {

/// More than this in one option is a mistake, and sums of options stay far from overflow.
constexpr std::int64_t most = std::int64_t{1} << 31;

inline void require(bool holds, const std::string& message) {
  if (!holds) throw std::invalid_argument(message);
}

inline void require_between(const char* name, std::int64_t value, std::int64_t least) {
  require(value >= least && value < most, std::string(name) + " is " + std::to_string(value) + ", expected " +
                                              std::to_string(least) + " to 2147483647");
}

inline void require_between(const char* name, Size2d value, std::int64_t least) {
  require(std::min(value.height, value.width) >= least && std::max(value.height, value.width) < most,
          std::string(name) + " is " + text(value) + ", expected " + std::to_string(least) + " to 2147483647 each");
}

}  // namespace cnnbp
