// What stands behind Network: layers, parameters, and the plans for the batch sizes in use.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>

#include "network/parameters.hpp"
#include "network/plan.hpp"
#include "network/updater.hpp"

namespace cnnbp {

/// Samples of a forward pass at once: as many blocks as keep its maps near the caches.
template <class T>
Index forward_batch(const Shape& input, const std::vector<LayerSummary>& summary);

/// Elements of all parameters as predictions read them.
template <class T>
Index packed_size(const Graph<T>& graph);

template <class T>
struct Network<T>::Engine {
  Engine(NetworkDefinition given, Optimizer optimizer, std::uint64_t seed, Fusing fusing = Fusing::on);

  /// The lock of a call that changes the network. Throws std::logic_error where this thread is in a `go_on` of the same
  /// network: it shares the lock until that has returned, and would wait for itself.
  std::unique_lock<std::shared_mutex> alone();
  /// The lock of a call that changes nothing. It waits for those that wait to change: std::shared_mutex alone may let
  /// readers in for ever, and four threads that predict kept a new parameter waiting until they ended.
  std::shared_lock<std::shared_mutex> together();

  std::int64_t features() const { return graph.signals()[static_cast<std::size_t>(graph.output())].shape.features(); }

  /// Throws std::invalid_argument where the samples do not fit the network.
  void check(const Images& x, const Targets& y) const;
  /// The same of a training step of so many.
  void check_batch(std::int64_t samples) const;

  /// The plan of a training step, kept for the batch sizes used last.
  Plan<T>& training_plan(Index samples);

  /// Gradients for one batch, times `scale`, in a new step (`fresh`) or on top of what is there. Returns the mean loss
  /// and the penalty, as they are. Then runs `update`. The batch `after` it, if there is one, is loaded on the side.
  double backpropagate(Plan<T>& plan, const Images& x, const Targets& y, Selection selection, bool fresh,
                       const Schedule& update, const Selection* after = nullptr, double scale = 1.0);

  /// What the layers add to the loss, whatever the samples.
  double penalty() const;

  /// Runs x forward in batches; `go_on` is asked before each, `take` sees each plan after it has run.
  void run_forward(const Images& x, const Targets* y, const std::function<bool()>& go_on,
                   const std::function<void(const Plan<T>&, Index first)>& take);

  /// A plan of that size for this thread alone, given back by `put_back`.
  std::unique_ptr<Plan<T>> borrow(Index samples, Purpose purpose);
  void put_back(std::unique_ptr<Plan<T>> plan);

  /// Packs the parameters for predictions, unless that is done already.
  void pack_for_forward();
  /// Tells the layers where they are packed for predictions, and returns how.
  Schedule packing() const;
  /// Multiply-adds of a forward pass, about; a training step does three times as many.
  double work_of(Index samples) const;
  /// A pass over all parameters, in multiply-adds that take as long.
  double parameter_work() const;

  /// Called after others wrote to the parameters or the optimizer's state: 0 where layers hold weights at 0.
  void hold_zeros();

  NetworkDefinition definition;
  std::vector<LayerSummary> summary;
  Graph<T> graph;
  Parameters<T> parameters;
  Updater<T> updater;
  Draws draws;
  Schedule zero;

  std::shared_mutex change;     // held alone by what changes the network, shared by what does not
  std::mutex turn;              // held by who waits for that alone; others pass through it
  std::mutex pool;              // guards what follows
  Buffer<T> packed_parameters;  // as predictions read them, once there has been one
  bool packed = false;          // they are up to date
  std::vector<std::unique_ptr<Plan<T>>> training, idle;
  const Plan<T>* trained_last = nullptr;  // no other has used the memory that training plans share since
};

}  // namespace cnnbp
