#include <cnnbp/definition.hpp>
#include <stdexcept>

#include "layers/geometry.hpp"
#include "layers/make_layer.hpp"

namespace cnnbp {
namespace {

LayerSummary summarize_layer(const LayerDefinition& layer, std::size_t place, const Shape& input, bool is_vector) {
  const std::string name = std::to_string(place), type = type_name(layer);
  try {
    if (is_vector && needs_maps(layer))
      throw std::invalid_argument("the input is a vector of " + std::to_string(input.channels) +
                                  " features, expected maps (channels, height, width)");
    const Shape output = output_shape(layer, input);
    const Cost cost = cost_of(layer, input);
    return {name, type, output, gives_vector(layer, is_vector), cost.parameters, cost.multiply_adds};
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument("layer " + name + " (" + type + "): " + error.what());
  }
}

}  // namespace

std::vector<LayerSummary> summarize(const NetworkDefinition& definition) {
  Shape shape = definition.input;
  if (shape.channels < 1 || shape.height < 1 || shape.width < 1)
    throw std::invalid_argument("input_shape is " + text(shape) + ", expected at least 1 each");
  checked_product({shape.channels, shape.height, shape.width}, "input_shape " + text(shape));
  if (definition.layers.empty()) throw std::invalid_argument("layers is empty, expected at least one layer");
  std::vector<LayerSummary> all;
  bool is_vector = false;
  for (std::size_t i = 0; i < definition.layers.size(); ++i) {
    all.push_back(summarize_layer(definition.layers[i], i, shape, is_vector));
    shape = all.back().output_shape;
    is_vector = all.back().is_vector;
  }
  if (definition.loss == Loss::cross_entropy && shape.pixels() != 1)
    throw std::invalid_argument("loss cross_entropy needs one number a class, but the last layer gives maps " +
                                text(shape) + "; end with Linear or Flatten");
  return all;
}

}  // namespace cnnbp
