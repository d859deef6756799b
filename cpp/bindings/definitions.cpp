#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>

#include "bindings.hpp"

namespace py = pybind11;

namespace cnnbp::bindings {

Padding padding(const PaddingArgument& given) {
  if (const auto* name = std::get_if<std::string>(&given)) {
    if (*name == "same") return Padding::same();
    throw std::invalid_argument("padding is '" + *name + "', expected numbers or 'same'");
  }
  const auto [top, bottom, left, right] = std::get<0>(given);
  return {top, bottom, left, right};
}

Function function(const std::string& name) {
  constexpr std::pair<const char*, Function::Kind> known[] = {{"identity", Function::identity},
                                                              {"sigmoid", Function::sigmoid},
                                                              {"tanh", Function::tanh},
                                                              {"relu", Function::relu},
                                                              {"softmax", Function::softmax},
                                                              {"leaky_relu", Function::leaky_relu},
                                                              {"elu", Function::elu},
                                                              {"softplus", Function::softplus},
                                                              {"scaled_tanh", Function::scaled_tanh},
                                                              {"gelu", Function::gelu},
                                                              {"gelu_tanh", Function::gelu_tanh},
                                                              {"silu", Function::silu},
                                                              {"hardswish", Function::hardswish}};
  std::string names;
  for (const auto& [known_name, value] : known) {
    if (name == known_name) return value;
    names += (names.empty() ? "" : ", ") + std::string(known_name);
  }
  throw std::invalid_argument("activation is '" + name + "', expected one of " + names);
}

Algorithm algorithm(const std::string& name) {
  if (name == "auto") return Algorithm::automatic;
  if (name == "direct") return Algorithm::direct;
  if (name == "winograd") return Algorithm::winograd;
  throw std::invalid_argument("algorithm is '" + name + "', expected auto, direct or winograd");
}

namespace {

std::vector<LayerDefinition> definitions(const std::vector<AnyLayer>& layers) {
  std::vector<LayerDefinition> all;
  for (const AnyLayer& layer : layers) all.push_back(layer.definition);
  return all;
}

Upsample::Mode upsampling(const std::string& mode) {
  if (mode == "nearest") return Upsample::nearest;
  if (mode == "bilinear") return Upsample::bilinear;
  throw std::invalid_argument("mode is '" + mode + "', expected nearest or bilinear");
}

/// One Python class a definition, all of them layers.
template <class D>
struct Typed : AnyLayer {};

template <class D>
Typed<D> typed(const D& definition) {
  return {{definition}};
}

void bind_convolutions(py::module_& module) {
  using py::arg;
  const Pair none{0, 0}, one{1, 1};
  const PaddingArgument no_padding = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>{};

  py::class_<Typed<Conv2d>, AnyLayer>(module, "Conv2d")
      .def(py::init([](std::int64_t out_channels, const Pair& kernel_size, const Pair& stride,
                       const PaddingArgument& pad, const Pair& dilation, std::int64_t groups, bool bias,
                       const std::string& activation, const std::vector<std::vector<bool>>& connections, bool trainable,
                       const std::string& how) {
             return typed(Conv2d{out_channels, size(kernel_size), size(stride), padding(pad), size(dilation), groups,
                                 bias, function(activation), connections, trainable, algorithm(how)});
           }),
           py::kw_only(), arg("out_channels"), arg("kernel_size"), arg("stride") = one, arg("padding") = no_padding,
           arg("dilation") = one, arg("groups") = 1, arg("bias") = true, arg("activation") = "identity",
           arg("connections") = std::vector<std::vector<bool>>{}, arg("trainable") = true, arg("algorithm") = "auto");
  py::class_<Typed<ConvTranspose2d>, AnyLayer>(module, "ConvTranspose2d")
      .def(
          py::init([](std::int64_t out_channels, const Pair& kernel_size, const Pair& stride, const Pair& pad,
                      const Pair& output_padding, const Pair& dilation, std::int64_t groups, bool bias,
                      const std::string& activation, bool trainable) {
            return typed(ConvTranspose2d{out_channels, size(kernel_size), size(stride), size(pad), size(output_padding),
                                         size(dilation), groups, bias, function(activation), trainable});
          }),
          py::kw_only(), arg("out_channels"), arg("kernel_size"), arg("stride") = one, arg("padding") = none,
          arg("output_padding") = none, arg("dilation") = one, arg("groups") = 1, arg("bias") = true,
          arg("activation") = "identity", arg("trainable") = true);
  py::class_<Typed<CombineConv2d>, AnyLayer>(module, "CombineConv2d")
      .def(py::init([](std::int64_t out_channels, const Pair& kernel_size, const Pair& stride,
                       const PaddingArgument& pad, bool bias, double sparsity, const std::string& activation,
                       bool trainable) {
             return typed(CombineConv2d{out_channels, size(kernel_size), size(stride), padding(pad), bias, sparsity,
                                        function(activation), trainable});
           }),
           py::kw_only(), arg("out_channels"), arg("kernel_size"), arg("stride") = one, arg("padding") = no_padding,
           arg("bias") = true, arg("sparsity") = 0.0, arg("activation") = "identity", arg("trainable") = true);
}

void bind_pooling(py::module_& module) {
  using py::arg;
  const Pair none{0, 0}, one{1, 1};

  py::class_<Typed<AvgPool2d>, AnyLayer>(module, "AvgPool2d")
      .def(py::init([](const Pair& kernel_size, const Pair& stride, const Pair& pad, bool ceil_mode,
                       bool count_include_pad, std::int64_t divisor_override, const std::string& activation) {
             return typed(AvgPool2d{size(kernel_size), size(stride), size(pad), ceil_mode, count_include_pad,
                                    divisor_override, function(activation)});
           }),
           py::kw_only(), arg("kernel_size"), arg("stride"), arg("padding") = none, arg("ceil_mode") = false,
           arg("count_include_pad") = true, arg("divisor_override") = 0, arg("activation") = "identity");
  py::class_<Typed<AdaptiveAvgPool2d>, AnyLayer>(module, "AdaptiveAvgPool2d")
      .def(py::init([](const Pair& output_size) { return typed(AdaptiveAvgPool2d{size(output_size)}); }), py::kw_only(),
           arg("output_size"));
  py::class_<Typed<GlobalAvgPool2d>, AnyLayer>(module, "GlobalAvgPool2d").def(py::init([] {
    return typed(GlobalAvgPool2d{});
  }));
  py::class_<Typed<MaxPool2d>, AnyLayer>(module, "MaxPool2d")
      .def(py::init([](const Pair& kernel_size, const Pair& stride, const Pair& pad, const Pair& dilation,
                       bool ceil_mode, const std::string& activation) {
             return typed(MaxPool2d{size(kernel_size), size(stride), size(pad), size(dilation), ceil_mode,
                                    function(activation)});
           }),
           py::kw_only(), arg("kernel_size"), arg("stride"), arg("padding") = none, arg("dilation") = one,
           arg("ceil_mode") = false, arg("activation") = "identity");
  py::class_<Typed<Subsample2d>, AnyLayer>(module, "Subsample2d")
      .def(py::init([](const Pair& kernel_size, const std::string& activation, bool trainable) {
             return typed(Subsample2d{size(kernel_size), function(activation), trainable});
           }),
           py::kw_only(), arg("kernel_size"), arg("activation") = "identity", arg("trainable") = true);
}

void bind_linear_and_pointwise(py::module_& module) {
  using py::arg;

  py::class_<Typed<Linear>, AnyLayer>(module, "Linear")
      .def(py::init([](std::int64_t out_features, bool bias, const std::string& activation, bool trainable) {
             return typed(Linear{out_features, bias, function(activation), trainable});
           }),
           py::kw_only(), arg("out_features"), arg("bias") = true, arg("activation") = "identity",
           arg("trainable") = true);
  py::class_<Typed<Flatten>, AnyLayer>(module, "Flatten").def(py::init([] { return typed(Flatten{}); }));
  py::class_<Typed<Activation>, AnyLayer>(module, "Activation")
      .def(py::init([](const std::string& name, std::optional<double> parameter) {
             Function made = function(name);
             if (parameter) made.parameter = *parameter;
             return typed(Activation{made});
           }),
           py::kw_only(), arg("function"), arg("parameter") = py::none());
}

void bind_norms_and_dropout(py::module_& module) {
  using py::arg;

  py::class_<Typed<BatchNorm2d>, AnyLayer>(module, "BatchNorm2d")
      .def(py::init([](double eps, double momentum, bool affine, const std::string& activation, bool trainable) {
             return typed(BatchNorm2d{eps, momentum, affine, function(activation), trainable});
           }),
           py::kw_only(), arg("eps") = 1e-5, arg("momentum") = 0.1, arg("affine") = true,
           arg("activation") = "identity", arg("trainable") = true);
  py::class_<Typed<GroupNorm>, AnyLayer>(module, "GroupNorm")
      .def(
          py::init([](std::int64_t num_groups, double eps, bool affine, const std::string& activation, bool trainable) {
            return typed(GroupNorm{num_groups, eps, affine, function(activation), trainable});
          }),
          py::kw_only(), arg("num_groups"), arg("eps") = 1e-5, arg("affine") = true, arg("activation") = "identity",
          arg("trainable") = true);
  py::class_<Typed<Dropout>, AnyLayer>(module, "Dropout")
      .def(py::init([](double p) { return typed(Dropout{p}); }), py::kw_only(), arg("p") = 0.5);
}

void bind_resizing(py::module_& module) {
  using py::arg;

  py::class_<Typed<ZeroPad2d>, AnyLayer>(module, "ZeroPad2d")
      .def(py::init([](const PaddingArgument& pad) { return typed(ZeroPad2d{padding(pad)}); }), py::kw_only(),
           arg("padding"));
  py::class_<Typed<Upsample>, AnyLayer>(module, "Upsample")
      .def(py::init([](const Pair& scale_factor, const std::string& mode, bool align_corners) {
             return typed(Upsample{size(scale_factor), upsampling(mode), align_corners});
           }),
           py::kw_only(), arg("scale_factor"), arg("mode") = "nearest", arg("align_corners") = false);
}

void bind_composites(py::module_& module) {
  using py::arg;

  py::class_<Typed<Residual>, AnyLayer>(module, "Residual")
      .def(py::init([](const std::vector<AnyLayer>& body, const std::vector<AnyLayer>& shortcut,
                       const std::string& activation) {
             return typed(Residual{definitions(body), definitions(shortcut), function(activation)});
           }),
           py::kw_only(), arg("body"), arg("shortcut") = std::vector<AnyLayer>{}, arg("activation") = "identity");
  py::class_<Typed<Concat>, AnyLayer>(module, "Concat")
      .def(py::init([](const std::vector<std::vector<AnyLayer>>& branches, const std::string& activation) {
             Concat made{{}, function(activation)};
             for (const std::vector<AnyLayer>& branch : branches) made.branches.push_back(definitions(branch));
             return typed(made);
           }),
           py::kw_only(), arg("branches"), arg("activation") = "identity");
}

}  // namespace

void bind_definitions(py::module_& module) {
  py::class_<AnyLayer>(module, "LayerDefinition");
  bind_convolutions(module);
  bind_pooling(module);
  bind_linear_and_pointwise(module);
  bind_norms_and_dropout(module);
  bind_resizing(module);
  bind_composites(module);
}

}  // namespace cnnbp::bindings
