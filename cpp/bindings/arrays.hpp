// NumPy arrays to and from the core's views.
#pragma once

#include <pybind11/numpy.h>

#include <cnnbp/cnnbp.hpp>

namespace py = pybind11;

namespace cnnbp::bindings {

inline std::string shape_text(const py::array& array) { return py::str(array.attr("shape")); }

/// Calls body(T{}) for the array's type, float or double.
template <class Body>
auto with_float(const char* name, const py::array& array, Body body) {
  if (array.dtype().equal(py::dtype::of<float>())) return body(float{});
  if (array.dtype().equal(py::dtype::of<double>())) return body(double{});
  throw py::type_error(std::string(name) + " has dtype " + std::string(py::str(array.dtype())) +
                       ", expected float32 or float64");
}

/// Throws unless the array is C-contiguous and has this many dimensions.
inline void require_layout(const char* name, const py::array& array, py::ssize_t ndim) {
  if (array.ndim() != ndim)
    throw py::value_error(std::string(name) + " has shape " + shape_text(array) + ", expected " + std::to_string(ndim) +
                          " dimensions");
  if (!(array.flags() & py::array::c_style))
    throw py::value_error(std::string(name) + " is not C-contiguous; use numpy.ascontiguousarray");
}

/// A view of (N, C, H, W), or of (N, K) as K channels of one pixel.
template <class T>
functional::Array<const T> view(const char* name, const py::array& array, py::ssize_t ndim = 4) {
  require_layout(name, array, ndim);
  if (!array.dtype().equal(py::dtype::of<T>()))
    throw py::type_error(std::string(name) + " has dtype " + std::string(py::str(array.dtype())) + ", expected " +
                         std::string(py::str(py::dtype::of<T>())) + " as the other arrays");
  const Shape shape{array.shape(1), ndim > 2 ? array.shape(2) : 1, ndim > 3 ? array.shape(3) : 1};
  if (array.shape(0) < 1 || shape.channels < 1 || shape.height < 1 || shape.width < 1)
    throw py::value_error(std::string(name) + " has shape " + shape_text(array) + ", expected at least 1 each");
  return {static_cast<const T*>(array.data()), array.shape(0), shape};
}

/// A new array and a view of it.
template <class T>
struct Fresh {
  py::array_t<T> array;
  functional::Array<T> view;

  Fresh(std::int64_t count, Shape s)
      : array({count, s.channels, s.height, s.width}), view{array.mutable_data(), count, s} {}
};

}  // namespace cnnbp::bindings
