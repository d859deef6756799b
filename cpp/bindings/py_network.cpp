#include "py_network.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>

namespace cnnbp::bindings {
namespace {

using Unlocked = py::gil_scoped_release;

/// True at most twenty times a second: often enough for a person, and for Ctrl-C.
class Ticker {
 public:
  bool ticks() {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(50)) return false;
    last_ = now;
    return true;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

/// Lets Python see its signals; what a handler raises ends the call.
void look_at_signals() {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

auto asked_now_and_then() {
  return [ticker = Ticker()]() mutable {
    if (ticker.ticks()) {
      const py::gil_scoped_acquire locked;
      look_at_signals();
    }
    return true;
  };
}

std::vector<py::ssize_t> shape_of(const std::vector<std::int64_t>& shape) { return {shape.begin(), shape.end()}; }

template <class T>
py::array_t<T> copy_of(const std::vector<std::int64_t>& shape, std::span<const T> values) {
  py::array_t<T> array(shape_of(shape));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

template <class T>
struct Named {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<T> values;
};

/// "0.weight", or of the optimizer's state "exp_avg/0.weight".
template <class T>
std::vector<Named<T>> named(Network<T>& network, Kind kind) {
  const Unlocked unlocked;
  std::vector<Named<T>> arrays;
  for (const Parameter<T>& p : network.parameters()) {
    if (kind == Kind::value) arrays.push_back({p.name, p.shape, p.value});
    if (kind == Kind::gradient && !p.gradient.empty()) arrays.push_back({p.name, p.shape, p.gradient});
    if (kind == Kind::state)
      for (const auto& [name, values] : p.state) arrays.push_back({name + "/" + p.name, p.shape, values});
  }
  return arrays;
}

/// The data of an array that fits the parameter; the caller's dict keeps it alive.
template <class T>
const T* checked(const Named<T>& p, const py::handle& value) {
  if (!py::isinstance<py::array>(value)) throw py::type_error(p.name + " is not an array");
  const py::array array = py::reinterpret_borrow<py::array>(value);
  if (!array.dtype().equal(py::dtype::of<T>()))
    throw py::type_error(p.name + " has dtype " + std::string(py::str(array.dtype())) + ", expected " +
                         std::string(py::str(py::dtype::of<T>())));
  require_layout(p.name.c_str(), array, static_cast<py::ssize_t>(p.shape.size()));
  if (!std::equal(p.shape.begin(), p.shape.end(), array.shape()))
    throw py::value_error(p.name + " has shape " + shape_text(array) + ", expected " +
                          std::string(py::str(py::tuple(py::cast(p.shape)))));
  return static_cast<const T*>(array.data());
}

}  // namespace

std::vector<std::int64_t> shape_after(const LayerSummary& layer) {
  const Shape& s = layer.output_shape;
  if (layer.is_vector) return {s.channels};
  return {s.channels, s.height, s.width};
}

PyNetwork::PyNetwork(NetworkDefinition definition, const std::string& dtype, std::uint64_t seed,
                     const Optimizer& optimizer) {
  if (dtype == "float32") network_.emplace<Network<float>>(std::move(definition), optimizer, seed);
  else if (dtype == "float64") network_.emplace<Network<double>>(std::move(definition), optimizer, seed);
  else throw std::invalid_argument("dtype is '" + dtype + "', expected 'float32' or 'float64'");
}

const NetworkDefinition& PyNetwork::definition() {
  return *visit([](auto& n) { return &n.definition(); });
}

const std::vector<LayerSummary>& PyNetwork::summary() {
  return *visit([](auto& n) { return &n.summary(); });
}

std::vector<std::int64_t> PyNetwork::output_shape() { return shape_after(last_layer(summary())); }

Images PyNetwork::read(const py::array& x) { return images(x, definition().input); }

Targets PyNetwork::read_targets(const py::array& y, const Numbers& weights) {
  return targets(y, last_layer(summary()).output_shape.features(), weights);
}

void PyNetwork::check(const py::array& x, const py::array& y, const Numbers& sample_weight) {
  const Images inputs = read(x);
  const Targets wanted = read_targets(y, sample_weight);
  visit_unlocked([&](auto& n) { n.check(inputs, wanted); });
}

double PyNetwork::train_step(const py::array& x, const py::array& y, const Numbers& sample_weight) {
  const Images inputs = read(x);
  const Targets wanted = read_targets(y, sample_weight);
  return visit_unlocked([&](auto& n) { return n.train_step(inputs, wanted); });
}

py::tuple PyNetwork::train_epoch(const py::array& x, const py::array& y, const py::array_t<std::int64_t>& order,
                                 std::int64_t batch_size, const OnBatch& on_batch, const Numbers& lr,
                                 const Numbers& sample_weight) {
  const Images inputs = read(x);
  const Targets wanted = read_targets(y, sample_weight);
  require_layout("order", order, 1);
  const std::span<const std::int64_t> samples(order.data(), static_cast<std::size_t>(order.size()));
  const std::span<const double> rates = numbers("lr", lr);
  const std::int64_t batches = (order.size() - 1) / std::max<std::int64_t>(1, batch_size) + 1;
  Ticker ticker;
  const auto tell = [&](std::int64_t done, double last_loss) {
    if (ticker.ticks() || done == batches) {
      const py::gil_scoped_acquire locked;
      look_at_signals();
      if (on_batch) (*on_batch)(done, last_loss);
    }
    return true;
  };
  const BatchLosses done =
      visit_unlocked([&](auto& n) { return n.train_epoch(inputs, wanted, samples, batch_size, tell, rates); });
  const auto array = [](const std::vector<double>& numbers) {
    return py::array_t<double>(static_cast<py::ssize_t>(numbers.size()), numbers.data());
  };
  return py::make_tuple(array(done.losses), array(done.weights));
}

double PyNetwork::accumulate_gradients(const py::array& x, const py::array& y, const Numbers& sample_weight,
                                       double scale) {
  const Images inputs = read(x);
  const Targets wanted = read_targets(y, sample_weight);
  return visit_unlocked([&](auto& n) { return n.accumulate_gradients(inputs, wanted, scale); });
}

void PyNetwork::apply_gradients() {
  visit_unlocked([](auto& n) { n.apply_gradients(); });
}

void PyNetwork::zero_gradients() {
  visit_unlocked([](auto& n) { n.zero_gradients(); });
}

std::pair<double, std::optional<double>> PyNetwork::evaluate(const py::array& x, const py::array& y,
                                                             const Numbers& sample_weight) {
  const Images inputs = read(x);
  const Targets wanted = read_targets(y, sample_weight);
  const Evaluation result = visit_unlocked([&](auto& n) { return n.evaluate(inputs, wanted, asked_now_and_then()); });
  return {result.loss, result.accuracy};
}

py::array PyNetwork::predict(const py::array& x) {
  const Images inputs = read(x);
  return visit([&]<class T>(Network<T>& n) -> py::array {
    std::vector<std::int64_t> shape = output_shape();
    shape.insert(shape.begin(), inputs.count);
    py::array_t<T> output(shape_of(shape));
    const std::span<T> to(output.mutable_data(), static_cast<std::size_t>(output.size()));
    {
      const Unlocked unlocked;
      n.predict(inputs, to, asked_now_and_then());
    }
    return output;
  });
}

py::dict PyNetwork::trace(const py::array& x, const py::array& y, const Numbers& sample_weight) {
  const Images inputs = read(x);
  const Targets wanted = read_targets(y, sample_weight);
  return visit([&]<class T>(Network<T>& n) {
    std::vector<TracedArray<T>> arrays;
    {
      const Unlocked unlocked;
      arrays = n.trace(inputs, wanted);
    }
    py::dict result;
    for (const TracedArray<T>& a : arrays) {
      if (a.shape.empty()) result[py::str(a.name)] = py::float_(double(a.values.at(0)));
      else result[py::str(a.name)] = copy_of<T>(a.shape, a.values);
    }
    return result;
  });
}

std::pair<std::vector<py::dict>, Counts> PyNetwork::copies_of(std::initializer_list<Kind> kinds) {
  return visit([&]<class T>(Network<T>& n) {
    std::pair<std::vector<py::dict>, Counts> result;
    std::vector<std::pair<std::span<const T>, T*>> moves;
    for (const Kind kind : kinds) {
      py::dict& arrays = result.first.emplace_back();
      for (const Named<T>& from : named(n, kind)) {
        py::array_t<T> array(shape_of(from.shape));
        moves.emplace_back(from.values, array.mutable_data());
        arrays[py::str(from.name)] = array;
      }
    }
    const Unlocked unlocked;
    n.read([&](const Counts& counts) {
      for (const auto& [from, to] : moves) std::copy(from.begin(), from.end(), to);
      result.second = counts;
    });
    return result;
  });
}

py::dict PyNetwork::copies(Kind kind) { return copies_of({kind}).first.front(); }

py::tuple PyNetwork::snapshot() {
  const auto [arrays, counts] = copies_of({Kind::value, Kind::state});
  return py::make_tuple(arrays[0], arrays[1], counts.optimizer_steps, counts.training_passes);
}

void PyNetwork::load(const py::dict& given, Kind kind) {
  visit([&]<class T>(Network<T>& n) {
    const std::vector<Named<T>> arrays = named(n, kind);
    std::vector<std::pair<const T*, std::span<T>>> moves;
    for (const auto& [key, value] : given) {
      const std::string name = py::str(key);
      const auto found =
          std::find_if(arrays.begin(), arrays.end(), [&](const Named<T>& array) { return array.name == name; });
      if (found == arrays.end()) throw py::key_error("the network has no array '" + name + "'");
      moves.emplace_back(checked<T>(*found, value), found->values);
    }
    const Unlocked unlocked;
    n.change([&] {
      for (const auto& [from, to] : moves) std::copy_n(from, to.size(), to.data());
    });
  });
}

void PyNetwork::load_optimizer_state(const py::dict& state, std::int64_t steps) {
  load(state, Kind::state);
  visit_unlocked([&](auto& n) { n.set_optimizer_steps(steps); });
}

std::int64_t PyNetwork::optimizer_steps() {
  return visit_unlocked([](auto& n) { return n.optimizer_steps(); });
}

void PyNetwork::set_training_passes(std::int64_t passes) {
  visit_unlocked([&](auto& n) { n.set_training_passes(passes); });
}

void PyNetwork::initialize(const std::string& name, const Initializer& initializer) {
  visit_unlocked([&](auto& n) { n.initialize(name, initializer); });
}

void PyNetwork::set_optimizer(const Optimizer& optimizer) {
  visit_unlocked([&](auto& n) { n.set_optimizer(optimizer); });
}

}  // namespace cnnbp::bindings
