#include "layers/pooling.hpp"

#include <algorithm>

namespace cnnbp {

namespace {

/// Whether the windows lie side by side and cover the whole axis.
bool cover_once(const std::vector<Taps>& windows, Index size) {
  Index covered = 0;
  for (const Taps& window : windows) {
    if (window.source != covered || window.source_step != 1) return false;
    covered += window.count;
  }
  return covered == size;
}

bool are_apart(const std::vector<Taps>& windows) {
  for (std::size_t i = 1; i < windows.size(); ++i)
    if (windows[i - 1].source + (windows[i - 1].count - 1) * windows[i - 1].source_step >= windows[i].source)
      return false;
  return true;
}

}  // namespace

template <class T>
PlaneWindows<T>::PlaneWindows(const Window& window)
    : PlaneWindows({window.rows.input, window.columns.input}, forward_taps(window.rows), forward_taps(window.columns),
                   window.columns.kernel) {}

template <class T>
PlaneWindows<T>::PlaneWindows(Size2d input, std::vector<Taps> rows, const std::vector<Taps>& columns,
                              Index kernel_width)
    : input_(input),
      rows_(std::move(rows)),
      columns_(forward_runs(columns)),
      pooled_width_(static_cast<Index>(columns.size())),
      kernel_width_(kernel_width),
      partition_(cover_once(rows_, input.height) && cover_once(columns, input.width)),
      apart_(are_apart(rows_) && are_apart(columns)) {}

template <class T>
Pooling<T> PlaneWindows<T>::of(const Tensor<T>& below, const Tensor<T>& pooled, const Tensor<T>& taps, Index block,
                               Index channel) const {
  const Index lanes = below.blocks.lanes(block);
  return {.plane = below.channel(block, channel),
          .pooled = pooled.channel(block, channel),
          .taps = taps.data ? reinterpret_cast<TapNumber*>(taps.channel(block, channel)) : nullptr,
          .plane_height = input_.height,
          .plane_row_stride = input_.width * lanes,
          .pooled_row_stride = pooled_width_ * lanes,
          .rows = rows_.data(),
          .pooled_height = static_cast<Index>(rows_.size()),
          .columns = columns_.data(),
          .column_runs = static_cast<Index>(columns_.size()),
          .kernel_width = kernel_width_,
          .row_divisor = nullptr,
          .column_divisor = nullptr,
          .multiply = false,
          .partition = partition_,
          .lanes = lanes};
}

template <class T>
Pooling<T> PlaneWindows<T>::windows_in(Pooling<T> plane, Span rows) const {
  const Index height = rows_.front().count, first = rows.begin / height;
  plane.pooled += first * plane.pooled_row_stride;
  if (plane.taps) plane.taps += first * plane.pooled_row_stride;
  if (plane.row_divisor) plane.row_divisor += first;
  plane.rows += first;
  plane.pooled_height = (rows.end - rows.begin) / height;
  return plane;
}

template <class T>
Pooling<T> PlaneWindows<T>::of_rows(const Pooling<T>& plane, Span rows, T* to) const {
  Pooling<T> some = windows_in(plane, rows);
  some.plane = to - rows.begin * plane.plane_row_stride;
  return some;
}

template <class T>
Pooling<T> PlaneWindows<T>::of_pixels(const Pooling<T>& plane, const Pixels& pixels, Run& run) const {
  Pooling<T> some = windows_in(plane, pixels.rows);
  run = columns_.front();
  run.begin = pixels.columns.begin / run.taps.count;
  run.count = (pixels.columns.end - pixels.columns.begin) / run.taps.count;
  run.taps.source = pixels.columns.begin;
  some.columns = &run;
  return some;
}

template <class T>
bool PlaneWindows<T>::share_pixels(Index together) const {
  return share_rows(together) && columns_.size() == 1 && columns_.front().taps.count == together;
}

template <class T>
bool PlaneWindows<T>::share_rows(Index together) const {
  return partition_ && std::all_of(rows_.begin(), rows_.end(), [=](const Taps& row) { return row.count == together; });
}

template <class T>
PoolingLayer<T>::PoolingLayer(PlaneWindows<T> windows, Kernel forward_kernel, Kernel delta_kernel)
    : windows_(std::move(windows)), forward_kernel_(forward_kernel), delta_kernel_(delta_kernel) {}

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
TakePixels<T> PoolingLayer<T>::take_pixels(const Signal<T>& input, const Signal<T>& output) {
  return [=, this](const Pixels& pixels, T* from) {
    const Index b = pixels.block, c = pixels.channel, lanes = output.value.blocks.lanes(b);
    Run run;
    Pooling<T> all = plane(input.value, output.value, output.saved, b, c);
    all.plane = from;
    const Pooling<T> pooling = windows_.of_pixels(all, pixels, run);
    forward_kernel_(pooling);
    for (Index row = 0; row < pooling.pooled_height; ++row)
      this->kernel.activate(output.function, pooling.pooled + row * pooling.pooled_row_stride + run.begin * lanes,
                            run.count * lanes);
  };
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

template <class T>
MakeRows<T> PoolingLayer<T>::delta_rows(const Signal<T>& input, const Signal<T>& output) {
  return [=, this](Index b, Index c, Span rows, T* to, T*) {
    Pooling<T> pooling = windows_.of_rows(plane(input.delta, output.delta, output.saved, b, c), rows, to);
    delta_kernel_(pooling);
    const Index row = input.value.row_stride(b);
    this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c) + rows.begin * row, to,
                                        (rows.end - rows.begin) * row);
  };
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
AvgPool2dLayer<T>::AvgPool2dLayer(PlaneWindows<T> windows)
    : PoolingLayer<T>(std::move(windows), kernels().of<T>().avg_pool, kernels().of<T>().avg_pool_delta) {}

template <class T>
AvgPool2dLayer<T>::AvgPool2dLayer(const AvgPool2d& definition, const Shape& input)
    : AvgPool2dLayer(PlaneWindows<T>(window_of(definition, input))) {
  const Window window = window_of(definition, input);
  std::vector<Index> rows = counts(window.rows, definition.count_include_pad);
  std::vector<Index> columns = counts(window.columns, definition.count_include_pad);
  if (definition.divisor_override > 0) {
    rows.assign(rows.size(), definition.divisor_override);
    columns.assign(columns.size(), 1);
  }
  divide_by(rows, columns);
}

template <class T>
AvgPool2dLayer<T>::AvgPool2dLayer(const AdaptiveAvgPool2d& definition, const Shape& input)
    : AvgPool2dLayer(PlaneWindows<T>({input.height, input.width},
                                     adaptive_taps(input.height, definition.output_size.height),
                                     adaptive_taps(input.width, definition.output_size.width))) {
  const auto sizes = [](Index from, Index to) {
    std::vector<Index> all;
    for (const Taps& window : adaptive_taps(from, to)) all.push_back(window.count);
    return all;
  };
  divide_by(sizes(input.height, definition.output_size.height), sizes(input.width, definition.output_size.width));
}

template <class T>
void AvgPool2dLayer<T>::divide_by(const std::vector<Index>& rows, const std::vector<Index>& columns) {
  this->multiply_ = std::all_of(rows.begin(), rows.end(), is_power_of_two) &&
                    std::all_of(columns.begin(), columns.end(), is_power_of_two);
  for (const Index n : rows) this->row_divisor_.push_back(this->multiply_ ? T(1) / T(n) : T(n));
  for (const Index n : columns) this->column_divisor_.push_back(this->multiply_ ? T(1) / T(n) : T(n));
}

template <class T>
MaxPool2dLayer<T>::MaxPool2dLayer(const MaxPool2d& definition, const Shape& input)
    : PoolingLayer<T>(PlaneWindows<T>(window_of(definition, input)), kernels().of<T>().max_pool,
                      kernels().of<T>().max_pool_delta) {}

template <class T>
Loop MaxPool2dLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  if (this->backward_reads(output.function).slope) return PoolingLayer<T>::propagate_delta(input, output);
  const Index channels = input.value.shape.channels, most = output.delta.shape.pixels() * Blocks<T>::full_lanes;
  return {input.value.blocks.count() * channels,
          [=, this](Index task, std::byte* scratch) {
            const Index b = task / channels, c = task % channels;
            Pooling<T> pooling = this->plane(input.delta, output.delta, output.saved, b, c);
            const Index count = output.delta.shape.pixels() * output.delta.blocks.lanes(b);
            T* const delta = reinterpret_cast<T*>(scratch);
            multiply_by_slope(output, input.function, b, c, 0, count, delta);
            pooling.pooled = delta;
            this->kernel.max_pool_delta(pooling);
          },
          static_cast<std::size_t>(most) * sizeof(T)};
}

