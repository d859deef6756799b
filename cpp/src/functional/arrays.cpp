#include "functional/arrays.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "layers/geometry.hpp"
#include "layers/make_layer.hpp"

namespace cnnbp::functional {
namespace {

std::string whole(std::int64_t count, const Shape& shape) {
  return text(shape).insert(1, std::to_string(count) + ", ");
}

}  // namespace

void require_data(const char* name, const void* data) {
  if (data == nullptr) throw std::invalid_argument(std::string(name) + " is null, expected numbers");
}

void require_array(const char* name, const void* data, std::int64_t count, const Shape& shape) {
  const std::string given = whole(count, shape);
  if (std::min({count, shape.channels, shape.height, shape.width}) < 1)
    throw std::invalid_argument(std::string(name) + " has shape " + given + ", expected at least 1 each");
  checked_product({count, shape.channels, shape.height, shape.width}, name + (" of shape " + given));
  require_data(name, data);
}

void require_same(const char* name, std::int64_t count, const Shape& given, std::int64_t wanted_count,
                  const Shape& wanted) {
  if (count != wanted_count || given != wanted)
    throw std::invalid_argument(std::string(name) + " has shape " + whole(count, given) + ", expected " +
                                whole(wanted_count, wanted));
}

Shape shape_made(const LayerDefinition& operation, const Shape& input) {
  if (const Function function = activation_of(operation); function != Function::identity)
    throw std::invalid_argument("options has activation " + type_name(Activation{function}) +
                                ", before which functions on arrays end; give the output to `activation`");
  return output_shape(operation, input);
}

}  // namespace cnnbp::functional
