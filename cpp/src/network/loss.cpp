#include <cmath>
#include <stdexcept>

#include "layers/geometry.hpp"
#include "layers/make_layer.hpp"
#include "network/checks.hpp"

namespace cnnbp {
namespace {

/// One for each output, or none.
void check_factors(const std::string& name, const std::vector<double>& factors, const Shape& output) {
  if (!factors.empty() && static_cast<std::int64_t>(factors.size()) != output.features())
    throw std::invalid_argument(name + " has " + std::to_string(factors.size()) +
                                " numbers, expected one for each of " + std::to_string(output.features()) + " outputs");
  for (const double factor : factors) check_amount("each of " + name, factor);
}

/// Losses whose outputs are one number a class.
void check_classes(const std::string& loss, const Shape& output) {
  if (output.pixels() != 1)
    throw std::invalid_argument("loss " + loss + " needs one number a class, but the last layer gives maps " +
                                text(output) + "; end with Linear or Flatten");
  if (output.channels < 2)
    throw std::invalid_argument("loss " + loss + " needs at least 2 outputs, but the last layer gives " +
                                std::to_string(output.channels) + "; for yes or no use bce_with_logits");
}

void check(const MSE&, const Shape&) {}
void check(const L1&, const Shape&) {}
void check(const Huber& loss, const Shape&) {
  if (!(loss.delta > 0.0)) refuse("delta", loss.delta, "more than 0");
}
void check(const Hinge& loss, const Shape& output) {
  check_classes("hinge", output);
  if (!(loss.margin > 0.0) || !std::isfinite(loss.margin)) refuse("margin", loss.margin, "a finite number above 0");
}
void check(const BCEWithLogits& loss, const Shape& output) { check_factors("pos_weight", loss.pos_weight, output); }
void check(const CrossEntropy& loss, const Shape& output) {
  check_classes("cross_entropy", output);
  check_share("label_smoothing", loss.label_smoothing);
  check_factors("class_weights", loss.class_weights, output);
}

const char* name_of_logits_loss(const Loss& loss) {
  if (std::holds_alternative<BCEWithLogits>(loss)) return "bce_with_logits";
  return std::holds_alternative<CrossEntropy>(loss) ? "cross_entropy" : nullptr;
}

/// The layers must not end with sigmoid or softmax, nor any branch that they end with.
void check_logits(const std::string& loss, const std::vector<LayerDefinition>& layers, const std::string& prefix = "") {
  std::size_t last = layers.size();
  while (last > 0 && std::holds_alternative<Flatten>(layers[last - 1])) --last;
  if (last == 0) return;
  const LayerDefinition& layer = layers[last - 1];
  const std::string name = prefix + std::to_string(last - 1);
  const Function::Kind function = activation_of(layer).kind;
  if (function == Function::sigmoid || function == Function::softmax)
    throw std::invalid_argument("layer " + name + " (" + type_name(layer) + ") ends with " +
                                (function == Function::sigmoid ? "sigmoid" : "softmax") + ", but loss " + loss +
                                " takes what comes before it: leave the activation out");
  const auto* concat = std::get_if<Concat>(&layer);
  if (concat == nullptr || function != Function::identity) return;
  for (std::size_t i = 0; i < concat->branches.size(); ++i)
    check_logits(loss, concat->branches[i], name + ".branches." + std::to_string(i) + ".");
}

}  // namespace

void check_loss(const NetworkDefinition& definition, const Shape& output) {
  std::visit([&](const auto& l) { check(l, output); }, definition.loss);
  if (const char* loss = name_of_logits_loss(definition.loss)) check_logits(loss, definition.layers);
}

}  // namespace cnnbp
