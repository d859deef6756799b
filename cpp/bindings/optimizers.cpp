#include <pybind11/stl.h>

#include <cnnbp/optimizer.hpp>

#include "bindings.hpp"

namespace py = pybind11;

namespace cnnbp::bindings {
namespace {

using Betas = std::pair<double, double>;

void bind_update_options(py::module_& module) {
  using py::arg;
  constexpr double none = std::numeric_limits<double>::infinity();

  py::class_<UpdateOptions>(module, "UpdateOptions")
      .def(py::init([](double clip_norm, double clip_value, std::optional<double> ema_decay,
                       const std::map<std::string, double>& lr_scales) {
             return UpdateOptions{clip_norm, clip_value, ema_decay, lr_scales};
           }),
           py::kw_only(), arg("clip_norm") = none, arg("clip_value") = none, arg("ema_decay") = py::none(),
           arg("lr_scales") = std::map<std::string, double>{});
}

void bind_momentum_rules(py::module_& module) {
  using py::arg;

  py::class_<SGD>(module, "SGD")
      .def(py::init([](double lr, double momentum, double weight_decay, bool nesterov, const UpdateOptions& options) {
             return SGD{lr, momentum, weight_decay, nesterov, options};
           }),
           py::kw_only(), arg("lr"), arg("momentum") = 0.0, arg("weight_decay") = 0.0, arg("nesterov") = false,
           arg("options") = UpdateOptions{});
  py::class_<Lion>(module, "Lion")
      .def(py::init([](double lr, const Betas& betas, double weight_decay, const UpdateOptions& options) {
             return Lion{lr, betas, weight_decay, options};
           }),
           py::kw_only(), arg("lr"), arg("betas") = Betas{0.9, 0.99}, arg("weight_decay") = 0.0,
           arg("options") = UpdateOptions{});
}

void bind_adaptive_rules(py::module_& module) {
  using py::arg;

  py::class_<Adagrad>(module, "Adagrad")
      .def(py::init([](double lr, double lr_decay, double weight_decay, double eps, const UpdateOptions& options) {
             return Adagrad{lr, lr_decay, weight_decay, eps, options};
           }),
           py::kw_only(), arg("lr"), arg("lr_decay") = 0.0, arg("weight_decay") = 0.0, arg("eps") = 1e-10,
           arg("options") = UpdateOptions{});
  py::class_<RMSprop>(module, "RMSprop")
      .def(py::init(
               [](double lr, double alpha, double eps, double weight_decay, double momentum,
                  const UpdateOptions& options) { return RMSprop{lr, alpha, eps, weight_decay, momentum, options}; }),
           py::kw_only(), arg("lr"), arg("alpha") = 0.99, arg("eps") = 1e-8, arg("weight_decay") = 0.0,
           arg("momentum") = 0.0, arg("options") = UpdateOptions{});
  py::class_<Adam>(module, "Adam")
      .def(py::init([](double lr, const Betas& betas, double eps, double weight_decay, const UpdateOptions& options) {
             return Adam{lr, betas, eps, weight_decay, options};
           }),
           py::kw_only(), arg("lr"), arg("betas") = Betas{0.9, 0.999}, arg("eps") = 1e-8, arg("weight_decay") = 0.0,
           arg("options") = UpdateOptions{});
  py::class_<AdamW>(module, "AdamW")
      .def(py::init([](double lr, const Betas& betas, double eps, double weight_decay, const UpdateOptions& options) {
             return AdamW{lr, betas, eps, weight_decay, options};
           }),
           py::kw_only(), arg("lr"), arg("betas") = Betas{0.9, 0.999}, arg("eps") = 1e-8, arg("weight_decay") = 0.01,
           arg("options") = UpdateOptions{});
}

}  // namespace

void bind_optimizers(py::module_& module) {
  bind_update_options(module);
  bind_momentum_rules(module);
  bind_adaptive_rules(module);
}

}  // namespace cnnbp::bindings
