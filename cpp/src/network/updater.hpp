// An optimizer at work: its state over the flat parameters, and the loops of an update.
#pragma once

#include <optional>
#include <variant>

#include "network/rates.hpp"

namespace cnnbp {

template <class T>
class Updater {
 public:
  /// The parameters must outlive it. Throws as `set_optimizer` does.
  Updater(const Parameters<T>& parameters, Optimizer optimizer);
  Updater(const Updater&) = delete;

  const Optimizer& optimizer() const { return optimizer_; }
  /// Throws, and changes nothing, for an optimizer that names no parameter of this network, or where memory is short.
  void set_optimizer(Optimizer optimizer);

  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  std::vector<std::pair<std::string, std::span<T>>> state_of(const Parameter<T>& parameter) const;

  /// Counts a step and returns what it runs, with the optimizer's rate or the one given. Valid until the next call.
  const Schedule& next_step(std::optional<double> lr = {});

 private:
  using Rule = std::variant<SGDStep<T>, AdagradStep<T>, RMSpropStep<T>, AdamStep<T>, LionStep<T>>;
  void make_room(const Optimizer& optimizer);
  Schedule schedule_of(const UpdateOptions& options, const Rates& rates);
  Loop sum_squares();
  Loop scale_to_norm(double norm);
  Loop update(const UpdateOptions& options, Index tasks);
  Index size() const { return static_cast<Index>(parameters_.values().size()); }

  const Parameters<T>& parameters_;
  Optimizer optimizer_;
  std::int64_t steps_ = 0;
  std::vector<Buffer<T>> state_;  // stays when a rule needs less, as there may be views of it
  Buffer<T> average_;             // NaN before the first step
  Schedule schedule_;
  Rates rates_;
  std::vector<Rule> rules_;      // of the step under way, one for each rate
  std::vector<double> squares_;  // Σ g² of stretches of the gradients
  T scale_ = 1;
};

}  // namespace cnnbp
