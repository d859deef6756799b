// The order of the backward pass, and where deltas lie.
#include <algorithm>

#include "network/graph.hpp"

namespace cnnbp {

template <class T>
void Graph<T>::add_gathering(Index signal) {
  const SignalPlan& planned = memory(signal);
  if (planned.needs_delta && planned.readers > 1 && !planned.first_adds) add_backward(nullptr, signal);
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

template <class T>
bool Graph<T>::unpools(const Node<T>& node, const Node<T>& reader) const {
  const bool plain = signals_[static_cast<std::size_t>(node.output)].function.kind == FunctionKind::identity;
  return plain && reader.layer->unpools() && node.layer->reads_unpooled(needs_delta(node.inputs[0].signal));
}

/// A layer that sends no delta back reads that of its output once, for its gradients. Where the only reader of the
/// output can make rows of it, they never leave the first cache: nobody writes the map, and reads it back. A layer that
/// takes what max pooling sends back to its window itself needs no map either.
template <class T>
const Node<T>* Graph<T>::maker_for(const Node<T>& node) const {
  const SignalPlan& output = signals_[static_cast<std::size_t>(node.output)];
  if (fusing_ == Fusing::off || !node.layer || output.readers != 1 || output.view_of >= 0) return nullptr;
  if (node.inputs.size() > 1) return nullptr;  // the other term's writer reads the delta, too
  const bool in_rows = node.layer->reads_delta_rows() && !needs_delta(node.inputs[0].signal);
  for (const Node<T>& reader : nodes_) {
    if (!reader.layer || reader.inputs[0].signal != node.output) continue;
    if (in_rows && reader.layer->makes_delta_rows()) return &reader;
    if (unpools(node, reader)) return &reader;
  }
  return nullptr;
}

/// Whether the input's delta can lie where its value does: nobody else reads that, and neither does its writer.
template <class T>
bool Graph<T>::overwrites_input(const Node<T>& node) const {
  const Index signal = node.inputs[0].signal;
  const SignalPlan& input = signals_[static_cast<std::size_t>(signal)];
  if (fusing_ == Fusing::off || !node.layer || !node.layer->overwrites_input()) return false;
  if (!input.needs_delta || !node.layer->learns()) return false;  // the value is there for the gradients anyway
  if (input.readers != 1 || memory_of(signal) != value_of(signal) || signal != memory_of(signal)) return false;
  if (passed(node.inputs[0]) >= 0) return false;
  return std::none_of(nodes_.begin(), nodes_.end(), [&](const Node<T>& writer) {
    return writer.output == signal && writer.layer && writer.layer->backward_reads(input.function).output;
  });
}

template <class T>
void Graph<T>::add_backward(const Node<T>* node, Index signal) {
  if (node && overwrites_input(*node)) at(node->inputs[0].signal).delta_in_value = true;
  const Node<T>* const maker = node ? maker_for(*node) : nullptr;
  backward_.push_back({node, signal, maker, maker && unpools(*node, *maker)});
}

template <class T>
void Graph<T>::order_backward() {
  for (const Node<T>& node : nodes_) at(node.output).delta_is_made = maker_for(node) != nullptr;
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    if (!needs_delta(node->output)) continue;  // nothing before this point learns
    add_gathering(node->output);
    if (at(node->inputs[0].signal).delta_is_made) continue;
    pass_deltas(*node);
    add_parts(*node);
    if (node->join) {
      const auto done = [&](const Reading& input) { return !needs_delta(input.signal) || passed(input) >= 0; };
      if (std::all_of(node->inputs.begin(), node->inputs.end(), done)) continue;
    }
    add_backward(&*node, node->output);
  }
  add_gathering(0);
}

template void Graph<float>::order_backward();
template void Graph<double>::order_backward();

}  // namespace cnnbp
