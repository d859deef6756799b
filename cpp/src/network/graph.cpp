#include "network/graph.hpp"

#include <algorithm>

#include "layers/activation.hpp"
#include "layers/geometry.hpp"
#include "layers/make_layer.hpp"

namespace cnnbp {

template <class T>
Graph<T>::Graph(const NetworkDefinition& definition, Fusing fusing) : fusing_(fusing) {
  summarize(definition);  // throws for what is wrong with it
  output_ =
      add_layers(definition.layers, "", add_signal({.shape = definition.input, .needs_delta = fusing == Fusing::off}));
  memory(output_).contiguous = true;  // the loss and the caller read it
  if (fusing == Fusing::off)
    for (SignalPlan& planned : signals_) planned.contiguous = true;  // the caller reads them all
  if (fusing == Fusing::on) {
    fuse_sums();
    fuse_pixels();
    fuse_normalizing();
  }
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

template <class T>
void Graph<T>::add_gathering(Index signal) {
  const SignalPlan& planned = memory(signal);
  if (planned.needs_delta && planned.readers > 1 && !planned.first_adds) backward_.push_back({nullptr, signal});
}

/// Whether an input's delta can be the sum's: where nothing is attached to it, or its delta is one of several parts.
template <class T>
bool Graph<T>::passes(const Reading& reading, Index output) const {
  const SignalPlan& input = signals_[static_cast<std::size_t>(reading.signal)];
  const bool plain = input.readers > 1 || input.function.kind == FunctionKind::identity;
  return input.view_of < 0 && plain && input.contiguous == signals_[static_cast<std::size_t>(output)].contiguous;
}

/// Whether the layer may leave its input's delta where its output's was: where both are of nobody else.
template <class T>
bool Graph<T>::overwrites(const Node<T>& node) const {
  const auto alone = [this](Index signal) { return signals_[static_cast<std::size_t>(signal)].readers == 1; };
  return node.layer && node.layer->overwrites_delta() && node.inputs.size() == 1 && alone(node.inputs[0].signal) &&
         alone(node.output) && passed({node.output, 0}) < 0;
}

template <class T>
void Graph<T>::pass_deltas(const Node<T>& node) {
  if (fusing_ == Fusing::off || (node.join && !node.join->passes_delta())) return;
  for (std::size_t i = node.join || overwrites(node) ? 0 : 1; i < node.inputs.size(); ++i) {
    const Reading& reading = node.inputs[i];
    SignalPlan& input = at(reading.signal);
    if (!input.needs_delta || !passes(reading, node.output)) continue;
    input.passed.resize(static_cast<std::size_t>(input.readers), -1);
    input.passed[static_cast<std::size_t>(reading.part)] = memory_of(node.output);
  }
}

/// Of two readers the first is the last to send a delta back.
template <class T>
void Graph<T>::add_parts(const Node<T>& node) {
  const Reading& input = node.inputs[0];
  SignalPlan& read = at(input.signal);
  if (fusing_ == Fusing::on && node.layer && node.layer->adds() && read.view_of < 0)
    read.first_adds = read.needs_delta && read.readers == 2 && input.part == 0;
}

/// Where the layer before a join writes one of two terms, for it alone, it writes their sum instead.
template <class T>
bool Graph<T>::writes_sum(const Node<T>& writer, const Node<T>& join) const {
  if (!join.join || !join.join->passes_delta() || !writer.layer || !writer.layer->adds()) return false;
  const auto passed = [&](const Reading& input) { return passes(input, join.output); };
  const auto own = [&](const Reading& input) { return input.signal == writer.output; };
  return join.inputs.size() == 2 && std::count_if(join.inputs.begin(), join.inputs.end(), own) == 1 &&
         std::all_of(join.inputs.begin(), join.inputs.end(), passed) &&
         signals_[static_cast<std::size_t>(writer.output)].readers == 1;
}

template <class T>
void Graph<T>::fuse_sums() {
  std::vector<Node<T>> fused;
  for (Node<T>& node : nodes_) {
    if (fused.empty() || !writes_sum(fused.back(), node)) {
      fused.push_back(std::move(node));
      continue;
    }
    Node<T>& writer = fused.back();
    writer.inputs.push_back(node.inputs[node.inputs[0].signal == writer.output ? 1 : 0]);
    at(node.output).saved = at(writer.output).saved;
    writer.output = node.output;
  }
  nodes_ = std::move(fused);
}

/// Pooling behind a convolution reads the map while it is in the cache.
template <class T>
void Graph<T>::fuse_pixels() {
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    const Node<T>&writer = nodes_[i - 1], &reader = nodes_[i];
    if (!writer.layer || !reader.layer || reader.inputs[0].signal != writer.output) continue;
    const bool alone = signals_[static_cast<std::size_t>(writer.output)].readers == 1;
    nodes_[i].goes_along = at(writer.output).in_pixels =
        alone && writer.layer->makes_pixels() && reader.layer->takes_pixels();
  }
}

/// Whether a map that is normalized and cut off at 0 for one reader alone may stay what it was, as the reader does both
/// when it takes the pixels.
template <class T>
bool Graph<T>::leaves_normalizing(const Node<T>& writer, const Node<T>& reader) const {
  if (!writer.layer || !writer.layer->normalizing().mean || writer.inputs.size() != 1) return false;
  const SignalPlan& input = signals_[static_cast<std::size_t>(writer.inputs[0].signal)];
  const SignalPlan& output = signals_[static_cast<std::size_t>(writer.output)];
  const bool is_read_by = reader.layer && reader.inputs[0].signal == writer.output && reader.layer->normalizes_input();
  const bool has_memory = writer.inputs[0].signal > 0 && input.view_of < 0;  // that is not the caller's batch
  return is_read_by && output.readers == 1 && output.function.kind == FunctionKind::relu && has_memory &&
         input.readers == 1 && input.function.kind == FunctionKind::identity && input.contiguous == output.contiguous;
}

template <class T>
void Graph<T>::fuse_normalizing() {
  for (std::size_t i = 1; i < nodes_.size(); ++i)
    if (leaves_normalizing(nodes_[i - 1], nodes_[i]))
      at(nodes_[i - 1].output).normalized_from = nodes_[i - 1].inputs[0].signal;
}

/// A layer that sends no delta back reads that of its output once, for its gradients. Where the only reader of the
/// output can make rows of it, they never leave the first cache: nobody writes the map, and reads it back.
template <class T>
const Node<T>* Graph<T>::maker_for(const Node<T>& node) const {
  const SignalPlan& output = signals_[static_cast<std::size_t>(node.output)];
  if (fusing_ == Fusing::off || !node.layer || !node.layer->reads_delta_rows()) return nullptr;
  if (needs_delta(node.inputs[0].signal) || output.readers != 1 || output.view_of >= 0) return nullptr;
  for (const Node<T>& reader : nodes_)
    if (reader.layer && reader.inputs[0].signal == node.output &&
        reader.layer->makes_delta_rows(signals_[static_cast<std::size_t>(reader.output)].function))
      return &reader;
  return nullptr;
}

template <class T>
void Graph<T>::order_backward() {
  for (const Node<T>& node : nodes_) at(node.output).delta_in_rows = maker_for(node) != nullptr;
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    if (!needs_delta(node->output)) continue;  // nothing before this point learns
    if (at(node->inputs[0].signal).delta_in_rows) continue;
    add_gathering(node->output);
    pass_deltas(*node);
    add_parts(*node);
    if (node->join) {
      const auto done = [&](const Reading& input) { return !needs_delta(input.signal) || passed(input) >= 0; };
      if (std::all_of(node->inputs.begin(), node->inputs.end(), done)) continue;
    }
    backward_.push_back({&*node, node->output, maker_for(*node)});
  }
  add_gathering(0);
}

template class Graph<float>;
template class Graph<double>;

}  // namespace cnnbp
