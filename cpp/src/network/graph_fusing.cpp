// What training does otherwise than a trace: layers that do each other's work while maps are in the cache, and values
// that nobody keeps.
#include <algorithm>
#include <utility>

#include "network/graph.hpp"

namespace cnnbp {
namespace {

/// A number that is read takes as long as so many multiply-adds, and one that is written twice as long, as its memory
/// is fetched before: of maps of 8 MB BatchNorm2d makes one in 0.6 ms, a convolution of 144 multiply-adds a number
/// in 2.
constexpr std::int64_t work_of_read = 16, work_of_write = 2 * work_of_read;

}  // namespace

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

/// From maps that max pooling alone reads to what it leaves, of a quarter of the numbers; whoever writes the delta of
/// that ends with f'(u), and the pooling needs no values.
template <class T>
void Graph<T>::pass_relus() {
  for (const Node<T>& node : nodes_) {
    if (!node.layer || !node.layer->passes_relu()) continue;
    const Index from = node.inputs[0].signal;
    const bool alone = at(from).view_of < 0 && at(from).readers == 1 && at(node.output).readers <= 1;
    if (!alone || at(from).function.kind != FunctionKind::relu || !at(node.output).takes_function) continue;
    if (at(node.output).function.kind != FunctionKind::identity) continue;
    const Elementwise relu = std::exchange(at(from).function, Elementwise{});
    for (SignalPlan& planned : signals_)
      if (&planned == &at(node.output) || planned.view_of == node.output) planned.function = relu;
  }
}

/// Pooling behind a convolution, and batch normalization outside training, read the map while it is in the cache.
template <class T>
void Graph<T>::fuse_pixels() {
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    const Node<T>&writer = nodes_[i - 1], &reader = nodes_[i];
    if (!writer.layer || !reader.layer || reader.inputs[0].signal != writer.output) continue;
    const bool alone = signals_[static_cast<std::size_t>(writer.output)].readers == 1;
    const bool can = alone && writer.layer->makes_pixels() && !leaves_normalizing(reader);
    nodes_[i].in_training = can && reader.layer->takes_pixels(true);
    nodes_[i].goes_along = at(writer.output).in_pixels = can && reader.layer->takes_pixels(false);
  }
}

/// In a trace, too, or it would add up in another order. So what follows an activation or a sum is measured by itself.
template <class T>
void Graph<T>::find_measured() {
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    const Node<T>&writer = nodes_[i - 1], &reader = nodes_[i];
    const bool plain = writer.inputs.size() == 1 && at(writer.output).function.kind == FunctionKind::identity;
    nodes_[i].measures = plain && writer.layer && reader.layer && reader.inputs[0].signal == writer.output &&
                         reader.layer->measures_pixels();
  }
}

/// Whether all readers of the signal can normalize it: one as its input and perhaps a second, behind it, as the term
/// that it adds. The first then ends the delta, of both parts, with f'(u).
template <class T>
bool Graph<T>::readers_normalize(Index signal) const {
  Index count = 0;
  for (const Node<T>& reader : nodes_)
    for (std::size_t i = 0; i < reader.inputs.size(); ++i) {
      if (reader.inputs[i].signal != signal) continue;
      const bool first = reader.inputs[i].part == 0;
      const bool can = reader.layer && (i == 0 ? first && reader.layer->normalizes_input() && reader.layer->adds()
                                               : !first && reader.layer->normalizes_added());
      if (!can) return false;
      ++count;
    }
  return count <= 2 && count == signals_[static_cast<std::size_t>(signal)].readers;  // or there are views
}

/// Whether a map that is normalized and cut off at 0 may stay what it was, as its readers do both when they take the
/// pixels.
template <class T>
bool Graph<T>::leaves_normalizing(const Node<T>& writer) const {
  if (!writer.layer || !writer.layer->normalizing().mean || writer.inputs.size() != 1) return false;
  const SignalPlan& input = signals_[static_cast<std::size_t>(writer.inputs[0].signal)];
  const SignalPlan& output = signals_[static_cast<std::size_t>(writer.output)];
  const bool has_memory = writer.inputs[0].signal > 0 && input.view_of < 0;  // that is not the caller's batch
  return output.function.kind == FunctionKind::relu && has_memory && input.readers == 1 &&
         input.function.kind == FunctionKind::identity && input.contiguous == output.contiguous &&
         readers_normalize(writer.output);
}

template <class T>
void Graph<T>::fuse_normalizing() {
  for (const Node<T>& writer : nodes_)
    if (leaves_normalizing(writer)) at(writer.output).normalized_from = writer.inputs[0].signal;
}

/// The outputs of layers that can make them once more, and the work of it.
template <class T>
void Graph<T>::find_repeatable(const std::vector<LayerSummary>& summary) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const Node<T>& node = nodes_[i];
    SignalPlan& output = at(node.output);
    if (!node.layer || node.layer->number == 0) continue;
    const bool taken = i + 1 < nodes_.size() && nodes_[i + 1].in_training;
    std::int64_t work = summary[node.layer->number - 1].multiply_adds + work_of_write * output.shape.features();
    for (const Reading& reading : node.inputs) work += work_of_read * at(reading.signal).shape.features();
    forward_work_ += work;
    if (!node.layer->repeats() || !node.layer->learns()) continue;
    if (node.output == memory_of(output_) || output.normalized_from >= 0 || taken) continue;
    output.repeats_for = work;
  }
}

template <class T>
void Graph<T>::fuse(const std::vector<LayerSummary>& summary) {
  pass_relus();  // first, as a sum with a term that has a function is not another layer's to write
  fuse_sums();
  fuse_pixels();
  fuse_normalizing();
  find_repeatable(summary);
}

template void Graph<float>::fuse(const std::vector<LayerSummary>&);
template void Graph<double>::fuse(const std::vector<LayerSummary>&);
template void Graph<float>::find_measured();
template void Graph<double>::find_measured();

}  // namespace cnnbp
