#include <cnnbp/definition.hpp>
#include <stdexcept>

#include "layers/geometry.hpp"
#include "layers/make_layer.hpp"
#include "network/checks.hpp"

namespace cnnbp {
namespace {

/// What flows from one layer to the next.
struct Maps {
  Shape shape;
  bool is_vector;
};

std::string text(const Maps& maps) {
  return maps.is_vector ? "a vector of " + std::to_string(maps.shape.channels) : cnnbp::text(maps.shape);
}

std::invalid_argument wrong(const std::string& name, const LayerDefinition& layer, const std::string& why) {
  return std::invalid_argument("layer " + name + " (" + type_name(layer) + "): " + why);
}

/// What `find` returns; where it throws, the layer is named.
template <class Find>
auto of_layer(const std::string& name, const LayerDefinition& layer, Find find) {
  try {
    return find();
  } catch (const std::invalid_argument& error) {
    throw wrong(name, layer, error.what());
  }
}

/// Walks a definition; the summaries are in the order in which layers are written, a composite before its parts.
class Walk {
 public:
  std::vector<LayerSummary> all;

  Maps layers(const std::vector<LayerDefinition>& list, const std::string& prefix, Maps maps) {
    for (std::size_t i = 0; i < list.size(); ++i) maps = layer(list[i], prefix + std::to_string(i), maps);
    return maps;
  }

 private:
  Maps layer(const LayerDefinition& definition, const std::string& name, const Maps& input) {
    of_layer(name, definition, [&] { check(activation_of(definition)); });
    const std::size_t place = all.size();
    all.push_back({.name = name, .type = type_name(definition)});
    Maps output;
    Cost cost{0, 0};
    if (const auto* residual = std::get_if<Residual>(&definition)) {
      output = join(*residual, name, input);
    } else if (const auto* concat = std::get_if<Concat>(&definition)) {
      output = join(*concat, name, input);
    } else {
      output = single(definition, name, input);
      cost = cost_of(definition, input.shape);
    }
    LayerSummary& made = all[place];
    made.output_shape = output.shape;
    made.is_vector = output.is_vector;
    made.parameters = cost.parameters;
    made.frozen = is_trainable(definition) ? 0 : cost.parameters;
    made.multiply_adds = cost.multiply_adds;
    return output;
  }

  static Maps single(const LayerDefinition& definition, const std::string& name, const Maps& input) {
    return of_layer(name, definition, [&]() -> Maps {
      if (input.is_vector && needs_maps(definition))
        throw std::invalid_argument("the input is " + text(input) +
                                    " features, expected maps (channels, height, width)");
      const Shape output = output_shape(definition, input.shape);
      cost_of(definition, input.shape);
      return {output, gives_vector(definition, input.is_vector)};
    });
  }

  Maps join(const Residual& residual, const std::string& name, const Maps& input) {
    if (residual.body.empty()) throw wrong(name, residual, "body is empty, expected at least one layer");
    const Maps body = layers(residual.body, name + ".body.", input);
    const Maps shortcut = layers(residual.shortcut, name + ".shortcut.", input);
    if (body.shape != shortcut.shape)
      throw wrong(name, residual,
                  "body gives " + text(body) + ", but the shortcut " + text(shortcut) +
                      (residual.shortcut.empty() ? " (the input itself); give a shortcut of that shape, such as a "
                                                   "Conv2d with kernel_size 1 and the body's stride"
                                                 : "; they must be equal to be added"));
    return body;
  }

  Maps join(const Concat& concat, const std::string& name, const Maps& input) {
    if (concat.branches.size() < 2)
      throw wrong(name, concat, "branches has " + std::to_string(concat.branches.size()) + ", expected at least 2");
    Maps all_channels{};
    for (std::size_t i = 0; i < concat.branches.size(); ++i) {
      Maps branch = layers(concat.branches[i], name + ".branches." + std::to_string(i) + ".", input);
      if (i > 0) {
        if (branch.shape.height != all_channels.shape.height || branch.shape.width != all_channels.shape.width)
          throw wrong(name, concat,
                      "branch " + std::to_string(i) + " gives " + text(branch) +
                          ", which must have the height and width of the branches before it, " + text(all_channels));
        branch.shape.channels += all_channels.shape.channels;
      }
      all_channels = branch;
    }
    return all_channels;
  }
};

}  // namespace

std::vector<LayerSummary> summarize(const NetworkDefinition& definition) {
  check_input(definition.input);
  if (definition.layers.empty()) throw std::invalid_argument("layers is empty, expected at least one layer");
  Walk walk;
  const Maps output = walk.layers(definition.layers, "", {definition.input, false});
  check_loss(definition, output.shape);
  return std::move(walk.all);
}

LayerSummary last_layer(const std::vector<LayerSummary>& summary) {
  if (summary.empty()) throw std::invalid_argument("summary is empty, expected at least one layer");
  auto last = summary.rbegin();
  while (last->name.find('.') != std::string::npos) ++last;
  return *last;
}

Shape output_shape(const LayerDefinition& layer, Shape input) {
  check_input(input);
  return is_composite(layer) ? Walk().layers({layer}, "", {input, false}).shape : single_output_shape(layer, input);
}

}  // namespace cnnbp
