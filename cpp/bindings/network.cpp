#include <cnnbp/network.hpp>

#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <variant>

#include "arrays.hpp"
#include "bindings.hpp"

namespace cnnbp::bindings {
namespace {

using Unlocked = py::gil_scoped_release;
using OnBatch = std::optional<std::function<void(std::int64_t, double)>>;

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

/// (K,) or (C, H, W)
std::vector<std::int64_t> shape_after(const LayerSummary& layer) {
  const Shape& s = layer.output_shape;
  if (layer.is_vector) return {s.channels};
  return {s.channels, s.height, s.width};
}

template <class T>
py::array_t<T> copy_of(const std::vector<std::int64_t>& shape, std::span<const T> values) {
  py::array_t<T> array(shape_of(shape));
  std::copy(values.begin(), values.end(), array.mutable_data());
  return array;
}

/// The arrays that belong to every parameter.
enum class Kind { value, gradient, state };

/// A network of either type.
class PyNetwork {
 public:
  PyNetwork(NetworkDefinition definition, const std::string& dtype, std::uint64_t seed, const Optimizer& optimizer) {
    if (dtype == "float32") network_.emplace<Network<float>>(std::move(definition), optimizer, seed);
    else if (dtype == "float64") network_.emplace<Network<double>>(std::move(definition), optimizer, seed);
    else throw std::invalid_argument("dtype is '" + dtype + "', expected 'float32' or 'float64'");
  }

  /// Calls body(network) for the type at hand.
  template <class Body>
  auto visit(Body body) {
    return std::visit(
        [&](auto& network) {
          if constexpr (std::is_same_v<std::decay_t<decltype(network)>, std::monostate>)
            return decltype(body(std::declval<Network<float>&>())){};
          else return body(network);
        },
        network_);
  }

  const NetworkDefinition& definition() {
    return *visit([](auto& n) { return &n.definition(); });
  }
  const std::vector<LayerSummary>& summary() {
    return *visit([](auto& n) { return &n.summary(); });
  }
  std::int64_t features() { return last_layer(summary()).output_shape.features(); }
  Images read(const py::array& x) { return images(x, definition().input); }
  Targets read_targets(const py::array& y, const Numbers& weights) { return targets(y, features(), weights); }

  void check(const py::array& x, const py::array& y, const Numbers& sample_weight) {
    const Images inputs = read(x);
    const Targets wanted = read_targets(y, sample_weight);
    const Unlocked unlocked;
    visit([&](auto& n) { return n.check(inputs, wanted), 0; });
  }

  double train_step(const py::array& x, const py::array& y, const Numbers& sample_weight) {
    const Images inputs = read(x);
    const Targets wanted = read_targets(y, sample_weight);
    const Unlocked unlocked;
    return visit([&](auto& n) { return n.train_step(inputs, wanted); });
  }

  double accumulate_gradients(const py::array& x, const py::array& y, const Numbers& sample_weight) {
    const Images inputs = read(x);
    const Targets wanted = read_targets(y, sample_weight);
    const Unlocked unlocked;
    return visit([&](auto& n) { return n.accumulate_gradients(inputs, wanted); });
  }

  py::array_t<double> train_epoch(const py::array& x, const py::array& y, const py::array_t<std::int64_t>& order,
                                  std::int64_t batch_size, const OnBatch& on_batch, const Numbers& lr,
                                  const Numbers& sample_weight) {
    const Images inputs = read(x);
    const Targets wanted = read_targets(y, sample_weight);
    require_layout("order", order, 1);
    const std::span<const std::int64_t> samples(order.data(), static_cast<std::size_t>(order.size()));
    const std::span<const double> rates = numbers("lr", lr);
    const auto batches =
        static_cast<std::int64_t>((order.size() + batch_size - 1) / std::max<std::int64_t>(1, batch_size));
    Ticker ticker;
    const auto tell = [&](std::int64_t done, double last_loss) {
      if (ticker.ticks() || done == batches) {
        const py::gil_scoped_acquire locked;
        look_at_signals();
        if (on_batch) (*on_batch)(done, last_loss);
      }
      return true;
    };
    std::vector<double> losses;
    {
      const Unlocked unlocked;
      losses = visit([&](auto& n) { return n.train_epoch(inputs, wanted, samples, batch_size, tell, rates); });
    }
    return py::array_t<double>(static_cast<py::ssize_t>(losses.size()), losses.data());
  }

