#include "layers/make_layer.hpp"

#include <stdexcept>

#include "layers/activation.hpp"
#include "layers/batch_norm.hpp"
#include "layers/combine_conv2d.hpp"
#include "layers/conv2d.hpp"
#include "layers/conv_transpose2d.hpp"
#include "layers/dropout.hpp"
#include "layers/group_norm.hpp"
#include "layers/linear.hpp"
#include "layers/pooling.hpp"
#include "layers/resizing.hpp"
#include "layers/subsampling.hpp"

namespace cnnbp {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // Clang before 17 does not deduce it

template <class L, class... Others>
constexpr bool is_one_of = (std::is_same_v<L, Others> || ...);

Shape window_output(std::int64_t channels, const Window& window) {
  return {channels, window.rows.output, window.columns.output};
}

template <class L>
std::int64_t conv_weights(const L& l, const Shape& input) {
  const Size2d kernel = l.kernel_size;
  const std::int64_t all =
      checked_product({l.out_channels, input.channels / l.groups, kernel.height, kernel.width}, "weight");
  if constexpr (std::is_same_v<L, Conv2d>) return kernels_of(l, input) * kernel.height * kernel.width;
  return all;
}

/// Every weight at every pixel, and the biases.
Cost convolution_cost(std::int64_t weights, std::int64_t pixels, const auto& l) {
  return {weights + (l.bias ? l.out_channels : 0), checked_product({weights, pixels}, "multiply-adds")};
}

const char* name_of(Function function) {
  switch (function.kind) {
    case Function::identity: return "Identity";
    case Function::sigmoid: return "Sigmoid";
    case Function::tanh: return "Tanh";
    case Function::relu: return "ReLU";
    case Function::softmax: return "Softmax";
    case Function::leaky_relu: return "LeakyReLU";
    case Function::elu: return "ELU";
    case Function::softplus: return "Softplus";
    case Function::scaled_tanh: return "ScaledTanh";
    case Function::gelu: return "GELU";
    case Function::gelu_tanh: return "GELU";
    case Function::silu: return "SiLU";
    case Function::hardswish: return "Hardswish";
  }
  return "";
}

}  // namespace

std::string type_name(const LayerDefinition& definition) {
  return std::visit(
      Overloaded{[](const Conv2d&) { return "Conv2d"; }, [](const ConvTranspose2d&) { return "ConvTranspose2d"; },
                 [](const CombineConv2d&) { return "CombineConv2d"; }, [](const AvgPool2d&) { return "AvgPool2d"; },
                 [](const MaxPool2d&) { return "MaxPool2d"; }, [](const Subsample2d&) { return "Subsample2d"; },
                 [](const Linear&) { return "Linear"; }, [](const BatchNorm2d&) { return "BatchNorm2d"; },
                 [](const GroupNorm&) { return "GroupNorm"; }, [](const Dropout&) { return "Dropout"; },
                 [](const AdaptiveAvgPool2d&) { return "AdaptiveAvgPool2d"; },
                 [](const GlobalAvgPool2d&) { return "GlobalAvgPool2d"; }, [](const ZeroPad2d&) { return "ZeroPad2d"; },
                 [](const Upsample&) { return "Upsample"; }, [](const Flatten&) { return "Flatten"; },
                 [](const Activation& l) { return name_of(l.function); }, [](const Residual&) { return "Residual"; },
                 [](const Concat&) { return "Concat"; }},
      definition);
}

Function activation_of(const LayerDefinition& definition) {
  return std::visit(Overloaded{[](const Activation& l) { return l.function; },
                               [](const auto& l) {
                                 if constexpr (requires { l.activation; }) return l.activation;
                                 else return Function(Function::identity);
                               }},
                    definition);
}

bool is_composite(const LayerDefinition& definition) {
  return std::holds_alternative<Residual>(definition) || std::holds_alternative<Concat>(definition);
}

bool is_trainable(const LayerDefinition& definition) {
  return std::visit(
      [](const auto& l) {
        if constexpr (requires { l.trainable; }) return l.trainable;
        else return true;
      },
      definition);
}

Shape single_output_shape(const LayerDefinition& layer, const Shape& input) {
  const Shape output = std::visit(
      Overloaded{[&](const Conv2d& l) { return window_output(l.out_channels, window_of(l, input)); },
                 [&](const ConvTranspose2d& l) {
                   const Window transposed = window_of(l, input);
                   return Shape{l.out_channels, transposed.rows.input, transposed.columns.input};
                 },
                 [&](const CombineConv2d& l) { return window_output(l.out_channels, window_of(l, input)); },
                 [&](const AvgPool2d& l) { return window_output(input.channels, window_of(l, input)); },
                 [&](const MaxPool2d& l) { return window_output(input.channels, window_of(l, input)); },
                 [&](const Subsample2d& l) { return window_output(input.channels, window_of(l, input)); },
                 [&](const Linear& l) {
                   check(l);
                   return Shape{l.out_features, 1, 1};
                 },
                 [&](const BatchNorm2d& l) {
                   check(l);
                   return input;
                 },
                 [&](const GroupNorm& l) {
                   check(l, input);
                   return input;
                 },
                 [&](const Dropout& l) {
                   check(l);
                   return input;
                 },
                 [&](const AdaptiveAvgPool2d& l) { return output_of(l, input); },
                 [&](const GlobalAvgPool2d&) { return Shape{input.channels, 1, 1}; },
                 [&](const ZeroPad2d& l) { return output_of(l, input); },
                 [&](const Upsample& l) { return output_of(l, input); },
                 [&](const Flatten&) { return Shape{input.features(), 1, 1}; }, [&](const auto&) { return input; }},
      layer);
  checked_product({output.channels, output.height, output.width}, "output " + text(output));
  return output;
}

