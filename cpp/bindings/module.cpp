#include "bindings.hpp"

#include <cnnbp/system.hpp>

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() = "The compiled core of cnnbp.";
  module.attr("__version__") = cnnbp::version();
  cnnbp::bindings::bind_system(module);
  cnnbp::bindings::bind_definitions(module);
  cnnbp::bindings::bind_initializers(module);
  cnnbp::bindings::bind_losses(module);
  cnnbp::bindings::bind_optimizers(module);
  cnnbp::bindings::bind_network(module);
  cnnbp::bindings::bind_functional(module);
}
