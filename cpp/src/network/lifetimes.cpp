#include "network/lifetimes.hpp"

#include <algorithm>
#include <utility>

namespace cnnbp {

template <class T>
Lifetimes<T>::Lifetimes(const Graph<T>& graph, Purpose purpose, std::vector<bool> made_again)
    : graph_(graph), is_made_again_(std::move(made_again)), signals_(graph.signals().size()) {
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    const Index readers = graph.signals()[i].readers;
    if (readers > 1) signals_[i].parts.resize(static_cast<std::size_t>(readers));
  }
  loss_ = go_forward(purpose) + 1;
  Index last = loss_;
  if (purpose != Purpose::predict) target_ = {0, loss_};
  if (purpose == Purpose::train) {
    order_phases();
    go_back();
    make_again();
    last = loss_ + (phases_.empty() ? 0 : phases_.back().delta) + gradient_phases;
  }
  whole_ = {0, last};
  value_of(graph.output()).extend_to(last);  // the caller reads it after the step
  if (graph.fusing() == Fusing::off) keep_all(last);
}

/// Returns the last phase.
template <class T>
Index Lifetimes<T>::go_forward(Purpose purpose) {
  Index phase = 0;
  value_of(0).extend_to(phase);
  for (const Node<T>& node : graph_.nodes()) {
    if (!node.goes_along || (purpose == Purpose::train && !node.in_training)) ++phase;
    if (purpose == Purpose::train && packs_apart(node)) ++phase;
    packed_for_forward_.push_back({phase - 1, phase});
    for (const Reading& reading : node.inputs) value_of(reading.signal).extend_to(phase);
    value_of(node.output).extend_to(phase);
    if (node.measures) of(node.inputs[0].signal).moments = {of(node.inputs[0].signal).value.first, phase};
    of(node.output).saved.extend_to(phase);
  }
  return phase;
}

/// What is made again has a phase for it: beside the step before, it would need memory at the same time.
template <class T>
void Lifetimes<T>::order_phases() {
  std::vector<bool> read(signals_.size());
  Index reached = 0;
  for (const BackwardStep<T>& step : graph_.backward()) {
    StepPhases phases{reached + 1, reached + 1};
    if (step.node && step.node->layer) {
      const Index input = step.node->inputs[0].signal;
      const auto value = static_cast<std::size_t>(graph_.value_of(input));
      if (is_made_again_[value] && !read[value]) ++phases.gradients;
      read[value] = true;
      const bool later = graph_.signals()[static_cast<std::size_t>(input)].delta_in_value;
      const Index apart =
          graph_.needs_delta(input) && packs_apart<T>(step.node->layer->packed_for_delta(any_samples)) ? 1 : 0;
      phases.delta = phases.gradients + apart + (later ? 1 : 0);
      if (!later) phases.gradients = phases.delta;
    }
    phases_.push_back(phases);
    reached = phases.delta;
  }
}

template <class T>
void Lifetimes<T>::go_back() {
  goes_back_ = true;
  of(graph_.output()).delta.extend_to(loss_);
  for (std::size_t i = 0; i < phases_.size(); ++i) {
    const BackwardStep<T>& step = graph_.backward()[i];
    const Index phase = loss_ + phases_[i].gradients, delta_phase = loss_ + phases_[i].delta;
    packed_for_delta_.push_back({delta_phase - 1, delta_phase});
    workspaces_.push_back({phase, phase + gradient_phases - 1});
    if (step.node != nullptr) {
      go_back_through(i);
      continue;
    }
    of(step.signal).delta.extend_to(phase);
    for (Index part = 0; part < graph_.signals()[static_cast<std::size_t>(step.signal)].readers; ++part)
      delta_of({step.signal, part}).extend_to(phase);
    read_slope(step.signal, phase);
  }
}

