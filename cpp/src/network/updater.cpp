#include "network/updater.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "network/checks.hpp"

namespace cnnbp {
namespace {

using Clock = std::int64_t;  // the number of the step, from 1

// What is the same for all parameters is computed here, in float64.

template <class T>
SGDStep<T> rule(const SGD& o, double lr, Clock) {
  return {.lr = T(lr), .momentum = T(o.momentum), .weight_decay = T(o.weight_decay), .nesterov = o.nesterov};
}

template <class T>
AdagradStep<T> rule(const Adagrad& o, double lr, Clock t) {
  return {.lr = T(lr / (1 + double(t - 1) * o.lr_decay)), .weight_decay = T(o.weight_decay), .eps = T(o.eps)};
}

template <class T>
RMSpropStep<T> rule(const RMSprop& o, double lr, Clock) {
  return {.lr = T(lr),
          .alpha = T(o.alpha),
          .rest = T(1 - o.alpha),
          .eps = T(o.eps),
          .weight_decay = T(o.weight_decay),
          .momentum = T(o.momentum)};
}

/// Adam adds its decay to the gradient, AdamW takes it from the parameter.
template <class T, class AnyAdam>
AdamStep<T> adam(const AnyAdam& o, double lr, Clock t, double weight_decay, double keep) {
  const auto [beta1, beta2] = o.betas;
  return {.lr = T(lr / (1 - std::pow(beta1, t))),
          .rest1 = T(1 - beta1),
          .beta2 = T(beta2),
          .rest2 = T(1 - beta2),
          .root = T(std::sqrt(1 - std::pow(beta2, t))),
          .eps = T(o.eps),
          .weight_decay = T(weight_decay),
          .keep = T(keep)};
}

template <class T>
AdamStep<T> rule(const Adam& o, double lr, Clock t) {
  return adam<T>(o, lr, t, o.weight_decay, 1.0);
}

template <class T>
AdamStep<T> rule(const AdamW& o, double lr, Clock t) {
  return adam<T>(o, lr, t, 0.0, 1 - lr * o.weight_decay);
}

template <class T>
LionStep<T> rule(const Lion& o, double lr, Clock) {
  const auto [beta1, beta2] = o.betas;
  return {.lr = T(lr),
          .beta1 = T(beta1),
          .rest1 = T(1 - beta1),
          .beta2 = T(beta2),
          .rest2 = T(1 - beta2),
          .keep = T(1 - lr * o.weight_decay)};
}

template <class T>
void apply(const SGDStep<T>& step, const Slice<T>& slice) {
  kernels().of<T>().sgd(slice, step);
}

template <class T>
void apply(const AdagradStep<T>& step, const Slice<T>& slice) {
  kernels().of<T>().adagrad(slice, step);
}

template <class T>
void apply(const RMSpropStep<T>& step, const Slice<T>& slice) {
  kernels().of<T>().rmsprop(slice, step);
}

template <class T>
void apply(const AdamStep<T>& step, const Slice<T>& slice) {
  kernels().of<T>().adam(slice, step);
}

template <class T>
void apply(const LionStep<T>& step, const Slice<T>& slice) {
  kernels().of<T>().lion(slice, step);
}

/// Σ v², in float64 and one chain a lane, so that the order does not depend on the instruction set.
template <class T>
double squared_norm(const T* values, Index count) {
  constexpr Index lanes = Blocks<T>::full_lanes;
  double sum[lanes] = {};
  for (Index i = 0; i < count; i += lanes)
    for (Index lane = 0; lane < lanes; ++lane) sum[lane] += double(values[i + lane]) * double(values[i + lane]);
  for (Index half = lanes / 2; half > 0; half /= 2)
    for (Index lane = 0; lane < half; ++lane) sum[lane] += sum[lane + half];
  return sum[0];
}

template <class T>
void start(const Buffer<T>& array, T value) {
  std::fill_n(array.data(), array.size(), value);
}

}  // namespace

template <class T>
Updater<T>::Updater(const Parameters<T>& parameters, Optimizer optimizer)
    : parameters_(parameters),
      optimizer_(std::move(optimizer)),
      rates_(rates_of(optimizer_, parameters)),
      squares_(static_cast<std::size_t>((size() + parameters_of_a_task - 1) / parameters_of_a_task)) {
  make_room(optimizer_);
  start(average_, std::numeric_limits<T>::quiet_NaN());
  schedule_ = schedule_of(options_of(optimizer_), rates_);
}

/// All that may throw comes first.
template <class T>
void Updater<T>::set_optimizer(Optimizer optimizer) {
  Rates rates = rates_of(optimizer, parameters_);
  make_room(optimizer);
  Schedule schedule = schedule_of(options_of(optimizer), rates);
  const bool anew = optimizer.index() != optimizer_.index();
  const std::size_t going_on = anew ? 0 : state_names(optimizer_).size();
  // What the rule before did not use starts at zero, as it does in a network from a file.
  for (std::size_t i = going_on; i < state_.size(); ++i) start(state_[i], T(0));
  if (anew || !options_of(optimizer_).ema_decay) start(average_, std::numeric_limits<T>::quiet_NaN());
  if (anew) steps_ = 0;
  scale_ = 1;
  optimizer_ = std::move(optimizer);
  rates_ = std::move(rates);
  schedule_ = std::move(schedule);
}

template <class T>
void Updater<T>::make_room(const Optimizer& optimizer) {
  while (state_.size() < state_names(optimizer).size()) state_.emplace_back(parameters_.values().size());
  if (options_of(optimizer).ema_decay && average_.size() == 0) average_ = Buffer<T>(parameters_.values().size());
}

template <class T>
std::vector<std::pair<std::string, std::span<T>>> Updater<T>::state_of(const Parameter<T>& parameter) const {
  const std::ptrdiff_t offset = parameter.value.data() - parameters_.values().data();
  std::vector<std::pair<std::string, std::span<T>>> state;
  if (parameter.gradient.empty()) return state;
  for (const std::string& name : state_names(optimizer_))
    state.push_back({name, {state_[state.size()].data() + offset, parameter.value.size()}});
  if (options_of(optimizer_).ema_decay)
    state.push_back({"average", {average_.data() + offset, parameter.value.size()}});
  return state;
}

template <class T>
const Schedule& Updater<T>::next_step(std::optional<double> lr) {
  ++steps_;
  rules_.clear();
  for (const double factor : rates_.factors)
    rules_.push_back(
        std::visit([&](const auto& o) -> Rule { return rule<T>(o, lr.value_or(o.lr) * factor, steps_); }, optimizer_));
  return schedule_;
}

template <class T>
Schedule Updater<T>::schedule_of(const UpdateOptions& options, const Rates& rates) {
  const Loop update = this->update(options, static_cast<Index>(rates.tasks.size()));
  if (!std::isfinite(options.clip_norm)) return {{update}};
  return {{sum_squares()}, {scale_to_norm(options.clip_norm)}, {update}};
}

template <class T>
Loop Updater<T>::sum_squares() {
  return {static_cast<Index>(squares_.size()), [this](Index task, std::byte*) {
            const Index begin = task * parameters_of_a_task;
            squares_[static_cast<std::size_t>(task)] =
                squared_norm(parameters_.gradients().data() + begin, std::min(parameters_of_a_task, size() - begin));
          }};
}

/// torch.nn.utils.clip_grad_norm_; a norm that is NaN makes the gradients NaN, as there.
template <class T>
Loop Updater<T>::scale_to_norm(double norm) {
  return {1, [this, norm](Index, std::byte*) {
            double sum = 0.0;
            for (const double square : squares_) sum += square;
            const double scale = norm / (std::sqrt(sum) + 1e-6);
            scale_ = T(scale > 1.0 ? 1.0 : scale);
          }};
}

template <class T>
Loop Updater<T>::update(const UpdateOptions& options, Index tasks) {
  T* const average = options.ema_decay ? average_.data() : nullptr;
  const T limit = T(options.clip_value), share = T(1 - options.ema_decay.value_or(1.0));
  return {tasks, [this, average, limit, share](Index task, std::byte*) {
            const auto& [begin, count, rate] = rates_.tasks[static_cast<std::size_t>(task)];
            Slice<T> slice{.parameter = parameters_.values().data() + begin,
                           .gradient = parameters_.gradients().data() + begin,
                           .state = {},
                           .average = average ? average + begin : nullptr,
                           .count = count,
                           .scale = scale_,
                           .limit = limit,
                           .share = share};
            for (std::size_t i = 0; i < state_.size(); ++i) slice.state[i] = state_[i].data() + begin;
            std::visit([&](const auto& rule) { apply(rule, slice); }, rules_[rate]);
          }};
}

template class Updater<float>;
template class Updater<double>;

}  // namespace cnnbp
