// A graph with a batch size: memory for every signal, and the loops of a step.
#pragma once

#include "lanes/pack.hpp"
#include "layers/loss.hpp"
#include "network/graph.hpp"

namespace cnnbp {

enum class Purpose { predict, evaluate, train };

template <class T>
class Plan {
 public:
  Plan(const Graph<T>& graph, Loss loss, Index samples, Purpose purpose);
  Plan(const Plan&) = delete;

  /// The batch of the next run. What the pointers name must outlive it.
  void select(const Images& x, const Targets* y, Selection selection);

  Index samples() const { return samples_; }
  Purpose purpose() const { return purpose_; }
  const Schedule& load() const { return load_; }  // the batch into its lanes
  const Schedule& forward() const { return forward_; }
  const Schedule& backward() const { return backward_; }  // loss, deltas and gradients; evaluate: loss alone
  const BatchLoss<T>& loss() const { return loss_; }
  const Signal<T>& signal(Index i) const { return signals_[static_cast<std::size_t>(i)]; }
  const Signal<T>& output() const { return signals_.back(); }

 private:
  Tensor<T> allocate(const Shape& shape, Spacing spacing);
  void make_signals(const Graph<T>& graph);
  void make_load();
  void make_backward(const Graph<T>& graph);

  Index samples_;
  Purpose purpose_;
  std::vector<Buffer<T>> memory_;
  std::vector<Signal<T>> signals_;
  Tensor<T> target_;
  BatchLoss<T> loss_;
  Images x_{static_cast<const float*>(nullptr), 0};
  Targets y_{static_cast<const float*>(nullptr), 0};
  Selection selection_;
  Schedule load_, forward_, backward_;
};

}  // namespace cnnbp
