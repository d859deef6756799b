// When each array of a plan is in use. It follows from the graph and the purpose alone.
#pragma once

#include "network/arena.hpp"
#include "network/graph.hpp"

namespace cnnbp {

enum class Purpose { predict, evaluate, train };

/// Of the arrays of one signal; a view has none of its own.
struct SignalLifetimes {
  Lifetime value;       // forward, and until the last phase that reads it
  Lifetime made_again;  // if it is, in its own memory: from the phase that makes it on
  Lifetime moments;     // from the writer of the value, if it is measured as it is made, to its reader
  Lifetime saved, delta;
  std::vector<Lifetime> parts;  // of the delta, where the signal has several readers
};

/// Whether the value has no memory: its reader takes it as it is made, and nobody else reads it.
inline bool passes_by(const SignalPlan& planned, const SignalLifetimes& in_use) {
  return planned.in_pixels && in_use.value.first == in_use.value.last;
}

/// A step of `Graph::backward` has a phase, counted from the loss, for the gradients' first loops and the delta. A
/// delta that overwrites what the gradients read is one phase later.
struct StepPhases {
  Index gradients, delta;
};

/// Phases are counted through the whole step: one loads the batch, one for each node goes forward, unless it goes along
/// with the node before it, and one more before it if it packs apart, one is the loss, and those of `Graph::backward`
/// go back, with one more before each that packs apart or is the first to read a value that is made again.
template <class T>
class Lifetimes {
 public:
  /// `made_again`, by signal: the value is made once more for the backward pass, in place of being kept.
  Lifetimes(const Graph<T>& graph, Purpose purpose, std::vector<bool> made_again);

  /// By the signal whose memory it is.
  const std::vector<SignalLifetimes>& signals() const { return signals_; }
  /// The phase of the loss, from which `Graph::backward` counts.
  Index loss() const { return loss_; }
  /// By the step of `Graph::backward`.
  const std::vector<StepPhases>& phases() const { return phases_; }
  const Lifetime& target() const { return target_; }
  /// From the first phase to the last.
  const Lifetime& whole() const { return whole_; }
  /// Of parameters packed for forward, by node, and for a delta, by the step of `Graph::backward` that reads them. They
  /// are packed one phase before, beside other loops.
  const std::vector<Lifetime>& packed_for_forward() const { return packed_for_forward_; }
  const std::vector<Lifetime>& packed_for_delta() const { return packed_for_delta_; }
  /// Of what a gradient's first phases leave for the next, by the step of `Graph::backward`.
  const std::vector<Lifetime>& workspaces() const { return workspaces_; }

 private:
  Index go_forward(Purpose purpose);
  void order_phases();
  void go_back();
  void go_back_through(std::size_t i);
  void make_rows(const Node<T>& maker, Index phase, Index last);
  Reads reads_of(const Node<T>& node) const;
  void read_slope(Index signal, Index phase);
  void make_again();
  void keep_all(Index last);
  SignalLifetimes& of(Index signal) { return signals_[static_cast<std::size_t>(graph_.memory_of(signal))]; }
  Lifetime& value_of(Index signal);
  Lifetime& delta_of(const Reading& reading);
  Lifetime& delta_of(Index signal);

  const Graph<T>& graph_;
  std::vector<bool> is_made_again_;
  bool goes_back_ = false;
  Index loss_ = 0;
  std::vector<SignalLifetimes> signals_;
  std::vector<StepPhases> phases_;
  Lifetime target_, whole_;
  std::vector<Lifetime> packed_for_forward_, packed_for_delta_, workspaces_;
};

}  // namespace cnnbp
