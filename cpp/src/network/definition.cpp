// Which numbers of a definition a network of float or double cannot hold.
#include <cnnbp/definition.hpp>
#include <stdexcept>

#include "layers/make_layer.hpp"
#include "network/checks.hpp"
#include "network/initialise.hpp"

namespace cnnbp {
namespace {

/// One for each way in which a loss uses its options.
template <class T>
struct CheckLoss {
  void operator()(const MSE&) const {}
  void operator()(const L1&) const {}
  /// Above all errors that T holds, delta does nothing.
  void operator()(const Huber& loss) const {
    if (loss.delta < 1.0) check_holds_apart_from_0<T>("delta", loss.delta);
  }
  void operator()(const Hinge& loss) const { check_holds_apart_from_0<T>("margin", loss.margin); }
  void operator()(const BCEWithLogits& loss) const {
    for (const double weight : loss.pos_weight) check_holds<T>("each of pos_weight", weight);
  }
  /// They are divided by their sum.
  void operator()(const CrossEntropy& loss) const {
    for (const double weight : loss.class_weights) check_holds_apart_from_0<T>("each of class_weights", weight);
  }
};

template <class T>
void check_layer(const LayerDefinition& layer) {
  const Function function = activation_of(layer);
  const std::string name = "the activation's parameter";
  if (function.kind == Function::softplus) check_holds_apart_from_0<T>(name, function.parameter);  // it divides by it
  else check_holds<T>(name, function.parameter);
  if (const auto* combine = std::get_if<CombineConv2d>(&layer)) check_holds<T>("sparsity", combine->sparsity);
}

template <class T>
void check_layers(const std::vector<LayerDefinition>& layers, const std::string& prefix) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string name = prefix + std::to_string(i);
    try {
      check_layer<T>(layers[i]);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument("layer " + name + " (" + type_name(layers[i]) + "): " + error.what());
    }
    if (const auto* residual = std::get_if<Residual>(&layers[i])) {
      check_layers<T>(residual->body, name + ".body.");
      check_layers<T>(residual->shortcut, name + ".shortcut.");
    }
    if (const auto* concat = std::get_if<Concat>(&layers[i]))
      for (std::size_t k = 0; k < concat->branches.size(); ++k)
        check_layers<T>(concat->branches[k], name + ".branches." + std::to_string(k) + ".");
  }
}

}  // namespace

template <class T>
NetworkDefinition checked(NetworkDefinition definition) {
  definition.initializer = checked<T>(definition.initializer);
  std::visit(CheckLoss<T>{}, definition.loss);
  check_layers<T>(definition.layers, "");
  return definition;
}

template NetworkDefinition checked<float>(NetworkDefinition);
template NetworkDefinition checked<double>(NetworkDefinition);

}  // namespace cnnbp
