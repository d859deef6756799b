#include "network/plan.hpp"

namespace cnnbp {

template <class T>
Plan<T>::Plan(const Graph<T>& graph, const Loss& loss, Index samples, Purpose purpose, const Draws& draws)
    : graph_(graph),
      samples_(samples),
      purpose_(purpose),
      loss_(loss, graph.signals().back().shape.features(), samples) {
  make_signals();
  make_load();
  make_forward(draws);
  if (purpose != Purpose::predict) backward_.push_back({loss_.evaluate(output(), target_)});
  if (purpose == Purpose::train) make_backward();
}

template <class T>
Tensor<T> Plan<T>::allocate(const Shape& shape, Spacing spacing) {
  Tensor<T> tensor(nullptr, shape, Blocks<T>(samples_), spacing);
  memory_.emplace_back(static_cast<std::size_t>(tensor.size()));
  tensor.data = memory_.back().data();
  return tensor;
}

template <class T>
void Plan<T>::make_signals() {
  for (const SignalPlan& planned : graph_.signals()) {
    Signal<T> made;
    std::vector<Tensor<T>> parts;
    if (planned.view_of >= 0) {
      const Signal<T>& memory = signal(planned.view_of);
      made.value = memory.value.viewed_as(planned.shape);
      made.delta = memory.delta.viewed_as(planned.shape);
    } else {
      const Spacing spacing = planned.contiguous ? Spacing::contiguous : Spacing::spread;
      made.value = allocate(planned.shape, spacing);
      if (purpose_ == Purpose::train && planned.saved) made.saved = allocate(*planned.saved, spacing);
      if (purpose_ == Purpose::train && planned.needs_delta) {
        made.delta = allocate(planned.shape, spacing);
        for (Index r = 0; planned.readers > 1 && r < planned.readers; ++r)
          parts.push_back(allocate(planned.shape, spacing));
      }
    }
    made.function = planned.function;
    signals_.push_back(made);
    parts_.push_back(std::move(parts));
  }
  if (purpose_ != Purpose::predict) target_ = allocate({output().value.shape.features(), 1, 1}, Spacing::contiguous);
}

/// What one reader sees: where there are several, its part of the delta, without f'.
template <class T>
Signal<T> Plan<T>::read(const Reading& reading) const {
  Signal<T> seen = signal(reading.signal);
  const std::vector<Tensor<T>>& parts = parts_of(reading.signal);
  if (parts.empty()) return seen;
  seen.delta = parts[static_cast<std::size_t>(reading.part)].viewed_as(seen.value.shape);
  seen.function = {};
  return seen;
}

template <class T>
std::vector<Signal<T>> Plan<T>::inputs_of(const Node<T>& node) const {
  std::vector<Signal<T>> inputs;
  for (const Reading& reading : node.inputs) inputs.push_back(read(reading));
  return inputs;
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

template <class T>
void Plan<T>::make_forward(const Draws& draws) {
  for (const Node<T>& node : graph_.nodes()) {
    const Signal<T>& output = signal(node.output);
    if (node.join) forward_.push_back({node.join->forward(inputs_of(node), output)});
    else if (purpose_ == Purpose::train)
      forward_.push_back({node.layer->forward_training(input_of(node), output, draws)});
    else forward_.push_back({node.layer->forward(input_of(node), output)});
  }
}

template <class T>
void Plan<T>::add_to_backward(std::size_t phase, const Loop& loop) {
  if (backward_.size() <= phase) backward_.resize(phase + 1);
  backward_[phase].push_back(loop);
}

/// A layer's gradient needs nothing that its delta writes, so both share a phase; a gradient's further loops
/// run beside the deltas of the layers before it.
template <class T>
void Plan<T>::make_backward() {
  std::size_t place = backward_.size();
  const auto gather = [&](Index signal) {
    if (!parts_of(signal).empty()) add_to_backward(place++, sum_deltas(this->signal(signal), parts_of(signal)));
  };
  for (auto node = graph_.nodes().rbegin(); node != graph_.nodes().rend(); ++node) {
    const Signal<T>& output = signal(node->output);
    if (output.delta.data == nullptr) continue;  // nothing before this point learns
    gather(node->output);
    if (node->join) {
      add_to_backward(place++, node->join->propagate_delta(inputs_of(*node), output));
      continue;
    }
    const Signal<T> input = input_of(*node);
    if (input.delta.data != nullptr) add_to_backward(place, node->layer->propagate_delta(input, output));
    const Schedule gradients = node->layer->learns() ? node->layer->accumulate_gradients(input, output) : Schedule{};
    for (std::size_t i = 0; i < gradients.size(); ++i)
      for (const Loop& loop : gradients[i]) add_to_backward(place + i, loop);
    ++place;
  }
  gather(0);
}

template <class T>
void Plan<T>::select(const Images& x, const Targets* y, Selection selection) {
  x_ = x;
  selection_ = selection;
  if (y == nullptr) return;
  y_ = *y;
  loss_.weigh(*y, selection);
}

template class Plan<float>;
template class Plan<double>;

}  // namespace cnnbp
