// From a layer's definition and its input to its axes and its output. Everything that can be wrong with a
// definition is found here.
#pragma once

#include <cnnbp/definition.hpp>

#include "layers/axis.hpp"

namespace cnnbp {

/// A window's two axes.
struct Window {
  Axis rows, columns;
};

/// Throw std::invalid_argument with the option's name, what was given and what is expected.
Window window_of(const Conv2d& layer, const Shape& input);
/// Of the convolution that it transposes: its output is the layer's input.
Window window_of(const ConvTranspose2d& layer, const Shape& input);
Window window_of(const CombineConv2d& layer, const Shape& input);
Window window_of(const AvgPool2d& layer, const Shape& input);
Window window_of(const MaxPool2d& layer, const Shape& input);
Window window_of(const Subsample2d& layer, const Shape& input);

/// Whether Winograd's algorithm can compute the convolution: 3×3 or 5×5 kernels with stride 1, 3×3 or 7×7 with stride
/// 2; dilation 1, one group.
bool fits_winograd(const Window& window, std::int64_t groups);

/// The output's shape; they throw as well.
Shape output_of(const AdaptiveAvgPool2d& layer, const Shape& input);
Shape output_of(const ZeroPad2d& layer, const Shape& input);
Shape output_of(const Upsample& layer, const Shape& input);

/// Throw std::invalid_argument for options that are out of range or do not fit the input.
void check(const BatchNorm2d& layer);
void check(const GroupNorm& layer, const Shape& input);
void check(const Dropout& layer);
void check(const Linear& layer);
void check(const Function& function);

/// Throws std::invalid_argument for sizes below 1, or more numbers than any machine holds.
void check_input(const Shape& input);

/// Kernels of the layer: pairs of an input and an output channel that are connected.
std::int64_t kernels_of(const Conv2d& layer, const Shape& input);

/// The convolutions x_i ⋆ k_i that are combined.
Conv2d kernels_of(const CombineConv2d& layer, const Shape& input);

/// "(6, 24, 24)"
std::string text(const Shape& shape);
std::string text(const Size2d& size);
/// "1e+300", and as many digits as tell it from its neighbours: "255", "1.0000000000000002".
std::string text(double value);

/// The product, or std::invalid_argument saying that `what` is too large for any machine.
std::int64_t checked_product(std::initializer_list<std::int64_t> factors, const std::string& what);

}  // namespace cnnbp
