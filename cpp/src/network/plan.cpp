#include "network/plan.hpp"

namespace cnnbp {

template <class T>
Plan<T>::Plan(const Graph<T>& graph, Loss loss, Index samples, Purpose purpose)
    : samples_(samples), purpose_(purpose), loss_(loss, samples) {
  make_signals(graph);
  make_load();
  for (const Node<T>& node : graph.nodes())
    forward_.push_back({node.layer->forward(signal(node.input), signal(node.output))});
  if (purpose != Purpose::predict) backward_.push_back({loss_.evaluate(output(), target_)});
  if (purpose == Purpose::train) make_backward(graph);
}

template <class T>
Tensor<T> Plan<T>::allocate(const Shape& shape, Spacing spacing) {
  Tensor<T> tensor(nullptr, shape, Blocks<T>(samples_), spacing);
  memory_.emplace_back(static_cast<std::size_t>(tensor.size()));
  tensor.data = memory_.back().data();
  return tensor;
}

template <class T>
void Plan<T>::make_signals(const Graph<T>& graph) {
  for (const SignalPlan& planned : graph.signals()) {
    Signal<T> made;
    if (planned.view_of >= 0) {
      const Signal<T>& memory = signal(planned.view_of);
      made.value = memory.value.viewed_as(planned.shape);
      made.delta = memory.delta.viewed_as(planned.shape);
    } else {
      const Spacing spacing = planned.contiguous ? Spacing::contiguous : Spacing::spread;
      made.value = allocate(planned.shape, spacing);
      if (purpose_ == Purpose::train && planned.needs_delta) made.delta = allocate(planned.shape, spacing);
      if (purpose_ == Purpose::train && planned.saves) made.saved = allocate(planned.shape, spacing);
    }
    made.function = planned.function;
    signals_.push_back(made);
  }
  if (purpose_ != Purpose::predict) target_ = allocate({output().value.shape.features(), 1, 1}, Spacing::contiguous);
}

template <class T>
void Plan<T>::make_load() {
  const Tensor<T>& input = signals_.front().value;
  const Index channels = input.shape.channels;
  Phase phase{Loop{input.blocks.count() * channels, [this, channels](Index task, std::byte*) {
                     const Index c = task % channels;
                     pack(x_, selection_, signals_.front().value, task / channels, c, c + 1);
                   }}};
  if (purpose_ != Purpose::predict)
    phase.push_back(
        Loop{input.blocks.count(), [this](Index block, std::byte*) { pack(y_, selection_, target_, block); }});
  load_.push_back(std::move(phase));
}

/// A layer's gradient needs nothing that its delta writes, so both share a phase; a gradient's further loops
/// run beside the deltas of the layers before it.
template <class T>
void Plan<T>::make_backward(const Graph<T>& graph) {
  std::size_t place = backward_.size();
  const auto add = [this](std::size_t phase, const Loop& loop) {
    if (backward_.size() <= phase) backward_.resize(phase + 1);
    backward_[phase].push_back(loop);
  };
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node, ++place) {
    const Signal<T>&input = signal(node->input), &output = signal(node->output);
    if (output.delta.data == nullptr) break;  // nothing before this point learns
    if (input.delta.data != nullptr) add(place, node->layer->propagate_delta(input, output));
    const Schedule gradients = node->layer->accumulate_gradients(input, output);
    for (std::size_t i = 0; i < gradients.size(); ++i)
      for (const Loop& loop : gradients[i]) add(place + i, loop);
  }
}

template <class T>
void Plan<T>::select(const Images& x, const Targets* y, Selection selection) {
  x_ = x;
  if (y != nullptr) y_ = *y;
  selection_ = selection;
}

template class Plan<float>;
template class Plan<double>;

}  // namespace cnnbp
