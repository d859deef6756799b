#include <cnnbp/functional.hpp>

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>

#include "arrays.hpp"
#include "bindings.hpp"

namespace cnnbp::bindings {
namespace {

namespace f = cnnbp::functional;
using Unlocked = py::gil_scoped_release;

template <class T>
py::array_t<T> matrix(std::int64_t rows, std::int64_t columns) {
  return py::array_t<T>({rows, columns});
}

py::array linear(const py::array& x, const py::array& weight, const std::optional<py::array>& bias) {
  return with_float("x", x, [&]<class T>(T) -> py::array {
    const auto input = view<T>("x", x, 2), w = view<T>("weight", weight, 2);
    if (w.shape.channels != input.shape.channels)
      throw py::value_error("x has shape " + shape_text(x) + ", but weight has shape " + shape_text(weight) +
                            ": their last sizes must agree");
    const T* b = nullptr;
    if (bias) {
      require_layout("bias", *bias, 1);
      if (!bias->dtype().equal(py::dtype::of<T>())) throw py::type_error("bias has another dtype than x");
      if (bias->shape(0) != w.count)
        throw py::value_error("bias has shape " + shape_text(*bias) + ", expected (" + std::to_string(w.count) + ",)");
      b = static_cast<const T*>(bias->data());
    }
    py::array_t<T> output = matrix<T>(input.count, w.count);
    T* data = output.mutable_data();
    {
      const Unlocked unlocked;
      f::linear<T>(input, w.data, b, {w.count}, {data, input.count, {w.count, 1, 1}});
    }
    return output;
  });
}

py::array linear_delta(const py::array& output_delta, const py::array& weight) {
  return with_float("output_delta", output_delta, [&]<class T>(T) -> py::array {
    const auto delta = view<T>("output_delta", output_delta, 2), w = view<T>("weight", weight, 2);
    if (w.count != delta.shape.channels)
      throw py::value_error("output_delta has shape " + shape_text(output_delta) + ", but weight has shape " +
                            shape_text(weight) + ": one row a column of output_delta is expected");
    py::array_t<T> result = matrix<T>(delta.count, w.shape.channels);
    T* data = result.mutable_data();
    {
      const Unlocked unlocked;
      f::linear_delta<T>(delta, w.data, {w.count}, {data, delta.count, {w.shape.channels, 1, 1}});
    }
    return result;
  });
}

py::tuple linear_gradients(const py::array& x, const py::array& output_delta) {
  return with_float("x", x, [&]<class T>(T) -> py::tuple {
    const auto input = view<T>("x", x, 2), delta = view<T>("output_delta", output_delta, 2);
    if (input.count != delta.count)
      throw py::value_error("x has shape " + shape_text(x) + ", but output_delta has shape " +
                            shape_text(output_delta) + ": as many samples are expected");
    py::array_t<T> weight = matrix<T>(delta.shape.channels, input.shape.channels);
    py::array_t<T> bias(delta.shape.channels);
    T *w = weight.mutable_data(), *b = bias.mutable_data();
    std::fill_n(w, weight.size(), T(0));
    std::fill_n(b, bias.size(), T(0));
    {
      const Unlocked unlocked;
      f::linear_gradients<T>(input, delta, {delta.shape.channels}, w, b);
    }
    return py::make_tuple(weight, bias);
  });
}

/// Of any shape; softmax takes (N, C) or (N, C, …) and works over axis 1.
template <class T>
f::Array<const T> elements(const char* name, const py::array& array, Function function = Function::identity) {
  require_layout(name, array, array.ndim());
  if (!array.dtype().equal(py::dtype::of<T>()))
    throw py::type_error(std::string(name) + " has dtype " + std::string(py::str(array.dtype())) +
                         ", expected that of the other array");
  const T* data = static_cast<const T*>(array.data());
  if (function != Function::softmax) return {data, 1, {array.size(), 1, 1}};
  if (array.ndim() < 2 || array.size() == 0)
    throw py::value_error(std::string(name) + " has shape " + shape_text(array) +
                          ", expected (N, C) or (N, C, …), at least 1 each");
  const std::int64_t count = array.shape(0), channels = array.shape(1);
  return {data, count, {channels, array.size() / count / channels, 1}};
}

void require_same_shape(const py::array& output_delta, const py::array& output) {
  if (!std::equal(output.shape(), output.shape() + output.ndim(), output_delta.shape(),
                  output_delta.shape() + output_delta.ndim()))
    throw py::value_error("output_delta has shape " + shape_text(output_delta) + ", but output has shape " +
                          shape_text(output));
}

template <class T>
py::array_t<T> like(const py::array& array) {
  return py::array_t<T>(std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()));
}

py::array activation(const py::array& x, const std::string& name) {
  return with_float("x", x, [&]<class T>(T) -> py::array {
    const Function chosen = function(name);
    const auto input = elements<T>("x", x, chosen);
    py::array_t<T> output = like<T>(x);
    const f::Array<T> to{output.mutable_data(), input.count, input.shape};
    {
      const Unlocked unlocked;
      f::activation<T>(input, chosen, to);
    }
    return output;
  });
}

py::array activation_delta(const py::array& output_delta, const py::array& output, const std::string& name) {
  return with_float("output_delta", output_delta, [&]<class T>(T) -> py::array {
    const Function chosen = function(name);
    const auto delta = elements<T>("output_delta", output_delta, chosen), y = elements<T>("output", output, chosen);
    require_same_shape(output_delta, output);
    py::array_t<T> result = like<T>(output);
    const f::Array<T> to{result.mutable_data(), y.count, y.shape};
    {
      const Unlocked unlocked;
      f::activation_delta<T>(delta, y, chosen, to);
    }
    return result;
  });
}

py::array exp(const py::array& x) {
  return with_float("x", x, [&]<class T>(T) -> py::array {
    const auto input = elements<T>("x", x);
    py::array_t<T> output = like<T>(x);
    const f::Array<T> to{output.mutable_data(), input.count, input.shape};
    {
      const Unlocked unlocked;
      f::exp<T>(input, to);
    }
    return output;
  });
}

}  // namespace

void bind_linear_and_activations(py::module_& module) {
  using py::arg;
  module.def("linear", &linear, arg("x"), arg("weight"), arg("bias"));
  module.def("linear_delta", &linear_delta, arg("output_delta"), arg("weight"));
  module.def("linear_gradients", &linear_gradients, arg("x"), arg("output_delta"));
  module.def("activation", &activation, arg("x"), arg("function"));
  module.def("activation_delta", &activation_delta, arg("output_delta"), arg("output"), arg("function"));
  module.def("exp", &exp, arg("x"));
}

}  // namespace cnnbp::bindings
