#include <cmath>
#include <stdexcept>

#include "network/checks.hpp"

namespace cnnbp {
namespace {

void check(const UpdateOptions& o) {
  if (!(o.clip_norm > 0.0)) refuse("clip_norm", o.clip_norm, "more than 0");
  if (!(o.clip_value > 0.0)) refuse("clip_value", o.clip_value, "more than 0");
  if (std::isfinite(o.clip_norm) && std::isfinite(o.clip_value))
    throw std::invalid_argument("clip_norm and clip_value are both given, expected one of them");
  if (o.ema_decay) check_share("ema_decay", *o.ema_decay);
  for (const auto& [name, factor] : o.lr_scales) check_amount("lr_scales['" + name + "']", factor);
}

template <class T, class Rule>
void check_held(const Rule& o) {
  check_holds<T>("lr", o.lr);
  check_holds<T>("weight_decay", o.weight_decay);
  if constexpr (requires { o.eps; }) check_holds_apart_from_0<T>("eps", o.eps);
  for (const auto& [name, factor] : o.options.lr_scales)
    check_holds<T>("lr times lr_scales['" + name + "']", o.lr * factor);
}

/// What the rules have in common is checked by its name.
template <class Rule>
void check(const Rule& o) {
  check_amount("lr", o.lr);
  check_amount("weight_decay", o.weight_decay);
  if constexpr (requires { o.momentum; }) check_share("momentum", o.momentum);
  if constexpr (requires { o.alpha; }) check_share("alpha", o.alpha);
  if constexpr (requires { o.eps; }) check_amount("eps", o.eps);
  if constexpr (requires { o.lr_decay; }) check_amount("lr_decay", o.lr_decay);
  if constexpr (requires { o.betas; }) {
    check_share("the first of betas", o.betas.first);
    check_share("the second of betas", o.betas.second);
  }
  if constexpr (requires { o.nesterov; })
    if (o.nesterov && o.momentum == 0.0)
      throw std::invalid_argument("nesterov is set and momentum is 0, expected a momentum above 0");
  check(o.options);
}

/// Without momentum there is nothing to keep.
std::vector<std::string> names(const SGD& o) {
  return o.momentum > 0.0 ? std::vector<std::string>{"momentum_buffer"} : std::vector<std::string>{};
}
std::vector<std::string> names(const Adagrad&) { return {"sum"}; }
std::vector<std::string> names(const RMSprop& o) {
  return o.momentum > 0.0 ? std::vector<std::string>{"square_avg", "momentum_buffer"}
                          : std::vector<std::string>{"square_avg"};
}
std::vector<std::string> names(const Adam&) { return {"exp_avg", "exp_avg_sq"}; }
std::vector<std::string> names(const AdamW&) { return {"exp_avg", "exp_avg_sq"}; }
std::vector<std::string> names(const Lion&) { return {"exp_avg"}; }

}  // namespace

std::vector<std::string> state_names(const Optimizer& optimizer) {
  return std::visit([](const auto& o) { return names(o); }, optimizer);
}

const UpdateOptions& options_of(const Optimizer& optimizer) {
  return *std::visit([](const auto& o) { return &o.options; }, optimizer);
}

template <class T>
Optimizer checked(Optimizer optimizer) {
  std::visit(
      [](const auto& o) {
        check(o);
        check_held<T>(o);
      },
      optimizer);
  return optimizer;
}

template <class T>
void check_rates(std::span<const double> lr, std::int64_t batches) {
  if (!lr.empty() && static_cast<std::int64_t>(lr.size()) != batches)
    throw std::invalid_argument("lr has " + std::to_string(lr.size()) + " rates, expected one for each of " +
                                std::to_string(batches) + " batches");
  for (const double rate : lr) {
    check_amount("lr", rate);
    check_holds<T>("lr", rate);
  }
}

template Optimizer checked<float>(Optimizer);
template Optimizer checked<double>(Optimizer);
template void check_rates<float>(std::span<const double>, std::int64_t);
template void check_rates<double>(std::span<const double>, std::int64_t);

}  // namespace cnnbp
