// Shapes of the arrays that a call is given.
#pragma once

#include <cnnbp/functional.hpp>

namespace cnnbp::functional {

/// Throws std::invalid_argument for null.
void require_data(const char* name, const void* data);

/// Throws std::invalid_argument for an array that is null, empty, or larger than any machine's memory.
void require_array(const char* name, const void* data, std::int64_t count, const Shape& shape);
template <class T>
void require_array(const char* name, const Array<T>& given) {
  require_array(name, given.data, given.count, given.shape);
}

/// The same, and if there are not as many samples as wanted, of that shape.
void require_same(const char* name, std::int64_t count, const Shape& given, std::int64_t wanted_count,
                  const Shape& wanted);
template <class T>
void require_same(const char* name, const Array<T>& given, std::int64_t wanted_count, const Shape& wanted) {
  require_same(name, given.count, given.shape, wanted_count, wanted);
  require_array(name, given);
}

/// The shape of what the operation makes of such an input. Throws std::invalid_argument where the two do not fit, and
/// for an activation, before which operations end.
Shape shape_made(const LayerDefinition& operation, const Shape& input);

}  // namespace cnnbp::functional
