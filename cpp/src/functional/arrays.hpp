// Shapes of the arrays that a call is given.
#pragma once

#include <cnnbp/definition.hpp>

namespace cnnbp::functional {

/// Throws std::invalid_argument, unless `count` arrays of a shape are as many as wanted, of that shape, and not empty.
void require_same(const char* name, std::int64_t count, const Shape& given, std::int64_t wanted_count,
                  const Shape& wanted);

}  // namespace cnnbp::functional
