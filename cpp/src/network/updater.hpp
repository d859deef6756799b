// An optimizer at work: its state over the flat parameters, and the loops of an update.
#pragma once

#include <optional>

#include "network/parameters.hpp"

namespace cnnbp {

template <class T>
class Updater {
 public:
  /// The parameters must outlive it.
  Updater(const Parameters<T>& parameters, Optimizer optimizer);
  Updater(const Updater&) = delete;

  const Optimizer& optimizer() const { return optimizer_; }
  void set_optimizer(Optimizer optimizer);

  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  std::vector<std::pair<std::string, std::span<T>>> state_of(const Parameter<T>& parameter) const;

  /// Counts a step and returns what it runs, with the optimizer's rate or the one given. Valid until the next call.
  const Schedule& next_step(std::optional<double> lr = {});

 private:
  void make_state(const Optimizer& optimizer);
  void make_average(const Optimizer& optimizer);
  void make_schedule();
  Loop sum_squares();
  Loop scale_to_norm(double norm);
  Loop update();
  Index size() const { return static_cast<Index>(parameters_.values().size()); }
  Index tasks() const { return (size() + parameters_of_a_task - 1) / parameters_of_a_task; }

  const Parameters<T>& parameters_;
  Optimizer optimizer_;
  std::int64_t steps_ = 0;
  std::vector<Buffer<T>> state_;  // stays when a rule needs less, as there may be views of it
  Buffer<T> average_;             // NaN before the first step
  Schedule schedule_;
  std::function<void(const Slice<T>&)> rule_;  // of the step under way
  std::vector<double> squares_;                // Σ g² of every task
  T scale_ = 1;
};

}  // namespace cnnbp
