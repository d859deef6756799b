#include "network/engine.hpp"

#include <algorithm>
#include <stdexcept>

#include "layers/make_layer.hpp"
#include "network/checks.hpp"
#include "network/initialise.hpp"

namespace cnnbp {
namespace {

/// Batch sizes kept ready: the one in use, and the smaller last one of an epoch.
constexpr std::size_t kept_plans = 2;

/// At most 256 samples, so that threads have work, and at least 16.
constexpr Index forward_bytes = 32 * 1024 * 1024, most_forward = 256, least_forward = 16;

template <class T>
Index packed_place(const Layer<T>& layer) {
  return whole_vectors<T>(layer.packed_for_forward(any_samples));
}

/// While one lives, its thread is in a `go_on` of the network.
class GoingOn {
 public:
  explicit GoingOn(const void* engine) : engine_(engine), outer_(innermost) { innermost = this; }
  ~GoingOn() { innermost = outer_; }
  GoingOn(const GoingOn&) = delete;

  static bool in(const void* engine) {
    const GoingOn* place = innermost;
    while (place && place->engine_ != engine) place = place->outer_;
    return place != nullptr;
  }

 private:
  static inline thread_local const GoingOn* innermost = nullptr;
  const void* engine_;
  const GoingOn* outer_;
};

}  // namespace

template <class T>
Network<T>::Engine::Engine(NetworkDefinition given, Optimizer optimizer, std::uint64_t seed, Fusing fusing)
    : definition(checked<T>(std::move(given))),
      summary(summarize(definition)),
      graph(definition, fusing),
      parameters(graph.layers(), definition.initializer, seed),
      updater(parameters, std::move(optimizer)),
      draws{.seed = seed},
      zero{{parameters.zero_gradients()}} {}

template <class T>
std::unique_lock<std::shared_mutex> Network<T>::Engine::alone() {
  if (GoingOn::in(this))
    throw std::logic_error("this thread is in evaluate or predict of the network; change it when that has returned");
  const std::lock_guard guard(turn);
  return std::unique_lock(change);
}

template <class T>
std::shared_lock<std::shared_mutex> Network<T>::Engine::together() {
  if (GoingOn::in(this)) return {};  // its thread has one
  const std::lock_guard guard(turn);
  return std::shared_lock(change);
}

template <class T>
void Network<T>::Engine::check(const Images& x, const Targets& y) const {
  check_images<T>(x, definition.input);
  check_targets<T>(y, x.count, features(), definition.loss);
}

template <class T>
void Network<T>::Engine::check_batch(std::int64_t samples) const {
  if (samples > 1) return;
  for (const auto& [name, layer] : graph.layers())
    if (!layer->trains_on_one())
      throw std::invalid_argument("layer " + name + " (BatchNorm2d): a batch of 1 sample has one value a channel, " +
                                  "expected at least 2; choose a batch_size that leaves no single sample");
}

template <class T>
Plan<T>& Network<T>::Engine::training_plan(Index samples) {
  const auto found =
      std::find_if(training.begin(), training.end(), [=](const auto& plan) { return plan->samples() == samples; });
  if (found != training.end()) return **found;
  auto made =
      std::make_unique<Plan<T>>(graph, definition.loss, samples, Purpose::train, draws,
                                training.empty() ? nullptr : training.back()->memory(), parameters.zero_gradients());
  if (training.size() == kept_plans) training.erase(training.begin());
  training.push_back(std::move(made));
  return *training.back();
}

template <class T>
double Network<T>::Engine::backpropagate(Plan<T>& plan, const Images& x, const Targets& y, Selection selection,
                                         bool fresh, const Schedule& update, const Selection* after, double scale) {
  if (&plan != trained_last) plan.forget();
  trained_last = &plan;
  plan.select(x, &y, selection, after, scale);
  for (const auto& [name, layer] : graph.layers()) layer->penalty_scale = scale;
  run({fresh ? &plan.begin_fresh() : &plan.begin(), &plan.load(), &plan.forward(), &plan.backward(), &update},
      3 * work_of(plan.samples()));
  ++draws.passes;
  packed = false;  // parameters have changed, or running statistics
  return plan.loss().total().loss() + penalty();
}

template <class T>
double Network<T>::Engine::penalty() const {
  double sum = 0.0;
  for (const auto& [name, layer] : graph.layers()) sum += layer->penalty();
  return sum;
}

template <class T>
double Network<T>::Engine::work_of(Index samples) const {
  double work = 0.0;
  for (const LayerSummary& layer : summary)
    work += double(layer.multiply_adds) + double(layer.output_shape.features()) + double(layer.parameters) / 16;
  return work * double(Blocks<T>(samples).all_lanes());
}

template <class T>
double Network<T>::Engine::parameter_work() const {
  double count = 0.0;
  for (const Parameter<T>& parameter : parameters.all()) count += double(parameter.value.size());
  return 25.0 * count;  // an update by SGD takes 0.4 ns each, by Adam 0.8
}

template <class T>
void Network<T>::Engine::hold_zeros() {
  for (std::size_t i = 0; i < parameters.all().size(); ++i) {
    const Parameter<T>& parameter = parameters.all()[i];
    parameters.hold_zeros(i, parameter.value);
    for (const auto& [name, state] : updater.state_of(parameter)) parameters.hold_zeros(i, state);
  }
}

template <class T>
Index forward_batch(const Shape& input, const std::vector<LayerSummary>& summary) {
  Index features = input.features();
  for (const LayerSummary& layer : summary) features += layer.output_shape.features();
  const Index fit = forward_bytes / (features * Index{sizeof(T)}) / least_forward * least_forward;
  return std::clamp(fit, least_forward, most_forward);
}

template <class T>
std::unique_ptr<Plan<T>> Network<T>::Engine::borrow(Index samples, Purpose purpose) {
  const std::lock_guard guard(pool);
  const auto found = std::find_if(idle.begin(), idle.end(), [=](const auto& plan) {
    return plan->samples() == samples && plan->purpose() == purpose;
  });
  if (found != idle.end()) {
    std::unique_ptr<Plan<T>> plan = std::move(*found);
    idle.erase(found);
    return plan;
  }
  packing();  // a training plan may have told the layers of other places
  return std::make_unique<Plan<T>>(graph, definition.loss, samples, purpose, draws);
}

template <class T>
void Network<T>::Engine::put_back(std::unique_ptr<Plan<T>> plan) {
  const std::lock_guard guard(pool);
  if (idle.size() == 2 * kept_plans) idle.erase(idle.begin());
  idle.push_back(std::move(plan));
}

template <class T>
Index packed_size(const Graph<T>& graph) {
  Index size = 0;
  for (const auto& [name, layer] : graph.layers()) size += packed_place(*layer);
  return size;
}

template <class T>
Schedule Network<T>::Engine::packing() const {
  Schedule schedule(2);
  T* place = packed_parameters.data();
  for (const auto& [name, layer] : graph.layers()) {
    schedule[0].push_back(layer->prepare());
    schedule[1].push_back(layer->pack_forward(place));
    place += packed_place(*layer);
  }
  return schedule;
}

template <class T>
void Network<T>::Engine::pack_for_forward() {
  const std::lock_guard guard(pool);
  if (packed) return;
  packed_parameters.grow(static_cast<std::size_t>(packed_size(graph)));
  const Schedule all = packing();
  run({&all}, parameter_work());
  packed = true;
}

template <class T>
void Network<T>::Engine::run_forward(const Images& x, const Targets* y, const std::function<bool()>& go_on,
                                     const std::function<void(const Plan<T>&, Index)>& take) {
  pack_for_forward();
  const Index batch = forward_batch<T>(definition.input, summary);
  const auto asked = [&] {
    const GoingOn here(this);
    return go_on();
  };
  for (Index first = 0; first < x.count; first += batch) {
    if (go_on && !asked()) throw std::runtime_error("interrupted");
    std::unique_ptr<Plan<T>> plan =
        borrow(std::min(batch, Index{x.count} - first), y ? Purpose::evaluate : Purpose::predict);
    plan->select(x, y, {nullptr, first});
    run({&plan->load(), &plan->forward(), &plan->backward()}, work_of(plan->samples()));
    take(*plan, first);
    put_back(std::move(plan));
  }
}

template Index packed_size<float>(const Graph<float>&);
template Index packed_size<double>(const Graph<double>&);
template Index forward_batch<float>(const Shape&, const std::vector<LayerSummary>&);
template Index forward_batch<double>(const Shape&, const std::vector<LayerSummary>&);
template struct Network<float>::Engine;
template struct Network<double>::Engine;

}  // namespace cnnbp
