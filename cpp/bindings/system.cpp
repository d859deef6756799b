#include <pybind11/stl.h>

#include <algorithm>

#include "arrays.hpp"
#include "bindings.hpp"

namespace cnnbp::bindings {

void bind_system(py::module_& module) {
  module.def("isa", &isa);
  module.def("available_isas", &available_isas);
  module.def("get_num_threads", &num_threads);
  module.def("set_num_threads", &set_num_threads, py::arg("threads"));
  module.def("fma_peak", &fma_peak, py::arg("seconds"), py::call_guard<py::gil_scoped_release>());
  module.def("normal_quantile", &normal_quantile, py::arg("p"));
  module.def(
      "permutation",
      [](std::int64_t size, std::uint64_t seed, std::uint64_t epoch) {
        if (size < 0) throw py::value_error("size is " + std::to_string(size) + ", expected at least 0");
        const std::vector<std::int64_t> order = permutation(size, seed, epoch);
        return py::array_t<std::int64_t>(static_cast<py::ssize_t>(order.size()), order.data());
      },
      py::arg("size"), py::arg("seed"), py::arg("epoch"));
}

}  // namespace cnnbp::bindings