  std::pair<double, double> evaluate(const py::array& x, const py::array& y, const Numbers& sample_weight) {
    const Images inputs = read(x);
    const Targets wanted = read_targets(y, sample_weight);
    const Unlocked unlocked;
    const Evaluation result = visit([&](auto& n) { return n.evaluate(inputs, wanted, asked_now_and_then()); });
    return {result.loss, result.accuracy};
  }

  py::array predict(const py::array& x) {
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

  py::dict trace(const py::array& x, const py::array& y, const Numbers& sample_weight) {
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

  std::vector<std::int64_t> output_shape() { return shape_after(last_layer(summary())); }

  py::dict copies(Kind kind) {
    return visit([&]<class T>(Network<T>& n) {
      py::dict result;
      std::vector<std::pair<std::span<const T>, T*>> moves;
      for (const Named<T>& from : named(n, kind)) {
        py::array_t<T> array(shape_of(from.shape));
        moves.emplace_back(from.values, array.mutable_data());
        result[py::str(from.name)] = array;
      }
      const Unlocked unlocked;
      n.read([&] {
        for (const auto& [from, to] : moves) std::copy(from.begin(), from.end(), to);
      });
      return result;
    });
  }

  /// Writes all of the arrays, or, when one does not fit, none.
  void load(const py::dict& given, Kind kind) {
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
      return 0;
    });
  }

  void load_optimizer_state(const py::dict& state, std::int64_t steps) {
    load(state, Kind::state);
    const Unlocked unlocked;
    visit([&](auto& n) { return n.set_optimizer_steps(steps), 0; });
  }
  std::int64_t optimizer_steps() {
    const Unlocked unlocked;
    return visit([](auto& n) { return n.optimizer_steps(); });
  }
  std::int64_t training_passes() {
    const Unlocked unlocked;
    return visit([](auto& n) { return n.training_passes(); });
  }
  void set_training_passes(std::int64_t passes) {
    const Unlocked unlocked;
    visit([&](auto& n) { return n.set_training_passes(passes), 0; });
  }
  void initialize(const std::string& name, const Initializer& initializer) {
    const Unlocked unlocked;
    visit([&](auto& n) { return n.initialize(name, initializer), 0; });
  }
  void set_optimizer(const Optimizer& optimizer) {
    const Unlocked unlocked;
    visit([&](auto& n) { return n.set_optimizer(optimizer), 0; });
  }
  void apply_gradients() {
    const Unlocked unlocked;
    visit([](auto& n) { return n.apply_gradients(), 0; });
  }
  void zero_gradients() {
    const Unlocked unlocked;
    visit([](auto& n) { return n.zero_gradients(), 0; });
  }

 private:
  template <class T>
  struct Named {
    std::string name;
    std::vector<std::int64_t> shape;
    std::span<T> values;
  };

