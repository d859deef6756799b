#include "network/graph.hpp"

#include "layers/activation.hpp"
#include "layers/geometry.hpp"
#include "layers/make_layer.hpp"

namespace cnnbp {

template <class T>
Graph<T>::Graph(const NetworkDefinition& definition, Fusing fusing) : fusing_(fusing) {
  const std::vector<LayerSummary> summary = summarize(definition);  // throws for what is wrong with it
  output_ =
      add_layers(definition.layers, "", add_signal({.shape = definition.input, .needs_delta = fusing == Fusing::off}));
  memory(output_).contiguous = true;  // the loss and the caller read it
  if (fusing == Fusing::off)
    for (SignalPlan& planned : signals_) planned.contiguous = true;  // the caller reads them all
  if (fusing == Fusing::on) fuse(summary);
  find_measured();
  order_backward();
}

template <class T>
Index Graph<T>::add_signal(SignalPlan signal) {
  signals_.push_back(signal);
  return static_cast<Index>(signals_.size()) - 1;
}

template <class T>
Reading Graph<T>::read(Index signal) {
  return {signal, memory(signal).readers++};
}

template <class T>
Index Graph<T>::add_node(Layer<T>* layer, Index input, const Shape& shape, bool is_vector) {
  const bool needs_delta = at(input).needs_delta || layer->learns();
  const Index output =
      add_signal({.shape = shape, .is_vector = is_vector, .saved = layer->saves(shape), .needs_delta = needs_delta});
  nodes_.push_back({layer, nullptr, {read(input)}, output});
  return output;
}

template <class T>
Index Graph<T>::add_join(std::unique_ptr<Join<T>> join, const std::vector<Index>& inputs, const Shape& shape) {
  joins_.push_back(std::move(join));
  Node<T> node{nullptr, joins_.back().get(), {}, 0};
  bool needs_delta = false;
  for (const Index input : inputs) {
    node.inputs.push_back(read(input));
    needs_delta |= at(input).needs_delta;
  }
  node.output = add_signal({.shape = shape, .is_vector = at(inputs[0]).is_vector, .needs_delta = needs_delta});
  nodes_.push_back(std::move(node));
  return nodes_.back().output;
}

template <class T>
Index Graph<T>::add_layers(const std::vector<LayerDefinition>& layers, const std::string& prefix, Index input) {
  for (std::size_t i = 0; i < layers.size(); ++i) input = add_layer(layers[i], prefix + std::to_string(i), input);
  return input;
}

template <class T>
Index Graph<T>::add_layer(const LayerDefinition& definition, const std::string& name, Index input) {
  const std::size_t place = places_.size();
  places_.emplace_back();
  if (is_composite(definition)) memory(input).takes_function = false;  // the other branch reads it as it is
  Index middle = input;
  if (const auto* residual = std::get_if<Residual>(&definition)) {
    const Index body = add_layers(residual->body, name + ".body.", input);
    const Index shortcut = add_layers(residual->shortcut, name + ".shortcut.", input);
    middle = add_join(std::make_unique<SumJoin<T>>(), {body, shortcut}, at(body).shape);
  } else if (const auto* concat = std::get_if<Concat>(&definition)) {
    std::vector<Index> outputs;
    Shape shape = {.channels = 0};
    for (std::size_t i = 0; i < concat->branches.size(); ++i)
      outputs.push_back(add_layers(concat->branches[i], name + ".branches." + std::to_string(i) + ".", input));
    for (const Index output : outputs)
      shape = {shape.channels + at(output).shape.channels, at(output).shape.height, at(output).shape.width};
    middle = add_join(std::make_unique<ConcatJoin<T>>(), outputs, shape);
  } else {
    middle = add_single(definition, name, input);
  }
  places_[place] = {input, middle, add_activation(activation_of(definition), middle)};
  return places_[place].output;
}

/// Fused, a Flatten is only another view of the same memory, and an activation layer nothing but its function.
template <class T>
Index Graph<T>::add_single(const LayerDefinition& definition, const std::string& name, Index input) {
  const Shape shape = single_output_shape(definition, at(input).shape);
  const bool is_vector = gives_vector(definition, at(input).is_vector);
  if (reads_vector(definition)) memory(input).contiguous = true;
  if (fusing_ == Fusing::on) {
    if (std::holds_alternative<Activation>(definition)) return input;
    if (std::holds_alternative<Flatten>(definition)) {
      const SignalPlan& base = memory(input);
      return add_signal({.shape = shape,
                         .is_vector = true,
                         .function = base.function,
                         .view_of = memory_of(input),
                         .needs_delta = base.needs_delta});
    }
  }
  if (const auto* combine = std::get_if<CombineConv2d>(&definition))
    input = add_single(kernels_of(*combine, at(input).shape), name, input);  // a layer of its own, under one name
  layers_.push_back({name, make_layer<T>(definition, at(input).shape)});
  Layer<T>* layer = layers_.back().layer.get();
  layer->number = static_cast<std::uint32_t>(places_.size());
  return add_node(layer, input, shape, is_vector);
}

template <class T>
Index Graph<T>::add_extra(std::unique_ptr<Layer<T>> layer, Index input) {
  extra_.push_back(std::move(layer));
  return add_node(extra_.back().get(), input, at(input).shape, at(input).is_vector);
}

template <class T>
Index Graph<T>::add_activation(Function function, Index signal) {
  if (function == Function::identity) return signal;
  if (function == Function::softmax) {
    const Index output = add_extra(std::make_unique<SoftmaxLayer<T>>(), signal);
    memory(signal).contiguous = at(output).contiguous = true;
    at(output).takes_function = false;
    return output;
  }
  if (slope_needs_argument(function)) return add_extra(std::make_unique<GateLayer<T>>(function), signal);
  const bool has_writer = memory_of(signal) > 0;  // signal 0 is the input, which belongs to the caller's batch
  const bool free = memory(signal).takes_function && memory(signal).function.kind == FunctionKind::identity;
  if (fusing_ == Fusing::on && has_writer && free) {
    memory(signal).function = at(signal).function = elementwise(function);
    return signal;
  }
  const Index output = add_extra(std::make_unique<CopyLayer<T>>(), signal);
  at(output).function = elementwise(function);
  return output;
}

/// Whether an input's delta can be the sum's: where nothing is attached to it, or its delta is one of several parts.
template <class T>
bool Graph<T>::passes(const Reading& reading, Index output) const {
  const SignalPlan& input = signals_[static_cast<std::size_t>(reading.signal)];
  const bool plain = input.readers > 1 || input.function.kind == FunctionKind::identity;
  return input.view_of < 0 && plain && input.contiguous == signals_[static_cast<std::size_t>(output)].contiguous;
}

template class Graph<float>;
template class Graph<double>;

}  // namespace cnnbp
