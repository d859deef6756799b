#include "functional/arrays.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "layers/geometry.hpp"

namespace cnnbp::functional {

void require_same(const char* name, std::int64_t count, const Shape& given, std::int64_t wanted_count,
                  const Shape& wanted) {
  const auto whole = [](std::int64_t n, const Shape& shape) { return text(shape).insert(1, std::to_string(n) + ", "); };
  if (count != wanted_count || given != wanted)
    throw std::invalid_argument(std::string(name) + " has shape " + whole(count, given) + ", expected " +
                                whole(wanted_count, wanted));
  if (count < 1 || std::min({given.channels, given.height, given.width}) < 1)
    throw std::invalid_argument(std::string(name) + " has shape " + whole(count, given) + ", expected at least 1 each");
}

}  // namespace cnnbp::functional