/// Gradients may read, through so many of their phases, whatever the layer says that it reads.
template <class T>
void Lifetimes<T>::go_back_through(std::size_t i) {
  const BackwardStep<T>& step = graph_.backward()[i];
  const Node<T>& node = *step.node;
  const Reads reads = reads_of(node);
  const Index phase = loss_ + phases_[i].gradients, delta_phase = loss_ + phases_[i].delta;
  const Index last =
      std::max(delta_phase, phase + (node.layer && node.layer->learns() ? node.layer->reading_phases() - 1 : 0));
  SignalLifetimes& output = of(node.output);
  if (step.maker != nullptr) make_rows(*step.maker, phase, last);
  else delta_of(node.output).extend_to(last);
  output.saved.extend_to(last);
  if (reads.output) value_of(node.output).extend_over(phase, last);
  if (reads.input) value_of(node.inputs[0].signal).extend_over(phase, last);
  for (const Reading& reading : node.inputs) {
    if (!graph_.needs_delta(reading.signal) || graph_.passed(reading) >= 0) continue;
    delta_of(reading).extend_to(delta_phase);
    const bool adds = graph_.adds_part(reading);
    if (adds) delta_of({reading.signal, 1}).extend_to(delta_phase);
    if (reads.slope && (adds || of(reading.signal).parts.empty())) read_slope(reading.signal, delta_phase);
  }
}

template <class T>
Reads Lifetimes<T>::reads_of(const Node<T>& node) const {
  if (node.layer == nullptr) return {.input = false};
  return node.layer->backward_reads(graph_.signals()[static_cast<std::size_t>(node.output)].function);
}

/// What `maker` reads, as long as it makes rows of its input's delta.
template <class T>
void Lifetimes<T>::make_rows(const Node<T>& maker, Index phase, Index last) {
  const Reads reads = reads_of(maker);
  delta_of(maker.output).extend_to(last);
  of(maker.output).saved.extend_to(last);
  if (reads.output) value_of(maker.output).extend_over(phase, last);
  if (!reads.slope) return;
  read_slope(maker.inputs[0].signal, phase);
  read_slope(maker.inputs[0].signal, last);
}

/// Whoever ends a delta with f'(u) takes it from the value.
template <class T>
void Lifetimes<T>::read_slope(Index signal, Index phase) {
  const auto function = [&](Index i) { return graph_.signals()[static_cast<std::size_t>(i)].function.kind; };
  const bool attached = function(signal) != FunctionKind::identity;
  if (attached || function(graph_.memory_of(signal)) != FunctionKind::identity) value_of(signal).extend_to(phase);
}

/// One that is passed on unchanged lives where it comes from.
template <class T>
Lifetime& Lifetimes<T>::delta_of(const Reading& reading) {
  if (graph_.signals()[static_cast<std::size_t>(reading.signal)].delta_in_value) return value_of(reading.signal);
  if (const Index from = graph_.passed(reading); from >= 0) return delta_of(from);
  SignalLifetimes& lifetimes = of(reading.signal);
  const bool whole = lifetimes.parts.empty() || graph_.adds_part(reading);
  return whole ? lifetimes.delta : lifetimes.parts[static_cast<std::size_t>(reading.part)];
}

template <class T>
Lifetime& Lifetimes<T>::delta_of(Index signal) {
  return of(signal).parts.empty() ? delta_of(Reading{signal, 0}) : of(signal).delta;
}

/// While a step goes back it reads a value that is made again where that lies then.
template <class T>
Lifetime& Lifetimes<T>::value_of(Index signal) {
  const auto i = static_cast<std::size_t>(graph_.value_of(signal));
  return goes_back_ && is_made_again_[i] ? signals_[i].made_again : signals_[i].value;
}

/// One phase before it is read, of inputs and parameters that are still there. What is read at once is kept.
template <class T>
void Lifetimes<T>::make_again() {
  for (std::size_t n = graph_.nodes().size(); n-- > 0;) {
    const Node<T>& node = graph_.nodes()[n];
    auto& [value, again, moments, saved, delta, parts] = signals_[static_cast<std::size_t>(node.output)];
    if (again.empty()) continue;
    const Index phase = again.first - 1;
    if (phase < loss_ || phase <= value.last + 1) {
      value.extend_to(again.last);
      again = {};
      continue;
    }
    again.extend_to(phase);
    packed_for_forward_[n].extend_to(phase);
    for (const Reading& reading : node.inputs) value_of(reading.signal).extend_to(phase);
  }
}

/// A trace reads every signal after the step.
template <class T>
void Lifetimes<T>::keep_all(Index last) {
  for (SignalLifetimes& lifetimes : signals_) lifetimes.value = lifetimes.delta = {0, last};
}

template class Lifetimes<float>;
template class Lifetimes<double>;

}  // namespace cnnbp
