// A graph with a batch size: memory for the signals, and the loops of a step.
#pragma once

#include "lanes/pack.hpp"
#include "layers/loss.hpp"
#include "network/lifetimes.hpp"

namespace cnnbp {

template <class T>
class Plan {
 public:
  using Memory = std::shared_ptr<const Buffer<T>>;

  /// `draws` is read in every training pass. `lent` is another plan's memory, which is taken if it is large enough:
  /// the two must never run at the same time. A plan that trains packs the layers' parameters itself; others read
  /// those that the layers have been told of last. `zero` zeroes the gradients of a new step.
  Plan(const Graph<T>& graph, const Loss& loss, Index samples, Purpose purpose, const Draws& draws, Memory lent = {},
       const Loop& zero = {});
  Plan(const Plan&) = delete;

  /// The batch of the next run. What the pointers name must outlive it. A run that trains may load the one `after` it,
  /// too, beside its own work; the call that then names that batch finds it loaded. `scale` is that of all deltas.
  void select(const Images& x, const Targets* y, Selection selection, const Selection* after = nullptr,
              double scale = 1.0);
  /// Whatever has been loaded for the next run is no longer there.
  void forget() { ahead_ = false; }

  Index samples() const { return samples_; }
  Purpose purpose() const { return purpose_; }
  const Memory& memory() const { return memory_; }
  /// To train: what comes before all else, in a new step or for gradients on top of those that are there.
  const Schedule& begin_fresh() const { return begin_fresh_; }
  const Schedule& begin() const { return begin_; }
  const Schedule& load() const { return loaded_ ? nothing_ : batch().load; }  // the batch into its lanes
  const Schedule& forward() const { return batch().forward; }
  const Schedule& backward() const { return batch().backward; }  // loss, deltas and gradients; evaluate: loss alone
  const BatchLoss<T>& loss() const { return loss_; }
  const Signal<T>& signal(Index i) const { return signals_[static_cast<std::size_t>(i)]; }
  const Signal<T>& output() const { return signal(graph_.output()); }

 private:
  /// For memory of so many elements; where it is will be written to `place`.
  struct Request {
    T** place;
    Index size;
    Lifetime lifetime;
  };

  /// Samples in their lanes, and what a step does with them.
  struct Batch {
    Images x{static_cast<const float*>(nullptr), 0};
    Targets y{static_cast<const float*>(nullptr), 0};
    Selection selection;
    Tensor<T> images, targets;
    Schedule load, forward, backward;
  };

  const Batch& batch() const { return batches_[current_]; }
  void use(const Batch& batch);
  Phase load_phase(const Batch& batch) const;
  void load_ahead();
  void find_memory(Memory lent);
  std::vector<Request> shape_signals();
  void request_batches(std::vector<Request>& requests);
  void request_moments(std::vector<Request>& requests);
  void request_for_forward(std::vector<Request>& requests);
  void request_for_backward(std::vector<Request>& requests);
  void share_memory(const std::vector<Request>& requests, Memory lent);
  void share_values();
  void swap_made_again();
  void share_deltas();
  void make_views();
  Schedule make_forward(const Draws& draws) const;
  Schedule make_backward(const Batch& batch);
  void make_again(Schedule& backward) const;
  Signal<T> output_of(const Node<T>& node) const;
  void add_backward(std::size_t i, Schedule& backward);
  Signal<T> input_of(const Node<T>& node) const { return read(node.inputs[0]); }
  std::vector<Signal<T>> inputs_of(const Node<T>& node) const;
  Signal<T> read(const Reading& reading) const;
  const std::vector<Tensor<T>>& parts_of(Index signal) const {
    return parts_[static_cast<std::size_t>(graph_.memory_of(signal))];
  }

  const Graph<T>& graph_;
  Index samples_;
  Purpose purpose_;
  Lifetimes<T> lifetimes_;
  Memory memory_;
  std::vector<Signal<T>> signals_;
  std::vector<Tensor<T>> made_again_;          // values for the backward pass, of signals that do not keep theirs
  std::vector<T*> moments_;                    // of values that are measured as they are made
  std::vector<std::vector<Tensor<T>>> parts_;  // of a signal's delta, where it has several readers
  /// For each node the parameters as forward reads them. For each step of `Graph::backward`: those as its delta reads
  /// them, and what its gradients leave from one phase to the next.
  std::vector<T*> packed_for_forward_, packed_for_delta_, workspaces_;
  Schedule begin_, begin_fresh_;
  BatchLoss<T> loss_;
  std::vector<Batch> batches_;  // two to train, where that gains: one is loaded while the other is worked on
  std::size_t current_ = 0;
  bool loaded_ = false, ahead_ = false;  // the current batch, before its run; the other, in its run
  const Schedule nothing_;
};

}  // namespace cnnbp