  /// "0.weight", or of the optimizer's state "exp_avg/0.weight".
  template <class T>
  static std::vector<Named<T>> named(Network<T>& network, Kind kind) {
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
  static const T* checked(const Named<T>& p, const py::handle& value) {
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

  std::variant<std::monostate, Network<float>, Network<double>> network_;
};

py::dict describe(const LayerSummary& l) {
  using py::arg;
  return py::dict(arg("name") = l.name, arg("type") = l.type, arg("output_shape") = py::tuple(py::cast(shape_after(l))),
                  arg("parameters") = l.parameters, arg("frozen") = l.frozen, arg("multiply_adds") = l.multiply_adds);
}

/// The layers in order, and the bytes that the network would take.
py::tuple summarize_network(const NetworkDefinition& definition, const std::string& dtype, const Optimizer& optimizer,
                            std::int64_t batch_size) {
  py::list layers;
  for (const LayerSummary& layer : summarize(definition)) layers.append(describe(layer));
  const auto use = dtype == "float32" ? memory_use<float> : memory_use<double>;
  const MemoryUse bytes = use(definition, optimizer, batch_size);
  using py::arg;
  return py::make_tuple(layers, py::dict(arg("parameters") = bytes.parameters, arg("training") = bytes.training,
                                         arg("prediction") = bytes.prediction));
}

using InputShape = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

NetworkDefinition define(const InputShape& input_shape, const std::vector<AnyLayer>& layers, const Loss& loss) {
  NetworkDefinition definition;
  const auto [channels, height, width] = input_shape;
  definition.input = {channels, height, width};
  for (const AnyLayer& layer : layers) definition.layers.push_back(layer.definition);
  definition.loss = loss;
  return definition;
}

std::unique_ptr<PyNetwork> make_network(const InputShape& input_shape, const std::vector<AnyLayer>& layers,
                                        const Loss& loss, const std::string& dtype, std::uint64_t seed,
                                        const Initializer& initializer, const Optimizer& optimizer) {
  NetworkDefinition definition = define(input_shape, layers, loss);
  definition.initializer = initializer;
  return std::make_unique<PyNetwork>(std::move(definition), dtype, seed, optimizer);
}

}  // namespace

void bind_network(py::module_& module) {
  using py::arg;
  module.def(
      "summarize",
      [](const InputShape& input_shape, const std::vector<AnyLayer>& layers, const Loss& loss, const std::string& dtype,
         const Optimizer& optimizer, std::int64_t batch_size) {
        return summarize_network(define(input_shape, layers, loss), dtype, optimizer, batch_size);
      },
      py::kw_only(), arg("input_shape"), arg("layers"), arg("loss"), arg("dtype"), arg("optimizer"), arg("batch_size"));
  const py::arg_v weights = arg("sample_weight") = py::none();
  py::class_<PyNetwork>(module, "Network")
      .def(py::init(&make_network), py::kw_only(), arg("input_shape"), arg("layers"), arg("loss"), arg("dtype"),
           arg("seed"), arg("initializer"), arg("optimizer"))
      .def_property_readonly("input_shape",
                             [](PyNetwork& n) {
                               const Shape& s = n.definition().input;
                               return py::make_tuple(s.channels, s.height, s.width);
                             })
      .def_property_readonly("output_shape", [](PyNetwork& n) { return py::tuple(py::cast(n.output_shape())); })
      .def("initialize", &PyNetwork::initialize, arg("name"), arg("initializer"))
      .def("set_optimizer", &PyNetwork::set_optimizer, arg("optimizer"))
      .def("parameters", [](PyNetwork& n) { return n.copies(Kind::value); })
      .def("gradients", [](PyNetwork& n) { return n.copies(Kind::gradient); })
      .def("optimizer_state", [](PyNetwork& n) { return n.copies(Kind::state); })
      .def("optimizer_steps", &PyNetwork::optimizer_steps)
      .def(
          "load_parameters", [](PyNetwork& n, const py::dict& d) { n.load(d, Kind::value); }, arg("parameters"))
      .def("load_optimizer_state", &PyNetwork::load_optimizer_state, arg("state"), arg("steps"))
      .def("training_passes", &PyNetwork::training_passes)
      .def("set_training_passes", &PyNetwork::set_training_passes, arg("passes"))
      .def("check", &PyNetwork::check, arg("x"), arg("y"), weights)
      .def("train_step", &PyNetwork::train_step, arg("x"), arg("y"), weights)
      .def("train_epoch", &PyNetwork::train_epoch, arg("x"), arg("y"), arg("order"), arg("batch_size"),
           arg("on_batch") = py::none(), arg("lr") = py::none(), weights)
      .def("accumulate_gradients", &PyNetwork::accumulate_gradients, arg("x"), arg("y"), weights)
      .def("apply_gradients", &PyNetwork::apply_gradients)
      .def("zero_gradients", &PyNetwork::zero_gradients)
      .def("evaluate", &PyNetwork::evaluate, arg("x"), arg("y"), weights)
      .def("predict", &PyNetwork::predict, arg("x"))
      .def("trace", &PyNetwork::trace, arg("x"), arg("y"), weights);
}

}  // namespace cnnbp::bindings
