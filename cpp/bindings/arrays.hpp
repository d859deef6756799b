// NumPy arrays to and from the core's views.
#pragma once

#include <pybind11/numpy.h>

#include <cnnbp/cnnbp.hpp>
#include <optional>
#include <span>

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

using Numbers = std::optional<py::array_t<double>>;

/// (N, C, H, W) of the network's input.
inline Images images(const py::array& x, const Shape& shape) {
  require_layout("x", x, 4);
  if (x.shape(1) != shape.channels || x.shape(2) != shape.height || x.shape(3) != shape.width)
    throw py::value_error("x has shape " + shape_text(x) + ", expected (N, " + std::to_string(shape.channels) + ", " +
                          std::to_string(shape.height) + ", " + std::to_string(shape.width) + ")");
  if (x.dtype().equal(py::dtype::of<std::uint8_t>())) return {static_cast<const std::uint8_t*>(x.data()), x.shape(0)};
  return with_float("x", x, [&]<class T>(T) -> Images { return {static_cast<const T*>(x.data()), x.shape(0)}; });
}

/// The numbers of an array (N,), or none.
inline std::span<const double> numbers(const char* name, const Numbers& array) {
  if (!array) return {};
  require_layout(name, *array, 1);
  if (array->size() == 0) throw py::value_error(std::string(name) + " is empty; leave it out");
  return {array->data(), static_cast<std::size_t>(array->size())};
}

/// Class numbers (N,), or targets (N, features), with their weights.
inline Targets targets(const py::array& y, std::int64_t features, const Numbers& sample_weight) {
  const std::span<const double> weights = numbers("sample_weight", sample_weight);
  if (y.dtype().equal(py::dtype::of<std::int64_t>())) {
    require_layout("y", y, 1);
    return {static_cast<const std::int64_t*>(y.data()), y.shape(0), weights};
  }
  require_layout("y", y, 2);
  if (y.shape(1) != features)
    throw py::value_error("y has shape " + shape_text(y) + ", expected (N, " + std::to_string(features) +
                          "): the network has " + std::to_string(features) + " outputs");
  return with_float("y", y,
                    [&]<class T>(T) -> Targets { return {static_cast<const T*>(y.data()), y.shape(0), weights}; });
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
