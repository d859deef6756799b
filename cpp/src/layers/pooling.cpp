#include "layers/pooling.hpp"

#include <algorithm>

namespace cnnbp {

template <class T>
PoolingLayer<T>::PoolingLayer(const Window& window, Kernel forward_kernel, Kernel delta_kernel)
    : window_(window),
      forward_kernel_(forward_kernel),
      delta_kernel_(delta_kernel),
      forward_rows_(forward_taps(window.rows)),
      delta_rows_(delta_taps(window.rows)),
      forward_columns_(forward_runs(window.columns)),
      delta_columns_(delta_runs(window.columns)) {}

template <class T>
Pooling<T> PoolingLayer<T>::plane(const std::vector<Taps>& rows, const std::vector<Run>& columns,
                                  Index lanes) const {
  Pooling<T> p{};
  p.rows = rows.data();
  p.row_end = static_cast<Index>(rows.size());
  p.columns = columns.data();
  p.column_runs = static_cast<Index>(columns.size());
  p.kernel_width = window_.columns.kernel;
  p.row_divisor = row_divisor_.data();
  p.column_divisor = column_divisor_.data();
  p.multiply = multiply_;
  p.lanes = lanes;
  return p;
}

template <class T>
Loop PoolingLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels, lanes = input.value.blocks.lanes(b);
            Pooling<T> p = plane(forward_rows_, forward_columns_, lanes);
            p.source = input.value.channel(b, c);
            p.target = output.value.channel(b, c);
            p.saved_out = output.saved.data ? output.saved.channel(b, c) : nullptr;
            p.source_row_stride = window_.columns.input * lanes;
            p.target_row_stride = window_.columns.output * lanes;
            forward_kernel_(p);
            kernels().of<T>().activate(output.function, p.target, output.value.channel_stride(b));
          }};
}

template <class T>
Loop PoolingLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels, lanes = input.value.blocks.lanes(b);
            Pooling<T> p = plane(delta_rows_, delta_columns_, lanes);
            p.source = output.delta.channel(b, c);
            p.target = input.delta.channel(b, c);
            p.saved = output.saved.data ? output.saved.channel(b, c) : nullptr;
            p.source_row_stride = window_.columns.output * lanes;
            p.target_row_stride = window_.columns.input * lanes;
            delta_kernel_(p);
            kernels().of<T>().multiply_by_derivative(input.function, input.value.channel(b, c), p.target,
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

template class PoolingLayer<float>;
template class PoolingLayer<double>;
template class AvgPool2dLayer<float>;
template class AvgPool2dLayer<double>;
template class MaxPool2dLayer<float>;
template class MaxPool2dLayer<double>;

}  // namespace cnnbp
