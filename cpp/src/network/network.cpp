#include <cnnbp/network.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "network/checks.hpp"
#include "network/engine.hpp"

namespace cnnbp {
namespace {

/// Of steps that were taken: counting on stays far from overflow.
void check_count(const char* name, std::int64_t count) {
  constexpr std::int64_t most = std::int64_t{1} << 62;
  if (count < 0 || count > most)
    throw std::invalid_argument(std::string(name) + " is " + std::to_string(count) + ", expected 0 to 2^62");
}

template <class T>
void unpack_all(const Tensor<T>& tensor, T* to) {
  for (Index b = 0; b < tensor.blocks.count(); ++b)
    unpack({tensor.block(b), tensor.shape.features(), b, 0}, tensor, to, kernels().of<T>().transpose);
}

}  // namespace

template <class T>
Network<T>::Network(NetworkDefinition definition, Optimizer optimizer, std::uint64_t seed)
    : engine_(std::make_unique<Engine>(std::move(definition), checked<T>(std::move(optimizer)), seed)) {}
template <class T>
Network<T>::~Network() = default;
template <class T>
Network<T>::Network(Network&&) noexcept = default;
template <class T>
Network<T>& Network<T>::operator=(Network&&) noexcept = default;

template <class T>
const NetworkDefinition& Network<T>::definition() const {
  return engine_->definition;
}
template <class T>
const std::vector<LayerSummary>& Network<T>::summary() const {
  return engine_->summary;
}
template <class T>
void Network<T>::initialize(const std::string& name, const Initializer& initializer) {
  const auto lock = engine_->alone();
  engine_->parameters.initialise(name, initializer);
  engine_->packed = false;
}

template <class T>
void Network<T>::set_parameter(const std::string& name, std::span<const T> values) {
  const auto lock = engine_->alone();
  engine_->parameters.assign(name, values);
  engine_->packed = false;
}

template <class T>
Optimizer Network<T>::optimizer() const {
  const auto lock = engine_->together();
  return engine_->updater.optimizer();
}

template <class T>
void Network<T>::set_optimizer(Optimizer optimizer) {
  const auto lock = engine_->alone();
  engine_->updater.set_optimizer(checked<T>(std::move(optimizer)));
}

template <class T>
std::int64_t Network<T>::optimizer_steps() const {
  const auto lock = engine_->together();
  return engine_->updater.steps();
}

template <class T>
void Network<T>::set_optimizer_steps(std::int64_t steps) {
  const auto lock = engine_->alone();
  check_count("steps", steps);
  engine_->updater.set_steps(steps);
}

template <class T>
std::int64_t Network<T>::training_passes() const {
  const auto lock = engine_->together();
  return static_cast<std::int64_t>(engine_->draws.passes);
}

template <class T>
void Network<T>::set_training_passes(std::int64_t passes) {
  const auto lock = engine_->alone();
  check_count("passes", passes);
  engine_->draws.passes = static_cast<std::uint64_t>(passes);
}

template <class T>
double Network<T>::train_step(Images x, Targets y) {
  const auto lock = engine_->alone();
  engine_->check(x, y);
  engine_->check_batch(x.count);
  Plan<T>& plan = engine_->training_plan(x.count);
  return engine_->backpropagate(plan, x, y, {}, true, engine_->updater.next_step());
}

template <class T>
BatchLosses Network<T>::train_epoch(Images x, Targets y, std::span<const std::int64_t> order, std::int64_t batch_size,
                                    const std::function<bool(std::int64_t, double)>& on_batch,
                                    std::span<const double> lr) {
  if (batch_size < 1)
    throw std::invalid_argument("batch_size is " + std::to_string(batch_size) + ", expected at least 1");
  engine_->check(x, y);
  check_order(order, x.count);
  const auto size = static_cast<std::int64_t>(order.size());
  batch_size = std::min(batch_size, std::max<std::int64_t>(size, 1));  // counts of batches stay far from overflow
  if (size > 0) engine_->check_batch(batch_size);
  if (size % batch_size > 0) engine_->check_batch(size % batch_size);
  check_rates<T>(lr, (size + batch_size - 1) / batch_size);
  const auto batches = static_cast<std::size_t>((size + batch_size - 1) / batch_size);
  BatchLosses all;
  all.losses.reserve(batches);
  all.weights.reserve(batches);
  for (std::int64_t first = 0; first < size; first += batch_size) {
    const std::int64_t count = std::min(batch_size, size - first);
    const Selection now{order.data() + first}, after{order.data() + first + count};
    {
      const auto lock = engine_->alone();  // not while the caller's on_batch runs
      Plan<T>& plan = engine_->training_plan(count);
      const Schedule& update =
          lr.empty() ? engine_->updater.next_step() : engine_->updater.next_step(lr[all.losses.size()]);
      if (first == 0) plan.forget();  // what another epoch has left
      all.losses.push_back(
          engine_->backpropagate(plan, x, y, now, true, update, first + 2 * count <= size ? &after : nullptr));
      all.weights.push_back(plan.loss().divisor());
    }
    if (on_batch && !on_batch(static_cast<std::int64_t>(all.losses.size()), all.losses.back())) break;
  }
  return all;
}

template <class T>
double Network<T>::accumulate_gradients(Images x, Targets y, double scale) {
  const auto lock = engine_->alone();
  engine_->check(x, y);
  engine_->check_batch(x.count);
  if (!(std::abs(scale) <= std::numeric_limits<T>::max()))
    refuse("scale", scale, "a finite number of the network's type");
  return engine_->backpropagate(engine_->training_plan(x.count), x, y, {}, false, {}, nullptr, scale);
}

template <class T>
void Network<T>::apply_gradients() {
  const auto lock = engine_->alone();
  run({&engine_->updater.next_step()}, engine_->parameter_work());
  engine_->packed = false;
}

template <class T>
void Network<T>::zero_gradients() {
  const auto lock = engine_->alone();
  run({&engine_->zero}, engine_->parameter_work());
}

template <class T>
void Network<T>::check(Images x, Targets y) const {
  engine_->check(x, y);
}

template <class T>
Evaluation Network<T>::evaluate(Images x, Targets y, const std::function<bool()>& go_on) const {
  const auto lock = engine_->together();
  engine_->check(x, y);
  LossTotal total;
  engine_->run_forward(x, &y, go_on, [&](const Plan<T>& plan, Index) { total += plan.loss().total(); });
  Evaluation result{.loss = total.loss() + engine_->penalty()};
  if (has_accuracy(engine_->definition.loss, y, engine_->features())) result.accuracy = total.accuracy();
  return result;
}

template <class T>
void Network<T>::predict(Images x, std::span<T> output, const std::function<bool()>& go_on) const {
  const auto lock = engine_->together();
  check_images<T>(x, engine_->definition.input);
  const Index features = engine_->features();
  check_size("output", x.count, features);
  if (std::ssize(output) != x.count * features)
    throw std::invalid_argument("output has " + std::to_string(output.size()) + " numbers, expected " +
                                std::to_string(x.count * features));
  engine_->run_forward(x, nullptr, go_on, [&](const Plan<T>& plan, Index first) {
    unpack_all(plan.output().value, output.data() + first * features);
  });
}

namespace {

template <class T>
TracedArray<T> traced(const std::string& name, const Tensor<T>& tensor, bool is_vector) {
  const Shape& s = tensor.shape;
  TracedArray<T> array{name, {tensor.blocks.samples(), s.channels}, {}};
  if (!is_vector) array.shape.insert(array.shape.end(), {s.height, s.width});
  array.values.resize(static_cast<std::size_t>(tensor.blocks.samples() * s.features()));
  unpack_all(tensor, array.values.data());
  return array;
}

}  // namespace

/// On a copy of the network that keeps what training fuses away; the bits are the same.
template <class T>
std::vector<TracedArray<T>> Network<T>::trace(Images x, Targets y) const {
  const auto lock = engine_->together();
  engine_->check(x, y);
  engine_->check_batch(x.count);
  NetworkDefinition definition = engine_->definition;
  definition.initializer = Constant{};  // drawing would be in vain
  Engine copy(std::move(definition), engine_->updater.optimizer(), 0, Fusing::off);
  copy.parameters.copy_values_from(engine_->parameters);
  copy.draws = engine_->draws;
  Plan<T>& plan = copy.training_plan(x.count);
  const double loss = copy.backpropagate(plan, x, y, {}, true, {});

  std::vector<TracedArray<T>> all{{"loss", {}, {static_cast<T>(loss)}}};
  all.push_back(traced("input.delta", plan.signal(0).delta, false));
  const auto add = [&](const std::string& name, Index signal, const Tensor<T>& tensor) {
    all.push_back(traced(name, tensor, copy.graph.signals()[static_cast<std::size_t>(signal)].is_vector));
  };
  for (std::size_t i = 0; i < copy.summary.size(); ++i) {
    const auto [input, middle, output] = copy.graph.places()[i];
    const std::string name = copy.summary[i].name + ".";
    add(name + "input", input, plan.signal(input).value);
    add(name + "pre_activation", middle, plan.signal(middle).value);
    add(name + "output", output, plan.signal(output).value);
    if (plan.signal(middle).delta.data) add(name + "delta", middle, plan.signal(middle).delta);
  }
  for (const auto& [name, layer] : copy.graph.layers())
    if (std::optional<TracedArray<T>> made = layer->traced())
      all.push_back({name + "." + made->name, std::move(made->shape), std::move(made->values)});
  for (const Parameter<T>& p : copy.parameters.all()) {
    if (p.gradient.empty()) continue;
    const std::size_t dot = p.name.rfind('.');
    all.push_back(
        {p.name.substr(0, dot) + ".gradient" + p.name.substr(dot), p.shape, {p.gradient.begin(), p.gradient.end()}});
  }
  return all;
}

template <class T>
std::vector<Parameter<T>> Network<T>::parameters() {
  const auto lock = engine_->together();
  std::vector<Parameter<T>> all = engine_->parameters.all();
  for (Parameter<T>& parameter : all) parameter.state = engine_->updater.state_of(parameter);
  return all;
}

template <class T>
std::vector<Parameter<const T>> Network<T>::parameters() const {
  const auto lock = engine_->together();
  std::vector<Parameter<const T>> all;
  for (const Parameter<T>& p : engine_->parameters.all()) {
    const auto state = engine_->updater.state_of(p);
    all.push_back({p.name, p.shape, p.value, p.gradient, {state.begin(), state.end()}});
  }
  return all;
}

template <class T>
void Network<T>::read(const std::function<void(const Counts&)>& reader) const {
  const auto lock = engine_->together();
  reader({engine_->updater.steps(), static_cast<std::int64_t>(engine_->draws.passes)});
}

template <class T>
void Network<T>::change(const std::function<void()>& writer) {
  const auto lock = engine_->alone();
  engine_->packed = false;
  try {
    writer();
  } catch (...) {
    engine_->hold_zeros();
    throw;
  }
  engine_->hold_zeros();
}

template class Network<float>;
template class Network<double>;

}  // namespace cnnbp
