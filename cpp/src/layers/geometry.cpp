#include "layers/geometry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "kernels/map_arguments.hpp"
#include "layers/require.hpp"

namespace cnnbp {
namespace {

/// More numbers than this in one array fit no machine's memory (4 TB of float32).
constexpr std::int64_t most_elements = std::int64_t{1} << 40;

/// What the window covers: kernel 3 with dilation 2 covers 5.
std::int64_t extent(const Axis& axis) { return axis.dilation * (axis.kernel - 1) + 1; }

/// Without its outputs.
Window unpadded_window(const Shape& input, Size2d kernel, Size2d stride, Size2d dilation) {
  require_between("kernel_size", kernel, 1);
  require_between("stride", stride, 1);
  require_between("dilation", dilation, 1);
  checked_product({kernel.height, dilation.height}, "kernel_size times dilation");
  checked_product({kernel.width, dilation.width}, "kernel_size times dilation");
  return {{input.height, 0, kernel.height, stride.height, 0, dilation.height},
          {input.width, 0, kernel.width, stride.width, 0, dilation.width}};
}

void require_fit(const Window& window, Size2d padded, const Shape& input) {
  const Size2d covered{extent(window.rows), extent(window.columns)};
  require(covered.height <= padded.height && covered.width <= padded.width,
          "kernel_size covers " + text(covered) + ", more than the padded input " + text(padded) + " (input " +
              text(input) + ")");
}

std::int64_t pooled_size(const Axis& axis, std::int64_t padded, bool ceil_mode) {
  const std::int64_t room = padded - extent(axis);
  std::int64_t size = (room + (ceil_mode ? axis.stride - 1 : 0)) / axis.stride + 1;
  // As in PyTorch: with ceil_mode, a window must start inside the input or its left padding.
  if (ceil_mode && (size - 1) * axis.stride >= axis.input + axis.pad) --size;
  return size;
}

/// Only a window that starts in the padding can step over all data, from one side of a small map to the other.
bool every_window_meets_data(const Axis& axis) {
  for (Index start = -axis.pad; start < 0; start += axis.stride) {
    const Index first = (-start + axis.dilation - 1) / axis.dilation;  // tap at or after the first pixel
    if (first >= axis.kernel || start + first * axis.dilation >= axis.input) return false;
  }
  return true;
}

Window pooling_window(const Shape& input, Size2d kernel, Size2d stride, Size2d padding, Size2d dilation,
                      bool ceil_mode) {
  require_between("padding", padding, 0);
  Window window = unpadded_window(input, kernel, stride, dilation);
  window.rows.pad = padding.height;
  window.columns.pad = padding.width;
  require(padding.height <= extent(window.rows) / 2 && padding.width <= extent(window.columns) / 2,
          "padding is " + text(padding) + ", expected at most half of kernel_size " + text(kernel));
  const Size2d padded{input.height + 2 * padding.height, input.width + 2 * padding.width};
  require_fit(window, padded, input);
  window.rows.output = pooled_size(window.rows, padded.height, ceil_mode);
  window.columns.output = pooled_size(window.columns, padded.width, ceil_mode);
  return window;
}

/// What a convolution and its transpose have in common.
void check_channels(const auto& layer, const Shape& input) {
  require_between("out_channels", layer.out_channels, 1);
  require_between("groups", layer.groups, 1);
  require(input.channels % layer.groups == 0 && layer.out_channels % layer.groups == 0,
          "groups is " + std::to_string(layer.groups) + ", which must divide both the input's " +
              std::to_string(input.channels) + " channels and out_channels " + std::to_string(layer.out_channels));
}

std::int64_t transposed_size(const Axis& axis, std::int64_t output_padding) {
  return checked_product({axis.output - 1, axis.stride}, "output") - 2 * axis.pad + extent(axis) + output_padding;
}

void check_connections(const Conv2d& layer, const Shape& input) {
  const auto& rows = layer.connections;
  if (rows.empty()) return;
  const auto columns = static_cast<std::int64_t>(rows.front().size());
  const auto inputs = static_cast<std::size_t>(input.channels);
  require(static_cast<std::int64_t>(rows.size()) == layer.out_channels &&
              std::all_of(rows.begin(), rows.end(), [=](const auto& row) { return row.size() == inputs; }),
          "connections has shape " + text(Size2d{static_cast<std::int64_t>(rows.size()), columns}) + ", expected " +
              text(Size2d{layer.out_channels, input.channels}) + ": out_channels and the input's channels");
  require(layer.groups == 1, "connections and groups " + std::to_string(layer.groups) +
                                 " were both given; write the groups into connections");
  for (std::size_t j = 0; j < rows.size(); ++j)
    require(std::find(rows[j].begin(), rows[j].end(), true) != rows[j].end(),
            "connections leaves output channel " + std::to_string(j) + " without an input; connect it or drop it");
}

void check_algorithm(const Conv2d& layer, const Window& window) {
  require(layer.algorithm != Algorithm::winograd || fits_winograd(window, layer.groups),
          "algorithm is 'winograd', which needs kernel_size (3, 3) or (5, 5) with stride 1, or (3, 3) or (7, 7) with "
          "stride 2, and dilation 1 and groups 1; got kernel_size " +
              text(layer.kernel_size) + ", stride " + text(layer.stride) + ", dilation " + text(layer.dilation) +
              ", groups " + std::to_string(layer.groups) + "; give algorithm 'auto'");
}

}  // namespace

bool fits_winograd(const Window& window, std::int64_t groups) {
  const auto& [rows, columns] = window;
  const bool same = rows.kernel == columns.kernel && rows.stride == columns.stride;
  const auto is = [&](Index kernel, Index stride) { return rows.kernel == kernel && rows.stride == stride; };
  return same && (is(3, 1) || is(5, 1) || is(3, 2) || is(7, 2)) && rows.dilation * columns.dilation == 1 && groups == 1;
}

std::int64_t kernels_of(const Conv2d& layer, const Shape& input) {
  if (layer.connections.empty()) return checked_product({layer.out_channels, input.channels / layer.groups}, "weight");
  std::int64_t kernels = 0;
  for (const auto& row : layer.connections) kernels += std::count(row.begin(), row.end(), true);
  return kernels;
}

std::string text(double value) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

std::string text(const Size2d& size) {
  return '(' + std::to_string(size.height) + ", " + std::to_string(size.width) + ")";
}

std::string text(const Shape& shape) {
  return '(' + std::to_string(shape.channels) + ", " + std::to_string(shape.height) + ", " +
         std::to_string(shape.width) + ")";
}

std::int64_t checked_product(std::initializer_list<std::int64_t> factors, const std::string& what) {
  std::int64_t product = 1;
  for (const std::int64_t factor : factors)
    require(!__builtin_mul_overflow(product, factor, &product) && product <= most_elements,
            what + " is too large: more than 2^40");
  return product;
}

Window window_of(const Conv2d& layer, const Shape& input) {
  check_channels(layer, input);
  check_connections(layer, input);
  const Size2d stride = layer.stride;
  Window window = unpadded_window(input, layer.kernel_size, stride, layer.dilation);
  check_algorithm(layer, window);
  Padding padding = layer.padding;
  if (padding.is_same) {
    require(stride == Size2d{1}, "padding 'same' needs stride 1, got stride " + text(stride));
    const std::int64_t rows = extent(window.rows) - 1, columns = extent(window.columns) - 1;
    padding = {rows / 2, rows - rows / 2, columns / 2, columns - columns / 2};
  } else {
    require_between("padding", Size2d{padding.top, padding.bottom}, 0);
    require_between("padding", Size2d{padding.left, padding.right}, 0);
  }
  const Size2d padded{input.height + padding.top + padding.bottom, input.width + padding.left + padding.right};
  require_fit(window, padded, input);
  window.rows.pad = padding.top;
  window.columns.pad = padding.left;
  window.rows.output = (padded.height - extent(window.rows)) / stride.height + 1;
  window.columns.output = (padded.width - extent(window.columns)) / stride.width + 1;
  return window;
}

Window window_of(const ConvTranspose2d& layer, const Shape& input) {
  check_channels(layer, input);
  require_between("padding", layer.padding, 0);
  require_between("output_padding", layer.output_padding, 0);
  Window window = unpadded_window({}, layer.kernel_size, layer.stride, layer.dilation);
  window.rows.pad = layer.padding.height;
  window.columns.pad = layer.padding.width;
  window.rows.output = input.height;
  window.columns.output = input.width;
  window.rows.input = transposed_size(window.rows, layer.output_padding.height);
  window.columns.input = transposed_size(window.columns, layer.output_padding.width);
  const Size2d output{window.rows.input, window.columns.input}, extra = layer.output_padding;
  require(extra.height < std::max(layer.stride.height, layer.dilation.height) &&
              extra.width < std::max(layer.stride.width, layer.dilation.width),
          "output_padding is " + text(extra) + ", expected less than stride " + text(layer.stride) + " or dilation " +
              text(layer.dilation));
  require(output.height >= 1 && output.width >= 1, "padding " + text(layer.padding) + " leaves an output of " +
                                                       text(output) + " of the input " + text(input) +
                                                       ", expected at least (1, 1)");
  return window;
}

Conv2d kernels_of(const CombineConv2d& layer, const Shape& input) {
  return {.out_channels = input.channels,
          .kernel_size = layer.kernel_size,
          .stride = layer.stride,
          .padding = layer.padding,
          .groups = input.channels,
          .bias = false,
          .trainable = layer.trainable};
}

Window window_of(const CombineConv2d& layer, const Shape& input) {
  require_between("out_channels", layer.out_channels, 1);
  require(layer.sparsity >= 0.0 && std::isfinite(layer.sparsity),
          "sparsity is " + text(layer.sparsity) + ", expected a finite number, at least 0");
  return window_of(kernels_of(layer, input), input);
}

Window window_of(const AvgPool2d& layer, const Shape& input) {
  require(layer.divisor_override >= 0,
          "divisor_override is " + std::to_string(layer.divisor_override) + ", expected at least 1");
  return pooling_window(input, layer.kernel_size, layer.stride.value_or(layer.kernel_size), layer.padding, 1,
                        layer.ceil_mode);
}

Window window_of(const MaxPool2d& layer, const Shape& input) {
  const Window window = pooling_window(input, layer.kernel_size, layer.stride.value_or(layer.kernel_size),
                                       layer.padding, layer.dilation, layer.ceil_mode);
  require(layer.kernel_size.height * layer.kernel_size.width <= most_window_taps,
          "kernel_size is " + text(layer.kernel_size) + ", expected at most " + std::to_string(most_window_taps) +
              " pixels");  // before its steps over the padding are walked
  require(every_window_meets_data(window.rows) && every_window_meets_data(window.columns),
          "a window of kernel_size " + text(layer.kernel_size) + " with dilation " + text(layer.dilation) +
              " and padding " + text(layer.padding) + " steps over the whole input " + text(input) +
              " and has no maximum");
  return window;
}

Window window_of(const Subsample2d& layer, const Shape& input) {
  const Size2d kernel = layer.kernel_size;
  const Window window = pooling_window(input, kernel, kernel, 0, 1, false);
  require(input.height % kernel.height == 0 && input.width % kernel.width == 0,
          "kernel_size is " + text(kernel) + ", which must divide the height and width of the input " + text(input) +
              "; pad or crop the maps before, or take AvgPool2d");
  return window;
}

Shape output_of(const AdaptiveAvgPool2d& layer, const Shape& input) {
  require_between("output_size", layer.output_size, 1);
  return {input.channels, layer.output_size.height, layer.output_size.width};
}

Shape output_of(const ZeroPad2d& layer, const Shape& input) {
  const Padding& padding = layer.padding;
  require(!padding.is_same, "padding is 'same', expected numbers");
  require_between("padding", Size2d{padding.top, padding.bottom}, 0);
  require_between("padding", Size2d{padding.left, padding.right}, 0);
  return {input.channels, input.height + padding.top + padding.bottom, input.width + padding.left + padding.right};
}

Shape output_of(const Upsample& layer, const Shape& input) {
  const Size2d factor = layer.scale_factor;
  require_between("scale_factor", factor, 1);
  require(layer.mode == Upsample::bilinear || !layer.align_corners, "align_corners needs mode bilinear, got nearest");
  return {input.channels, checked_product({input.height, factor.height}, "output height"),
          checked_product({input.width, factor.width}, "output width")};
}

}  // namespace cnnbp
