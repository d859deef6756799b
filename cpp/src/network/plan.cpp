#include "network/plan.hpp"

namespace cnnbp {
namespace {

void add(Schedule& schedule, std::size_t phase, const Loop& loop) {
  if (schedule.size() <= phase) schedule.resize(phase + 1);
  schedule[phase].push_back(loop);
}

}  // namespace

template <class T>
Plan<T>::Plan(const Graph<T>& graph, const Loss& loss, Index samples, Purpose purpose, const Draws& draws, Memory lent)
    : graph_(graph),
      samples_(samples),
      purpose_(purpose),
      loss_(loss, graph.signals().back().shape.features(), samples),
      batches_(purpose == Purpose::train ? 2 : 1) {
  share_memory(shape_signals(), std::move(lent));
  share_values();
  if (purpose == Purpose::train) pass_deltas();
  for (Batch& batch : batches_) {
    use(batch);
    batch.load.push_back(load_phase(batch));
    batch.forward = make_forward(draws);
    batch.backward = make_backward(batch);
  }
  use(batches_.front());
  if (purpose == Purpose::train) load_ahead();
}

template <class T>
void Plan<T>::use(const Batch& batch) {
  signals_.front().value = batch.images;
  make_views();
}

/// Tensors without memory, and when they need it.
template <class T>
auto Plan<T>::shape_signals() -> std::vector<Request> {
  const Lifetimes<T> lifetimes(graph_, purpose_);
  const bool trains = purpose_ == Purpose::train;
  std::vector<Request> requests;
  const auto want = [&](Tensor<T>& tensor, const Shape& shape, Spacing spacing, const Lifetime& lifetime) {
    tensor = Tensor<T>(nullptr, shape, Blocks<T>(samples_), spacing);
    requests.push_back({&tensor.data, tensor.size(), lifetime});
  };
  signals_.resize(graph_.signals().size());
  parts_.resize(signals_.size());
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    const SignalPlan& planned = graph_.signals()[i];
    const SignalLifetimes& in_use = lifetimes.signals()[i];
    const Spacing spacing = planned.contiguous ? Spacing::contiguous : Spacing::spread;
    signals_[i].function = planned.function;
    if (planned.view_of >= 0) continue;
    const bool passes_by = planned.in_pixels && in_use.value.first == in_use.value.last;
    if (i == 0) request_batches(requests, lifetimes);
    else if (planned.normalized_from >= 0) signals_[i].value = {};  // see share_values
    else if (passes_by) signals_[i].value = Tensor<T>(nullptr, planned.shape, Blocks<T>(samples_), spacing);
    else want(signals_[i].value, planned.shape, spacing, in_use.value);
    if (trains && planned.saved) want(signals_[i].saved, *planned.saved, spacing, in_use.saved);
    if (!trains || !planned.needs_delta) continue;
    const auto own = [&](std::size_t part) {
      return graph_.passed({static_cast<Index>(i), static_cast<Index>(part)}) < 0;
    };
    parts_[i].resize(in_use.parts.size());
    if (planned.delta_in_rows) signals_[i].delta = Tensor<T>(nullptr, planned.shape, Blocks<T>(samples_), spacing);
    else if (!parts_[i].empty() || own(0)) want(signals_[i].delta, planned.shape, spacing, in_use.delta);
    for (std::size_t r = planned.first_adds ? 1 : 0; r < parts_[i].size(); ++r)
      if (own(r)) want(parts_[i][r], planned.shape, spacing, in_use.parts[r]);
  }
  if (trains) request_for_backward(lifetimes, requests);
  return requests;
}

/// Those of training are there for the whole step, as the next one finds them loaded.
template <class T>
void Plan<T>::request_batches(std::vector<Request>& requests, const Lifetimes<T>& lifetimes) {
  const SignalPlan& input = graph_.signals().front();
  const Shape target{graph_.signals().back().shape.features(), 1, 1};
  const auto want = [&](Tensor<T>& tensor, const Shape& shape, Spacing spacing, const Lifetime& lifetime) {
    tensor = Tensor<T>(nullptr, shape, Blocks<T>(samples_), spacing);
    requests.push_back({&tensor.data, tensor.size(), batches_.size() > 1 ? lifetimes.whole() : lifetime});
  };
  for (Batch& batch : batches_) {
    const Spacing spacing = input.contiguous ? Spacing::contiguous : Spacing::spread;
    want(batch.images, input.shape, spacing, lifetimes.signals().front().value);
    if (purpose_ != Purpose::predict) want(batch.targets, target, Spacing::contiguous, lifetimes.target());
  }
}

