#include "network/plan.hpp"

#include "network/recomputation.hpp"

namespace cnnbp {
namespace {

void add(Phase& phase, Loop loop) {
  if (loop.tasks > 0) phase.push_back(std::move(loop));
}

void add(Schedule& schedule, std::size_t phase, Loop loop) {
  if (schedule.size() <= phase) schedule.resize(phase + 1);
  add(schedule[phase], std::move(loop));
}

/// To load a number takes as long as so many multiply-adds of a convolution. Where all of a batch take less than a
/// 200th of the forward pass, loading the next one beside a step shows nowhere, and needs memory for two.
constexpr std::int64_t work_of_load = 32, least_share = 200;

template <class T>
bool gains_by_two_batches(const Graph<T>& graph, Purpose purpose) {
  const std::int64_t load = work_of_load * graph.signals().front().shape.features();
  return purpose == Purpose::train && load * least_share >= graph.forward_work();
}

}  // namespace

template <class T>
Plan<T>::Plan(const Graph<T>& graph, const Loss& loss, Index samples, Purpose purpose, const Draws& draws, Memory lent,
              const Loop& zero)
    : graph_(graph),
      samples_(samples),
      purpose_(purpose),
      lifetimes_(graph, purpose, choose_made_again(graph, samples, purpose)),
      loss_(loss, graph.signals().back().shape.features(), samples),
      batches_(gains_by_two_batches(graph, purpose) ? 2 : 1) {
  find_memory(std::move(lent));
  for (Batch& batch : batches_) {
    use(batch);
    batch.load.push_back(load_phase(batch));
    batch.forward = make_forward(draws);
    begin_ = {std::move(batch.forward.front())};
    batch.forward.erase(batch.forward.begin());
    swap_made_again();
    batch.backward = make_backward(batch);
    swap_made_again();
  }
  use(batches_.front());
  begin_fresh_ = begin_;
  begin_fresh_.front().push_back(zero);
  if (batches_.size() > 1) load_ahead();
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
  const auto last = static_cast<std::size_t>(lifetimes_.phases().empty() ? 0 : lifetimes_.phases().back().delta);
  for (std::size_t i = 0; i < batches_.size(); ++i)
    for (const Loop& load : batches_[1 - i].load.front())
      add(batches_[i].backward, last, {load.tasks, [this, load](Index task, std::byte* scratch) {
                                         if (ahead_) load.run(task, scratch);
                                       }});
}

/// Begins with a phase for what is packed before the first layer's; parameters are packed for a layer while the one
/// before it is at work. Pooling goes along with the convolution before it where nobody keeps the map. Where it is
/// kept, small pieces lose: an epoch of the toolbox's network took 5 percent longer.
template <class T>
Schedule Plan<T>::make_forward(const Draws& draws) const {
  Schedule forward(1);
  const std::vector<Node<T>>& nodes = graph_.nodes();
  const auto goes_along = [&](std::size_t i) {
    return i < nodes.size() && nodes[i].goes_along && !signal(nodes[i].inputs[0].signal).value.data;
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (goes_along(i)) continue;
    const Node<T>& node = nodes[i];
    Signal<T> output = output_of(node);
    if (purpose_ == Purpose::train && node.layer) {
      add(forward.front(), node.layer->prepare());
      if (packs_apart(node)) forward.emplace_back();
      add(forward.back(), node.layer->pack_forward(packed_for_forward_[i]));
    }
    if (output.moments) output.take = nodes[i + 1].layer->measure_pixels(output);
    if (goes_along(i + 1))
      output.take = nodes[i + 1].layer->take_pixels(input_of(nodes[i + 1]), output_of(nodes[i + 1]));
    if (node.join) forward.push_back({node.join->forward(inputs_of(node), output)});
    else if (purpose_ == Purpose::train)
      forward.push_back({node.layer->forward_training(input_of(node), output, draws)});
    else forward.push_back({node.layer->forward(input_of(node), output)});
  }
  return forward;
}

/// Where a layer adds a second input, with it.
template <class T>
Signal<T> Plan<T>::output_of(const Node<T>& node) const {
  Signal<T> output = signal(node.output);
  if (node.layer && node.inputs.size() > 1) output.added = signal(node.inputs[1].signal).value;
  return output;
}

/// After the loss.
template <class T>
Schedule Plan<T>::make_backward(const Batch& batch) {
  Schedule backward;
  if (purpose_ != Purpose::predict) backward.push_back({loss_.evaluate(output(), batch.targets)});
  if (purpose_ != Purpose::train) return backward;
  for (std::size_t i = 0; i < graph_.backward().size(); ++i) {
    const BackwardStep<T>& step = graph_.backward()[i];
    if (step.node != nullptr) add_backward(i, backward);
    else
      add(backward, static_cast<std::size_t>(lifetimes_.phases()[i].delta),
          sum_deltas(signal(step.signal), parts_of(step.signal)));
  }
  make_again(backward);
  return backward;
}

template <class T>
void Plan<T>::make_again(Schedule& backward) const {
  for (const Node<T>& node : graph_.nodes()) {
    const Lifetime& again = lifetimes_.signals()[static_cast<std::size_t>(node.output)].made_again;
    if (!again.empty())
      add(backward, static_cast<std::size_t>(again.first - lifetimes_.loss()),
          node.layer->forward(input_of(node), output_of(node)));
  }
}

/// Parameters are packed for the delta while the layer behind, or the loss, makes what it reads. A layer's gradient
/// needs nothing that its delta writes, so both share a phase; a gradient's further loops run beside the deltas of the
/// layers before it.
template <class T>
void Plan<T>::add_backward(std::size_t i, Schedule& backward) {
  const BackwardStep<T>& step = graph_.backward()[i];
  const StepPhases& phases = lifetimes_.phases()[i];
  const auto phase = static_cast<std::size_t>(phases.gradients), delta_phase = static_cast<std::size_t>(phases.delta);
  const Node<T>& node = *step.node;
  Signal<T> output = signal(node.output);
  if (step.maker != nullptr)
    output.delta_rows = step.maker->layer->delta_rows(input_of(*step.maker), signal(step.maker->output));
  if (step.maker != nullptr && step.unpools)
    output.unpooled = {signal(step.maker->output).delta, signal(step.maker->output).saved};
  if (node.join) {
    add(backward, phase, node.join->propagate_delta(inputs_of(node), output));
    return;
  }
  const Signal<T> input = input_of(node);
  if (input.delta.data != nullptr) {
    add(backward, delta_phase - 1, node.layer->pack_delta(packed_for_delta_[i]));
    add(backward, delta_phase, node.layer->propagate_delta(input, output));
  }
  const Schedule gradients =
      node.layer->learns() ? node.layer->accumulate_gradients(input, output, workspaces_[i]) : Schedule{};
  for (std::size_t later = 0; later < gradients.size(); ++later)
    for (const Loop& loop : gradients[later]) add(backward, phase + later, loop);
}

template <class T>
void Plan<T>::select(const Images& x, const Targets* y, Selection selection, const Selection* after, double scale) {
  Batch& other = batches_[batches_.size() - 1 - current_];
  // Two epochs at once may name other samples by the same order.
  const bool same = selection == other.selection && x.data == other.x.data && y && y->data == other.y.data;
  loaded_ = ahead_ && same;
  if (loaded_) current_ = 1 - current_;
  Batch& now = batches_[current_];
  now.x = x;
  now.selection = selection;
  ahead_ = after != nullptr && batches_.size() > 1;
  if (y == nullptr) return;
  now.y = *y;
  loss_.weigh(*y, selection, scale);
  if (!ahead_) return;
  Batch& next = batches_[1 - current_];
  next.x = x;
  next.y = *y;
  next.selection = *after;
}

template class Plan<float>;
template class Plan<double>;

}  // namespace cnnbp
