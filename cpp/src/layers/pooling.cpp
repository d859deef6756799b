#include "layers/pooling.hpp"

#include <algorithm>

namespace cnnbp {

namespace {

/// Windows that lie side by side and cover the whole axis.
bool covers_once(const Axis& axis) {
  return axis.stride == axis.kernel && axis.dilation == 1 && axis.pad == 0 && axis.output * axis.stride == axis.input;
}

}  // namespace

template <class T>
PlaneWindows<T>::PlaneWindows(const Window& window)
    : window_(window), rows_(forward_taps(window.rows)), columns_(forward_runs(window.columns)) {}

template <class T>
Pooling<T> PlaneWindows<T>::of(const Tensor<T>& below, const Tensor<T>& pooled, const Tensor<T>& taps, Index block,
                               Index channel) const {
  const Index lanes = below.blocks.lanes(block);
  return {.plane = below.channel(block, channel),
          .pooled = pooled.channel(block, channel),
          .taps = taps.data ? taps.channel(block, channel) : nullptr,
          .plane_height = window_.rows.input,
          .plane_row_stride = window_.columns.input * lanes,
          .pooled_row_stride = window_.columns.output * lanes,
          .rows = rows_.data(),
          .pooled_height = window_.rows.output,
          .columns = columns_.data(),
          .column_runs = static_cast<Index>(columns_.size()),
          .kernel_width = window_.columns.kernel,
          .row_divisor = nullptr,
          .column_divisor = nullptr,
          .multiply = false,
          .partition = covers_once(window_.rows) && covers_once(window_.columns),
          .lanes = lanes};
}

template <class T>
PoolingLayer<T>::PoolingLayer(const Window& window, Kernel forward_kernel, Kernel delta_kernel)
    : windows_(window), forward_kernel_(forward_kernel), delta_kernel_(delta_kernel) {}

template <class T>
Pooling<T> PoolingLayer<T>::plane(const Tensor<T>& below, const Tensor<T>& pooled, const Tensor<T>& taps, Index block,
                                  Index channel) const {
  Pooling<T> plane = windows_.of(below, pooled, taps, block, channel);
  plane.row_divisor = row_divisor_.data();
  plane.column_divisor = column_divisor_.data();
  plane.multiply = multiply_;
  return plane;
}

template <class T>
Loop PoolingLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels;
            forward_kernel_(plane(input.value, output.value, output.saved, b, c));
            this->kernel.activate(output.function, output.value.channel(b, c), output.value.channel_stride(b));
          }};
}

template <class T>
Loop PoolingLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels;
            delta_kernel_(plane(input.delta, output.delta, output.saved, b, c));
            this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c), input.delta.channel(b, c),
                                                input.value.channel_stride(b));
          }};
}

namespace {

bool is_power_of_two(Index n) { return (n & (n - 1)) == 0; }

/// Pixels of each window along one axis: as PyTorch counts them, those of the input and of the padding that was
/// asked for, but not of what ceil_mode adds; or those of the input alone.
std::vector<Index> counts(const Axis& axis, bool include_pad) {
  std::vector<Index> all;
  for (Index o = 0; o < axis.output; ++o) {
    const Index begin = o * axis.stride - axis.pad;
    const Index end = std::min(begin + axis.kernel, axis.input + axis.pad);
    all.push_back(include_pad ? end - begin : std::min(end, axis.input) - std::max<Index>(begin, 0));
  }
  return all;
}

}  // namespace

template <class T>
AvgPool2dLayer<T>::AvgPool2dLayer(const AvgPool2d& definition, const Shape& input)
    : PoolingLayer<T>(window_of(definition, input), kernels().of<T>().avg_pool, kernels().of<T>().avg_pool_delta) {
  const Window window = window_of(definition, input);
  std::vector<Index> rows = counts(window.rows, definition.count_include_pad);
  std::vector<Index> columns = counts(window.columns, definition.count_include_pad);
  if (definition.divisor_override > 0) {
    rows.assign(rows.size(), definition.divisor_override);
    columns.assign(columns.size(), 1);
  }
  this->multiply_ = std::all_of(rows.begin(), rows.end(), is_power_of_two) &&
                    std::all_of(columns.begin(), columns.end(), is_power_of_two);
  for (const Index n : rows) this->row_divisor_.push_back(this->multiply_ ? T(1) / T(n) : T(n));
  for (const Index n : columns) this->column_divisor_.push_back(this->multiply_ ? T(1) / T(n) : T(n));
}

template <class T>
MaxPool2dLayer<T>::MaxPool2dLayer(const MaxPool2d& definition, const Shape& input)
    : PoolingLayer<T>(window_of(definition, input), kernels().of<T>().max_pool, kernels().of<T>().max_pool_delta) {}

template class PlaneWindows<float>;
template class PlaneWindows<double>;
template class PoolingLayer<float>;
template class PoolingLayer<double>;
template class AvgPool2dLayer<float>;
template class AvgPool2dLayer<double>;
template class MaxPool2dLayer<float>;
template class MaxPool2dLayer<double>;

}  // namespace cnnbp
