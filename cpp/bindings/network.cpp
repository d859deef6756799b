#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include "bindings.hpp"
#include "py_network.hpp"

namespace cnnbp::bindings {
namespace {

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
      .def("snapshot", &PyNetwork::snapshot)
      .def(
          "load_parameters", [](PyNetwork& n, const py::dict& d) { n.load(d, Kind::value); }, arg("parameters"))
      .def("load_optimizer_state", &PyNetwork::load_optimizer_state, arg("state"), arg("steps"))
      .def("set_training_passes", &PyNetwork::set_training_passes, arg("passes"))
      .def("check", &PyNetwork::check, arg("x"), arg("y"), weights)
      .def("train_step", &PyNetwork::train_step, arg("x"), arg("y"), weights)
      .def("train_epoch", &PyNetwork::train_epoch, arg("x"), arg("y"), arg("order"), arg("batch_size"),
           arg("on_batch") = py::none(), arg("lr") = py::none(), weights)
      .def("accumulate_gradients", &PyNetwork::accumulate_gradients, arg("x"), arg("y"), weights, arg("scale") = 1.0)
      .def("apply_gradients", &PyNetwork::apply_gradients)
      .def("zero_gradients", &PyNetwork::zero_gradients)
      .def("evaluate", &PyNetwork::evaluate, arg("x"), arg("y"), weights)
      .def("predict", &PyNetwork::predict, arg("x"))
      .def("trace", &PyNetwork::trace, arg("x"), arg("y"), weights);
}

}  // namespace cnnbp::bindings
