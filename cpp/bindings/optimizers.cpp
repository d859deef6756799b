#include <pybind11/stl.h>

#include <cnnbp/optimizer.hpp>

#include "bindings.hpp"

namespace py = pybind11;

namespace cnnbp::bindings {
namespace {

using Betas = std::pair<double, double>;

}  // namespace

void bind_optimizers(py::module_& module) {
  using py::arg;
  constexpr double none = std::numeric_limits<double>::infinity();

  py::class_<SGD>(module, "SGD")
      .def(py::init([](double lr, double momentum, double weight_decay, bool nesterov, double norm, double value) {
             return SGD{lr, momentum, weight_decay, nesterov, {norm, value}};
           }),
           py::kw_only(), arg("lr"), arg("momentum") = 0.0, arg("weight_decay") = 0.0, arg("nesterov") = false,
           arg("clip_norm") = none, arg("clip_value") = none);
  py::class_<Adagrad>(module, "Adagrad")
      .def(py::init([](double lr, double lr_decay, double weight_decay, double eps, double norm, double value) {
             return Adagrad{lr, lr_decay, weight_decay, eps, {norm, value}};
           }),
           py::kw_only(), arg("lr"), arg("lr_decay") = 0.0, arg("weight_decay") = 0.0, arg("eps") = 1e-10,
           arg("clip_norm") = none, arg("clip_value") = none);
  py::class_<RMSprop>(module, "RMSprop")
      .def(py::init([](double lr, double alpha, double eps, double weight_decay, double momentum, double norm,
                       double value) { return RMSprop{lr, alpha, eps, weight_decay, momentum, {norm, value}}; }),
           py::kw_only(), arg("lr"), arg("alpha") = 0.99, arg("eps") = 1e-8, arg("weight_decay") = 0.0,
           arg("momentum") = 0.0, arg("clip_norm") = none, arg("clip_value") = none);
  py::class_<Adam>(module, "Adam")
      .def(py::init([](double lr, const Betas& betas, double eps, double weight_decay, double norm, double value) {
             return Adam{lr, betas, eps, weight_decay, {norm, value}};
           }),
           py::kw_only(), arg("lr"), arg("betas") = Betas{0.9, 0.999}, arg("eps") = 1e-8, arg("weight_decay") = 0.0,
           arg("clip_norm") = none, arg("clip_value") = none);
  py::class_<AdamW>(module, "AdamW")
      .def(py::init([](double lr, const Betas& betas, double eps, double weight_decay, double norm, double value) {
             return AdamW{lr, betas, eps, weight_decay, {norm, value}};
           }),
           py::kw_only(), arg("lr"), arg("betas") = Betas{0.9, 0.999}, arg("eps") = 1e-8, arg("weight_decay") = 0.01,
           arg("clip_norm") = none, arg("clip_value") = none);
  py::class_<Lion>(module, "Lion")
      .def(py::init([](double lr, const Betas& betas, double weight_decay, double norm, double value) {
             return Lion{lr, betas, weight_decay, {norm, value}};
           }),
           py::kw_only(), arg("lr"), arg("betas") = Betas{0.9, 0.99}, arg("weight_decay") = 0.0,
           arg("clip_norm") = none, arg("clip_value") = none);
}

}  // namespace cnnbp::bindings
