#include <pybind11/stl.h>

#include <cnnbp/loss.hpp>

#include "bindings.hpp"

namespace py = pybind11;

namespace cnnbp::bindings {

void bind_losses(py::module_& module) {
  using py::arg;
  using Factors = std::vector<double>;

  py::class_<MSE>(module, "MSE").def(py::init<>());
  py::class_<CrossEntropy>(module, "CrossEntropy")
      .def(py::init([](double label_smoothing, const Factors& class_weights, std::int64_t ignore_index) {
             return CrossEntropy{label_smoothing, class_weights, ignore_index};
           }),
           py::kw_only(), arg("label_smoothing") = 0.0, arg("class_weights") = Factors{}, arg("ignore_index") = -100);
  py::class_<BCEWithLogits>(module, "BCEWithLogits")
      .def(py::init([](const Factors& pos_weight) { return BCEWithLogits{pos_weight}; }), py::kw_only(),
           arg("pos_weight") = Factors{});
  py::class_<L1>(module, "L1").def(py::init<>());
  py::class_<Huber>(module, "Huber")
      .def(py::init([](double delta) { return Huber{delta}; }), py::kw_only(), arg("delta") = 1.0);
  py::class_<Hinge>(module, "Hinge")
      .def(py::init([](double margin) { return Hinge{margin}; }), py::kw_only(), arg("margin") = 1.0);
}

}  // namespace cnnbp::bindings