template <class T>
std::unique_ptr<Layer<T>> make_layer(const LayerDefinition& definition, const Shape& input) {
  using Made = std::unique_ptr<Layer<T>>;
  Made made = std::visit(
      Overloaded{[&](const Conv2d& l) -> Made { return std::make_unique<Conv2dLayer<T>>(l, input); },
                 [&](const ConvTranspose2d& l) -> Made { return std::make_unique<ConvTranspose2dLayer<T>>(l, input); },
                 [&](const CombineConv2d& l) -> Made { return std::make_unique<CombineConv2dLayer<T>>(l, input); },
                 [&](const AvgPool2d& l) -> Made { return std::make_unique<AvgPool2dLayer<T>>(l, input); },
                 [&](const MaxPool2d& l) -> Made { return std::make_unique<MaxPool2dLayer<T>>(l, input); },
                 [&](const Subsample2d& l) -> Made { return std::make_unique<Subsample2dLayer<T>>(l, input); },
                 [&](const Linear& l) -> Made { return std::make_unique<LinearLayer<T>>(l, input); },
                 [&](const BatchNorm2d& l) -> Made { return std::make_unique<BatchNorm2dLayer<T>>(l, input); },
                 [&](const GroupNorm& l) -> Made { return std::make_unique<GroupNormLayer<T>>(l, input); },
                 [&](const Dropout& l) -> Made { return std::make_unique<DropoutLayer<T>>(l); },
                 [&](const AdaptiveAvgPool2d& l) -> Made { return std::make_unique<AvgPool2dLayer<T>>(l, input); },
                 [&](const GlobalAvgPool2d&) -> Made {
                   return std::make_unique<AvgPool2dLayer<T>>(AdaptiveAvgPool2d{1}, input);
                 },
                 [&](const ZeroPad2d& l) -> Made { return std::make_unique<ZeroPad2dLayer<T>>(l); },
                 [&](const Upsample& l) -> Made {
                   if (l.mode == Upsample::nearest) return std::make_unique<NearestUpsampleLayer<T>>(l, input);
                   return std::make_unique<BilinearUpsampleLayer<T>>(l, input);
                 },
                 [&](const auto&) -> Made { return std::make_unique<CopyLayer<T>>(); }},
      definition);
  if (!is_trainable(definition))
    for (LayerParameter<T>& parameter : made->parameters) parameter.trained = false;
  return made;
}

Cost cost_of(const LayerDefinition& definition, const Shape& input) {
  const auto pixels = [&] { return output_shape(definition, input).pixels(); };
  return std::visit(
      Overloaded{[&](const Conv2d& l) { return convolution_cost(conv_weights(l, input), pixels(), l); },
                 [&](const ConvTranspose2d& l) { return convolution_cost(conv_weights(l, input), input.pixels(), l); },
                 [&](const CombineConv2d& l) {
                   const Cost kernels = cost_of(kernels_of(l, input), input);
                   const std::int64_t shares = checked_product({input.channels, l.out_channels}, "combination");
                   const Cost combining = convolution_cost(shares, pixels(), l);
                   return Cost{kernels.parameters + combining.parameters,
                               kernels.multiply_adds + combining.multiply_adds};
                 },
                 [&](const Subsample2d& l) { return Cost{2 * input.channels, output_shape(l, input).features()}; },
                 [&](const Linear& l) {
                   const std::int64_t weights = checked_product({l.out_features, input.features()}, "weight");
                   return Cost{weights + (l.bias ? l.out_features : 0), weights};
                 },
                 [&](const BatchNorm2d& l) { return Cost{l.affine ? 2 * input.channels : 0, input.features()}; },
                 [&](const GroupNorm& l) { return Cost{l.affine ? 2 * input.channels : 0, input.features()}; },
                 [&](const Upsample& l) {  // four pixels by their shares, or none
                   return Cost{0, l.mode == Upsample::bilinear ? 4 * output_shape(l, input).features() : 0};
                 },
                 [](const auto&) { return Cost{0, 0}; }},
      definition);
}

bool needs_maps(const LayerDefinition& definition) {
  return std::visit(
      []<class L>(const L&) {
        return is_one_of<L, Conv2d, ConvTranspose2d, CombineConv2d, AvgPool2d, AdaptiveAvgPool2d, GlobalAvgPool2d,
                         MaxPool2d, Subsample2d, ZeroPad2d, Upsample>;
      },
      definition);
}

bool reads_vector(const LayerDefinition& definition) {
  return std::holds_alternative<Linear>(definition) || std::holds_alternative<Flatten>(definition);
}

bool gives_vector(const LayerDefinition& definition, bool input_is_vector) {
  return reads_vector(definition) || (!needs_maps(definition) && input_is_vector);
}

template std::unique_ptr<Layer<float>> make_layer(const LayerDefinition&, const Shape&);
template std::unique_ptr<Layer<double>> make_layer(const LayerDefinition&, const Shape&);

}  // namespace cnnbp
