#include "layers/kernel_gradient_sum.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Rows of delta and input that one tile of the gradient reads again and again fit the first cache (32 KB).
constexpr Index gradient_bytes = 32 * 1024;

/// Lane-wide sums of one task fit the second cache beside the maps it reads.
constexpr Index sums_bytes = 128 * 1024;

/// Fewer tasks than this leave threads without work at the end of a loop; kernel rows are split then too, though each
/// task has to read all of delta and input.
constexpr Index wanted_tasks = 8;

/// Few input channels: tiles of 2 output channels × 5 kernel columns; otherwise 4 × 3 input channels.
Index tile_channels(Index in_channels, Index kernel_width) { return in_channels < 3 && kernel_width > 3 ? 2 : 4; }

}  // namespace

template <class T>
KernelGradientSum<T>::KernelGradientSum(const Convolution& convolution)
    : convolution_(convolution),
      row_spans_(tap_spans(convolution.window.rows)),
      column_spans_(tap_spans(convolution.window.columns)) {}

template <class T>
Schedule KernelGradientSum<T>::accumulate(const Tensor<T>& input, const Tensor<T>& delta, T* gradient,
                                          const Workspace<T>&) {
  const std::vector<Task> all = tasks();
  Index sums = 0;
  for (const Task& task : all) sums = std::max(sums, sums_of(task));
  return {{Loop{static_cast<Index>(all.size()),
                [=, this](Index task, std::byte* scratch) {
                  run_task(input, delta, all[static_cast<std::size_t>(task)], reinterpret_cast<T*>(scratch), gradient);
                },
                static_cast<std::size_t>(sums * (Blocks<T>::full_lanes + 1)) * sizeof(T)}}};
}

template <class T>
auto KernelGradientSum<T>::tasks() const -> std::vector<Task> {
  const auto& [window, groups, in_channels, out_channels, connections] = convolution_;
  const Index kernel_rows = window.rows.kernel, tile = tile_channels(in_channels, window.columns.kernel);
  const std::vector<Span> outputs = even_parts(out_channels, tile);
  const Index sums = tile * convolution_.taps() * Blocks<T>::full_lanes * Index{sizeof(T)};
  const std::vector<Span> inputs = even_parts(in_channels, std::max<Index>(3, sums_bytes / sums / 3 * 3));
  const bool split = groups * static_cast<Index>(outputs.size() * inputs.size()) < wanted_tasks;
  std::vector<Task> tasks;
  for (Index g = 0; g < groups; ++g)
    for (const Span& out : outputs)
      for (const Span& in : inputs)
        for (const Span& rows : even_parts(kernel_rows, split ? 1 : kernel_rows)) tasks.push_back({g, out, in, rows});
  return tasks;
}

template <class T>
Index KernelGradientSum<T>::sums_of(const Task& task) const {
  return (task.input_channels.end - task.input_channels.begin) * (task.kernel_rows.end - task.kernel_rows.begin) *
         convolution_.window.columns.kernel * (task.output_channels.end - task.output_channels.begin);
}

/// Full blocks, and then the narrower last one, each with lane-wide sums of its own.
template <class T>
void KernelGradientSum<T>::run_task(const Tensor<T>& input, const Tensor<T>& delta, const Task& task, T* sums,
                                    T* gradient) const {
  const Blocks<T>& blocks = input.blocks;
  for (const Span range : {Span{0, blocks.full()}, Span{blocks.full(), blocks.count()}}) {
    if (range.begin == range.end) continue;
    const Index lanes = blocks.lanes(range.begin);
    std::fill(sums, sums + sums_of(task) * lanes, T(0));
    sum_blocks(input, delta, task, range, sums);
    add_to_gradient(task, sums, lanes, gradient);
  }
}

template <class T>
void KernelGradientSum<T>::sum_blocks(const Tensor<T>& input, const Tensor<T>& delta, const Task& task, Span blocks,
                                      T* sums) const {
  const Axis &rows = convolution_.window.rows, &columns = convolution_.window.columns;
  const Index lanes = input.blocks.lanes(blocks.begin);
  const Index tile = task.output_channels.end - task.output_channels.begin;
  const Index per_row = (tile * columns.output + 3 * rows.stride * columns.input) * lanes * Index{sizeof(T)};
  const Index most = std::max<Index>(1, gradient_bytes / per_row), parts = (rows.output + most - 1) / most;
  KernelGradient<T> rest{
      .input = nullptr,
      .delta = nullptr,
      .sums = sums,
      .input_channels = task.input_channels.end - task.input_channels.begin,
      .kernel_width = columns.kernel,
      .kernel_row_begin = task.kernel_rows.begin,
      .kernel_row_end = task.kernel_rows.end,
      .input_channel_stride = input.channel_stride(blocks.begin),
      .input_row_stride = columns.input * lanes,
      .delta_channel_stride = delta.channel_stride(blocks.begin),
      .delta_row_stride = columns.output * lanes,
      .row_begin = 0,
      .row_end = 0,
      .kernel_rows = row_spans_.data(),
      .kernel_columns = column_spans_.data(),
      .stride_height = rows.stride,
      .stride_width = columns.stride,
      .pad_top = rows.pad,
      .pad_left = columns.pad,
      .dilation_height = rows.dilation,
      .dilation_width = columns.dilation,
      .tile = tile,
      .lanes = lanes,
  };
  for (Index b = blocks.begin; b < blocks.end; ++b)
    for (Index part = 0; part < parts; ++part) {
      rest.input = input.channel(b, task.group * convolution_.in_channels + task.input_channels.begin);
      rest.delta = delta.channel(b, task.group * convolution_.out_channels + task.output_channels.begin);
      rest.row_begin = rows.output * part / parts;
      rest.row_end = rows.output * (part + 1) / parts;
      this->kernel_->accumulate_kernel_gradient(rest);
    }
}

/// From [ic][kh][kw][oc][lane] to the field's [oc][ic][kh][kw].
template <class T>
void KernelGradientSum<T>::add_to_gradient(const Task& task, T* sums, Index lanes, T* gradient) const {
  const Index count = sums_of(task), taps = convolution_.taps(), width = convolution_.window.columns.kernel;
  T* totals = sums + count * Blocks<T>::full_lanes;
  this->kernel_->sum_lanes(sums, count, lanes, totals);
  const Index first = task.group * convolution_.out_channels;
  for (Index ic = task.input_channels.begin; ic < task.input_channels.end; ++ic)
    for (Index tap = task.kernel_rows.begin * width; tap < task.kernel_rows.end * width; ++tap)
      for (Index oc = task.output_channels.begin; oc < task.output_channels.end; ++oc, ++totals)
        gradient[((first + oc) * convolution_.in_channels + ic) * taps + tap] += *totals;
}

template class KernelGradientSum<float>;
template class KernelGradientSum<double>;

}  // namespace cnnbp
