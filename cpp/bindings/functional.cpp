#include <cnnbp/functional.hpp>
#include <cnnbp/timing.hpp>

#include <pybind11/stl.h>

#include <optional>

#include "arrays.hpp"
#include "bindings.hpp"

namespace cnnbp::bindings {
namespace {

namespace f = cnnbp::functional;
using Unlocked = py::gil_scoped_release;

/// The convolution that a weight (out, in / groups, kh, kw) and its options make.
Conv2d convolution(std::int64_t out_channels, Pair kernel, Pair stride, const PaddingArgument& pad, Pair dilation,
                   std::int64_t groups, const std::string& how) {
  if (groups < 1 || groups > out_channels)
    throw py::value_error("groups is " + std::to_string(groups) + ", expected 1 to the output's " +
                          std::to_string(out_channels) + " channels");
  return {.out_channels = out_channels,
          .kernel_size = size(kernel),
          .stride = size(stride),
          .padding = padding(pad),
          .dilation = size(dilation),
          .groups = groups,
          .algorithm = algorithm(how)};
}

template <class T>
Conv2d convolution_of(const f::Array<const T>& weight, Pair stride, const PaddingArgument& pad, Pair dilation,
                      std::int64_t groups, const std::string& how) {
  return convolution(weight.count, {weight.shape.height, weight.shape.width}, stride, pad, dilation, groups, how);
}

void require_channels(const char* name, const py::array& array, const py::array& weight, std::int64_t channels,
                      std::int64_t wanted, std::int64_t groups) {
  if (channels != wanted)
    throw py::value_error(std::string(name) + " has shape " + shape_text(array) + ", but weight has shape " +
                          shape_text(weight) + " with groups " + std::to_string(groups) + ": expected " +
                          std::to_string(wanted) + " channels, got " + std::to_string(channels));
}

template <class T>
const T* read_bias(const std::optional<py::array>& bias, std::int64_t size) {
  if (!bias) return nullptr;
  require_layout("bias", *bias, 1);
  if (!bias->dtype().equal(py::dtype::of<T>()))
    throw py::type_error("bias has dtype " + std::string(py::str(bias->dtype())) + ", expected " +
                         std::string(py::str(py::dtype::of<T>())) + " as the other arrays");
  if (bias->shape(0) != size)
    throw py::value_error("bias has shape " + shape_text(*bias) + ", expected (" + std::to_string(size) + ",)");
  return static_cast<const T*>(bias->data());
}

py::array conv2d(const py::array& x, const py::array& weight, const std::optional<py::array>& bias, Pair stride,
                 const PaddingArgument& pad, Pair dilation, std::int64_t groups, const std::string& how) {
  return with_float("x", x, [&]<class T>(T) -> py::array {
    const auto input = view<T>("x", x), kernel = view<T>("weight", weight);
    const Conv2d options = convolution_of(kernel, stride, pad, dilation, groups, how);
    const Shape shape = output_shape(options, input.shape);
    require_channels("x", x, weight, input.shape.channels, kernel.shape.channels * groups, groups);
    const T* b = read_bias<T>(bias, kernel.count);
    Fresh<T> output(input.count, shape);
    {
      const Unlocked unlocked;
      f::conv2d<T>(input, kernel.data, b, options, output.view);
    }
    return output.array;
  });
}

py::array conv2d_delta(const py::array& output_delta, const py::array& weight, Pair input_size, Pair stride,
                       const PaddingArgument& pad, Pair dilation, std::int64_t groups, const std::string& how) {
  return with_float("output_delta", output_delta, [&]<class T>(T) -> py::array {
    const auto delta = view<T>("output_delta", output_delta), kernel = view<T>("weight", weight);
    const Conv2d options = convolution_of(kernel, stride, pad, dilation, groups, how);
    require_channels("output_delta", output_delta, weight, delta.shape.channels, kernel.count, groups);
    const Shape input{kernel.shape.channels * groups, input_size.first, input_size.second};
    output_shape(options, input);  // refuses sizes that do not fit before any memory is asked for
    Fresh<T> result(delta.count, input);
    {
      const Unlocked unlocked;
      f::conv2d_delta<T>(delta, kernel.data, options, result.view);
    }
    return result.array;
  });
}

py::tuple conv2d_gradients(const py::array& x, const py::array& output_delta, Pair kernel_size, Pair stride,
                           const PaddingArgument& pad, Pair dilation, std::int64_t groups, const std::string& how) {
  return with_float("x", x, [&]<class T>(T) -> py::tuple {
    const auto input = view<T>("x", x), delta = view<T>("output_delta", output_delta);
    const Conv2d options = convolution(delta.shape.channels, kernel_size, stride, pad, dilation, groups, how);
    output_shape(options, input.shape);
    py::array_t<T> weight({options.out_channels, input.shape.channels / groups, kernel_size.first, kernel_size.second});
    py::array_t<T> bias(options.out_channels);
    T *w = weight.mutable_data(), *b = bias.mutable_data();
    std::fill_n(w, weight.size(), T(0));
    std::fill_n(b, bias.size(), T(0));
    {
      const Unlocked unlocked;
      f::conv2d_gradients<T>(input, delta, options, w, b);
    }
    return py::make_tuple(weight, bias);
  });
}

AvgPool2d averaging(Pair kernel, Pair stride, Pair pad, bool ceil_mode, bool count_include_pad, std::int64_t divisor) {
  return {size(kernel), size(stride), size(pad), ceil_mode, count_include_pad, divisor, Function::identity};
}

py::array avg_pool2d(const py::array& x, Pair kernel, Pair stride, Pair pad, bool ceil_mode, bool count_include_pad,
                     std::int64_t divisor) {
  return with_float("x", x, [&]<class T>(T) -> py::array {
    const auto input = view<T>("x", x);
    const AvgPool2d options = averaging(kernel, stride, pad, ceil_mode, count_include_pad, divisor);
    Fresh<T> output(input.count, output_shape(options, input.shape));
    {
      const Unlocked unlocked;
      f::avg_pool2d<T>(input, options, output.view);
    }
    return output.array;
  });
}

py::array avg_pool2d_delta(const py::array& output_delta, Pair input_size, Pair kernel, Pair stride, Pair pad,
                           bool ceil_mode, bool count_include_pad, std::int64_t divisor) {
  return with_float("output_delta", output_delta, [&]<class T>(T) -> py::array {
    const auto delta = view<T>("output_delta", output_delta);
    const AvgPool2d options = averaging(kernel, stride, pad, ceil_mode, count_include_pad, divisor);
    const Shape input{delta.shape.channels, input_size.first, input_size.second};
    output_shape(options, input);
    Fresh<T> result(delta.count, input);
    {
      const Unlocked unlocked;
      f::avg_pool2d_delta<T>(delta, options, result.view);
    }
    return result.array;
  });
}

py::tuple max_pool2d(const py::array& x, Pair kernel, Pair stride, Pair pad, Pair dilation, bool ceil_mode) {
  return with_float("x", x, [&]<class T>(T) -> py::tuple {
    const auto input = view<T>("x", x);
    const MaxPool2d options{size(kernel), size(stride), size(pad), size(dilation), ceil_mode, Function::identity};
    Fresh<T> output(input.count, output_shape(options, input.shape));
    Fresh<std::int64_t> positions(input.count, output.view.shape);
    {
      const Unlocked unlocked;
      f::max_pool2d<T>(input, options, output.view, positions.view.data);
    }
    return py::make_tuple(output.array, positions.array);
  });
}

py::array max_pool2d_delta(const py::array& output_delta, const py::array_t<std::int64_t>& positions, Pair input_size) {
  return with_float("output_delta", output_delta, [&]<class T>(T) -> py::array {
    const auto delta = view<T>("output_delta", output_delta);
    const auto places = view<std::int64_t>("positions", positions);
    if (places.count != delta.count || !(places.shape == delta.shape))
      throw py::value_error("positions has shape " + shape_text(positions) + ", expected that of output_delta, " +
                            shape_text(output_delta));
    if (input_size.first < 1 || input_size.second < 1 || input_size.first > (std::int64_t{1} << 40) / input_size.second)
      throw py::value_error("input_size is (" + std::to_string(input_size.first) + ", " +
                            std::to_string(input_size.second) + "), expected at least 1 each, of an image");
    Fresh<T> result(delta.count, {delta.shape.channels, input_size.first, input_size.second});
    {
      const Unlocked unlocked;
      f::max_pool2d_delta<T>(delta, places.data, result.view);
    }
    return result.array;
  });
}

py::object time_convolution(std::int64_t batch, std::int64_t in_channels, Pair input_size, std::int64_t out_channels,
                            Pair kernel, Pair stride, Pair pad, Pair dilation, std::int64_t groups,
                            const std::string& which, int repeats, const std::string& how) {
  const Pass pass = which == "forward" ? Pass::forward
                    : which == "delta" ? Pass::delta
                    : which == "gradient"
                        ? Pass::gradient
                        : throw py::value_error("which is '" + which + "', expected forward, delta or gradient");
  const Conv2d layer{.out_channels = out_channels,
                     .kernel_size = size(kernel),
                     .stride = size(stride),
                     .padding = Padding(size(pad)),
                     .dilation = size(dilation),
                     .groups = groups,
                     .bias = false,  // the sums alone
                     .algorithm = algorithm(how)};
  std::vector<double> seconds;
  {
    const Unlocked unlocked;
    seconds = time_conv2d(layer, {in_channels, input_size.first, input_size.second}, batch, pass, repeats);
  }
  return py::cast(seconds);
}

}  // namespace

void bind_linear_and_activations(py::module_& module);

void bind_functional(py::module_& module) {
  using py::arg, py::kw_only;
  module.def("conv2d", &conv2d, arg("x"), arg("weight"), arg("bias"), kw_only(), arg("stride"), arg("padding"),
             arg("dilation"), arg("groups"), arg("algorithm"));
  module.def("conv2d_delta", &conv2d_delta, arg("output_delta"), arg("weight"), kw_only(), arg("input_size"),
             arg("stride"), arg("padding"), arg("dilation"), arg("groups"), arg("algorithm"));
  module.def("conv2d_gradients", &conv2d_gradients, arg("x"), arg("output_delta"), kw_only(), arg("kernel_size"),
             arg("stride"), arg("padding"), arg("dilation"), arg("groups"), arg("algorithm"));
  module.def("avg_pool2d", &avg_pool2d, arg("x"), kw_only(), arg("kernel_size"), arg("stride"), arg("padding"),
             arg("ceil_mode"), arg("count_include_pad"), arg("divisor_override"));
  module.def("avg_pool2d_delta", &avg_pool2d_delta, arg("output_delta"), kw_only(), arg("input_size"),
             arg("kernel_size"), arg("stride"), arg("padding"), arg("ceil_mode"), arg("count_include_pad"),
             arg("divisor_override"));
  module.def("max_pool2d", &max_pool2d, arg("x"), kw_only(), arg("kernel_size"), arg("stride"), arg("padding"),
             arg("dilation"), arg("ceil_mode"));
  module.def("max_pool2d_delta", &max_pool2d_delta, arg("output_delta"), arg("positions"), kw_only(),
             arg("input_size"));
  module.def("time_conv2d", &time_convolution, kw_only(), arg("batch"), arg("in_channels"), arg("size"),
             arg("out_channels"), arg("kernel_size"), arg("stride"), arg("padding"), arg("dilation"), arg("groups"),
             arg("which"), arg("repeats"), arg("algorithm") = "auto");
  bind_linear_and_activations(module);
}

}  // namespace cnnbp::bindings
