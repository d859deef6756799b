// The list of layers: from a definition to what computes it.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// "Conv2d"
std::string type_name(const LayerDefinition& definition);

/// The activation that ends the layer.
Function activation_of(const LayerDefinition& definition);

/// A layer made of layers.
bool is_composite(const LayerDefinition& definition);

/// Whether its parameters are trained; layers without say yes.
bool is_trainable(const LayerDefinition& definition);

/// `output_shape` of what is not composite.
Shape single_output_shape(const LayerDefinition& definition, const Shape& input);

/// What computes a layer that is not composite, up to its activation. Throws std::invalid_argument when the input
/// does not fit.
template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerDefinition& definition, const Shape& input);

/// Trained numbers, and multiply-adds of one sample's forward pass.
struct Cost {
  std::int64_t parameters, multiply_adds;
};
Cost cost_of(const LayerDefinition& definition, const Shape& input);

/// Whether the layer works on maps alone.
bool needs_maps(const LayerDefinition& definition);

/// Whether the layer reads its input as one vector of features.
bool reads_vector(const LayerDefinition& definition);

/// Whether the output is a vector rather than maps.
bool gives_vector(const LayerDefinition& definition, bool input_is_vector);

}  // namespace cnnbp
