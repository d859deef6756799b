#include <pybind11/pybind11.h>

#include <cnnbp/initializer.hpp>
#include <stdexcept>
#include <string>

#include "bindings.hpp"

namespace py = pybind11;

namespace cnnbp::bindings {
namespace {

using Fan = VarianceScaling::Fan;
using Distribution = VarianceScaling::Distribution;

Fan fan(const std::string& name) {
  if (name == "fan_in") return Fan::in;
  if (name == "fan_out") return Fan::out;
  if (name == "fan_avg") return Fan::mean;
  throw std::invalid_argument("fan is '" + name + "', expected 'fan_in', 'fan_out' or 'fan_avg'");
}

Distribution distribution(const std::string& name) {
  if (name == "uniform") return Distribution::uniform;
  if (name == "normal") return Distribution::normal;
  throw std::invalid_argument("distribution is '" + name + "', expected 'uniform' or 'normal'");
}

}  // namespace

void bind_initializers(py::module_& module) {
  using py::arg;
  py::class_<ToolboxUniform>(module, "ToolboxUniform").def(py::init<>());
  py::class_<VarianceScaling>(module, "VarianceScaling")
      .def(py::init([](double scale, const std::string& fan_name, const std::string& drawn) {
             return VarianceScaling{scale, fan(fan_name), distribution(drawn)};
           }),
           py::kw_only(), arg("scale"), arg("fan"), arg("distribution"));
  py::class_<Orthogonal>(module, "Orthogonal")
      .def(py::init([](double gain) { return Orthogonal{gain}; }), py::kw_only(), arg("gain"));
  py::class_<Constant>(module, "Constant")
      .def(py::init([](double value) { return Constant{value}; }), py::kw_only(), arg("value"));
}

}  // namespace cnnbp::bindings