/// Parameters are packed only where a delta is wanted.
template <class T>
void Plan<T>::request_for_backward(const Lifetimes<T>& lifetimes, std::vector<Request>& requests) {
  packed_.resize(graph_.backward().size());
  workspaces_.resize(packed_.size());
  for (std::size_t i = 0; i < packed_.size(); ++i) {
    const Node<T>* node = graph_.backward()[i].node;
    if (node == nullptr || node->layer == nullptr) continue;
    if (graph_.needs_delta(node->inputs[0].signal))
      requests.push_back({&packed_[i], node->layer->packed_for_delta(), lifetimes.packed()[i]});
    if (node->layer->learns())
      requests.push_back(
          {&workspaces_[i], node->layer->gradient_workspace(Blocks<T>(samples_)), lifetimes.workspaces()[i]});
  }
}

template <class T>
void Plan<T>::share_memory(const std::vector<Request>& requests, Memory lent) {
  std::vector<ArenaRequest> sizes;
  for (const auto& [place, size, lifetime] : requests) sizes.push_back({size, lifetime});
  const ArenaPlaces places = place(sizes, Blocks<T>::full_lanes);
  const auto size = static_cast<std::size_t>(places.size);
  memory_ = lent && lent->size() >= size ? std::move(lent) : std::make_shared<const Buffer<T>>(size);
  for (std::size_t i = 0; i < requests.size(); ++i) *requests[i].place = memory_->data() + places.offsets[i];
}

/// Values that their readers make of another's.
template <class T>
void Plan<T>::share_values() {
  for (const Node<T>& node : graph_.nodes()) {
    const Index from = graph_.signals()[static_cast<std::size_t>(node.output)].normalized_from;
    if (from < 0) continue;
    Tensor<T>& value = signals_[static_cast<std::size_t>(node.output)].value;
    value = signal(from).value;
    value.normalizing = node.layer->normalizing();
  }
}

/// From the joins that pass them on, the last one first, as it may pass one on to another.
template <class T>
void Plan<T>::pass_deltas() {
  for (auto node = graph_.nodes().rbegin(); node != graph_.nodes().rend(); ++node)
    for (const Reading& reading : node->inputs)
      if (const Index from = graph_.passed(reading); from >= 0) {
        const auto input = static_cast<std::size_t>(reading.signal), part = static_cast<std::size_t>(reading.part);
        (parts_[input].empty() ? signals_[input].delta : parts_[input][part]) = signal(from).delta;
      }
}

template <class T>
void Plan<T>::make_views() {
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    const SignalPlan& planned = graph_.signals()[i];
    if (planned.view_of < 0) continue;
    signals_[i].value = signal(planned.view_of).value.viewed_as(planned.shape);
    signals_[i].delta = signal(planned.view_of).delta.viewed_as(planned.shape);
  }
}