template <class T>
void MaxPool2dLayer<T>::multiply_by_slope(const Signal<T>& output, const Elementwise& function, Index block,
                                          Index channel, Index offset, Index count, T* to) const {
  std::copy_n(output.delta.channel(block, channel) + offset, count, to);
  this->kernel.multiply_by_derivative(function, output.value.channel(block, channel) + offset, to, count);
}

template <class T>
MakeRows<T> MaxPool2dLayer<T>::delta_rows(const Signal<T>& input, const Signal<T>& output) {
  if (this->backward_reads(output.function).slope) return PoolingLayer<T>::delta_rows(input, output);
  return [=, this](Index b, Index c, Span rows, T* to, T* spare) {
    Pooling<T> pooling = this->windows().of_rows(this->plane(input.delta, output.delta, output.saved, b, c), rows, to);
    multiply_by_slope(output, input.function, b, c, pooling.pooled - output.delta.channel(b, c),
                      pooling.pooled_height * pooling.pooled_row_stride, spare);
    pooling.pooled = spare;
    this->kernel.max_pool_delta(pooling);
  };
}

template class PlaneWindows<float>;
template class PlaneWindows<double>;
template class PoolingLayer<float>;
template class PoolingLayer<double>;
template class AvgPool2dLayer<float>;
template class AvgPool2dLayer<double>;
template class MaxPool2dLayer<float>;
template class MaxPool2dLayer<double>;

}  // namespace cnnbp
