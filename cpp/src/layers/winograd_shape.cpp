#include "layers/winograd_shape.hpp"

#include <utility>

namespace cnnbp {
namespace {

/// Outputs of an axis times the taps that meet data there.
Index products(const Axis& axis) {
  Index count = 0;
  for (const Span& span : tap_spans(axis)) count += span.end - span.begin;
  return count;
}

/// Channels on either side, pairs of them, and how many times fewer products there have to be: with less of any of them
/// the transforms take longer than they save.
struct Enough {
  Index kernel, stride, channels, pairs;
  double saved;
};

/// A 5×5 kernel has twice as many products to save as a 3×3 one. With 8 channels 3×3 kernels gain a tenth to a half
/// from 12 to 32 others, if tiles are nearly full, and nothing from 8. With a stride of 2 they have 1.8 times as many
/// products at most, and 7×7 kernels 4.6 times.
constexpr Enough enough[] = {
    {.kernel = 3, .stride = 1, .channels = 16, .pairs = 0, .saved = 2},
    {.kernel = 3, .stride = 1, .channels = 8, .pairs = 96, .saved = 3.6},
    {.kernel = 5, .stride = 1, .channels = 6, .pairs = 0, .saved = 2},
    {.kernel = 3, .stride = 2, .channels = 16, .pairs = 512, .saved = 1.5},
    {.kernel = 7, .stride = 2, .channels = 3, .pairs = 96, .saved = 1.5},
};

/// Where the first tile of an input's delta starts: with a stride of 2 at an odd i + pad, which is the first of two
/// pixels that meet outputs from the same one on.
Index first_input(const Axis& axis) { return axis.pad % axis.stride + 1 - axis.stride; }

/// Input pixel i meets outputs from ⌈(i + pad − kernel + 1) / stride⌉ on.
Index first_output(const Axis& axis) {
  return (first_input(axis) + axis.pad - axis.kernel + axis.stride) / axis.stride;
}

WinogradSide input_side(const Window& window) {
  const auto& [kernel, stride] = std::pair(window.rows.kernel, window.rows.stride);
  return {.size = input_points(kernel, stride), .phases = stride * stride, .step = stride * winograd_outputs};
}

WinogradSide output_side(const Window& window) {
  return {.size = output_points(window.rows.kernel, window.rows.stride), .phases = 1, .step = winograd_outputs};
}

Index input_tiles_along(const Axis& axis) {
  return tiles_along(axis.input - first_input(axis), axis.stride * winograd_outputs);
}

}  // namespace

WinogradShape WinogradShape::forward(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  WinogradSide input = input_side(convolution.window), output = output_side(convolution.window);
  input.first_row = -rows.pad;
  input.first_column = -columns.pad;
  return {convolution.forward_sum(), tiles_along(rows.output), tiles_along(columns.output), input, output, false};
}

WinogradShape WinogradShape::delta(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  WinogradSide input = input_side(convolution.window), output = output_side(convolution.window);
  input.first_row = first_input(rows);
  input.first_column = first_input(columns);
  output.first_row = first_output(rows);
  output.first_column = first_output(columns);
  return {convolution.delta_sum(), input_tiles_along(rows), input_tiles_along(columns), output, input, true};
}

WinogradShape WinogradShape::transposed_delta(const Convolution& convolution) {
  WinogradShape shape = forward(convolution);
  static_cast<SumShape&>(shape) = convolution.delta_sum();
  std::swap(shape.source, shape.target);
  return shape;
}

Index output_tiles(const Window& window) {
  return tiles_along(window.rows.output) * tiles_along(window.columns.output);
}

Index input_tiles(const Window& window) { return input_tiles_along(window.rows) * input_tiles_along(window.columns); }

template <class T>
bool takes_winograd(Algorithm algorithm, const Convolution& convolution, Index tiles) {
  const Window& window = convolution.window;
  if (algorithm == Algorithm::direct || !fits_winograd(window, convolution.groups)) return false;
  if (algorithm == Algorithm::winograd) return true;
  if (sizeof(T) > sizeof(float)) return false;
  const Index kernel = window.rows.kernel, stride = window.rows.stride;
  const Index in = convolution.in_channels, out = convolution.out_channels;
  const double saved =
      double(products(window.rows) * products(window.columns)) / double(squared(input_points(kernel, stride)) * tiles);
  return std::any_of(std::begin(enough), std::end(enough), [=](const Enough& least) {
    return least.kernel == kernel && least.stride == stride && std::min(in, out) >= least.channels &&
           in * out >= least.pairs && saved >= least.saved;
  });
}

template bool takes_winograd<float>(Algorithm, const Convolution&, Index);
template bool takes_winograd<double>(Algorithm, const Convolution&, Index);

}  // namespace cnnbp