/// What one reader sees: where there are several, its part of the delta, without f', if it does not add the other's.
template <class T>
Signal<T> Plan<T>::read(const Reading& reading) const {
  Signal<T> seen = signal(reading.signal);
  const std::vector<Tensor<T>>& parts = parts_of(reading.signal);
  if (parts.empty()) return seen;
  if (graph_.adds_part(reading)) {
    seen.added_delta = parts[1];
    return seen;
  }
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

/// What `batch` names by then.
template <class T>
Phase Plan<T>::load_phase(const Batch& batch) const {
  const Tensor<T>& images = batch.images;
  const Index channels = images.shape.channels;
  const Transpose<T> transpose = kernels().of<T>().transpose;
  Phase phase{Loop{images.blocks.count() * channels, [&batch, channels, transpose](Index task, std::byte*) {
                     const Index c = task % channels;
                     pack(batch.x, batch.selection, batch.images, task / channels, {c, c + 1}, transpose);
                   }}};
  if (purpose_ != Purpose::predict)
    phase.push_back(Loop{images.blocks.count(), [&batch, transpose](Index block, std::byte*) {
                           pack(batch.y, batch.selection, batch.targets, block, transpose);
                         }});
  return phase;
}

/// Beside the gradients of the first layer, which are the last long phase: a thread that has none left to sum loads
/// what the other batch names by then.
template <class T>
void Plan<T>::load_ahead() {
  for (std::size_t i = 0; i < batches_.size(); ++i)
    for (const Loop& load : batches_[1 - i].load.front())
      add(batches_[i].backward, graph_.backward().size(), {load.tasks, [this, load](Index task, std::byte* scratch) {
                                                             if (ahead_) load.run(task, scratch);
                                                           }});
}

/// Pooling goes along with the convolution before it where nobody keeps the map. Where it is kept, small pieces
/// lose: an epoch of the toolbox's network took 5 percent longer.
template <class T>
Schedule Plan<T>::make_forward(const Draws& draws) const {
  Schedule forward;
  const std::vector<Node<T>>& nodes = graph_.nodes();
  const auto goes_along = [&](std::size_t i) {
    return i < nodes.size() && nodes[i].goes_along && !signal(nodes[i].inputs[0].signal).value.data;
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (goes_along(i)) continue;
    const Node<T>& node = nodes[i];
    Signal<T> output = signal(node.output);
    if (goes_along(i + 1))
      output.take = nodes[i + 1].layer->take_pixels(input_of(nodes[i + 1]), signal(nodes[i + 1].output));
    if (node.layer && node.inputs.size() > 1) output.added = signal(node.inputs[1].signal).value;
    if (node.join) forward.push_back({node.join->forward(inputs_of(node), output)});
    else if (purpose_ == Purpose::train)
      forward.push_back({node.layer->forward_training(input_of(node), output, draws)});
    else forward.push_back({node.layer->forward(input_of(node), output)});
  }
  return forward;
}

/// After the loss.
template <class T>
Schedule Plan<T>::make_backward(const Batch& batch) {
  Schedule backward;
  if (purpose_ != Purpose::predict) backward.push_back({loss_.evaluate(output(), batch.targets)});
  if (purpose_ != Purpose::train) return backward;
  for (std::size_t i = 0; i < graph_.backward().size(); ++i) {
    const BackwardStep<T>& step = graph_.backward()[i];
    if (step.node != nullptr) add_backward(i, 1 + i, backward);
    else add(backward, 1 + i, sum_deltas(signal(step.signal), parts_of(step.signal)));
  }
  return backward;
}

/// Parameters are packed for the delta while the layer behind, or the loss, makes what it reads. A layer's gradient
/// needs nothing that its delta writes, so both share a phase; a gradient's further loops run beside the deltas of the
/// layers before it.
template <class T>
void Plan<T>::add_backward(std::size_t i, std::size_t phase, Schedule& backward) {
  const BackwardStep<T>& step = graph_.backward()[i];
  const Node<T>& node = *step.node;
  Signal<T> output = signal(node.output);
  if (step.maker != nullptr)
    output.delta_rows = step.maker->layer->delta_rows(input_of(*step.maker), signal(step.maker->output));
  if (node.join) {
    add(backward, phase, node.join->propagate_delta(inputs_of(node), output));
    return;
  }
  const Signal<T> input = input_of(node);
  if (input.delta.data != nullptr) {
    add(backward, phase - 1, node.layer->pack_delta(packed_[i]));
    add(backward, phase, node.layer->propagate_delta(input, output));
  }
  const Schedule gradients =
      node.layer->learns() ? node.layer->accumulate_gradients(input, output, workspaces_[i]) : Schedule{};
  for (std::size_t later = 0; later < gradients.size(); ++later)
    for (const Loop& loop : gradients[later]) add(backward, phase + later, loop);
}

template <class T>
void Plan<T>::select(const Images& x, const Targets* y, Selection selection, const Selection* after) {
  Batch& other = batches_[batches_.size() - 1 - current_];
  loaded_ = ahead_ && selection == other.selection;
  if (loaded_) current_ = 1 - current_;
  Batch& now = batches_[current_];
  now.x = x;
  now.selection = selection;
  ahead_ = after != nullptr;
  if (y == nullptr) return;
  now.y = *y;
  loss_.weigh(*y, selection);
  if (!ahead_) return;
  Batch& next = batches_[1 - current_];
  next.x = x;
  next.y = *y;
  next.selection = *after;
}

template class Plan<float>;
template class Plan<double>;

}  // namespace cnnbp
