#include "layers/conv2d.hpp"

#include <algorithm>
#include <utility>

#include "layers/correlator.hpp"
#include "layers/winograd.hpp"

namespace cnnbp {
namespace {

/// Rows of delta and input that one tile of the gradient reads again and again fit the first cache (32 KB).
constexpr Index gradient_bytes = 32 * 1024;

/// Lane-wide sums of one task fit the second cache beside the maps it reads.
constexpr Index sums_bytes = 128 * 1024;

/// Fewer tasks than this leave threads without work at the end of a loop; kernel rows are split then too.
constexpr Index wanted_gradient_tasks = 16;

/// Few input channels: tiles of 2 output channels × 5 kernel columns; otherwise 4 × 3 input channels.
Index gradient_tile(Index in_channels, Index kernel_width) { return in_channels < 3 && kernel_width > 3 ? 2 : 4; }

}  // namespace

template <class T>
Conv2dLayer<T>::Conv2dLayer(const Conv2d& definition, const Shape& input)
    : window_(window_of(definition, input)),
      connections_(definition.connections),
      groups_(definition.groups),
      in_channels_(input.channels / definition.groups),
      out_channels_(definition.out_channels / definition.groups),
      row_spans_(tap_spans(window_.rows)),
      column_spans_(tap_spans(window_.columns)) {
  const Axis &rows = window_.rows, &columns = window_.columns;
  const Index weights = kernels_of(definition, input) * rows.kernel * columns.kernel;
  this->parameters.push_back({.name = "weight",
                              .shape = {definition.out_channels, in_channels_, rows.kernel, columns.kernel},
                              .fan_in = weights / definition.out_channels,
                              .fan_out = weights / input.channels,
                              .zeros = zeros()});
  if (definition.bias) this->parameters.push_back({.name = "bias", .shape = {definition.out_channels}});
  make_sums(definition);
}

/// The delta is the same sum from the other end: sources are the deltas, targets the input's channels.
template <class T>
void Conv2dLayer<T>::make_sums(const Conv2d& definition) {
  const Axis &rows = window_.rows, &columns = window_.columns;
  const SumShape forward = forward_sum();
  SumShape delta = forward;
  std::swap(delta.source_channels, delta.target_channels);
  std::swap(delta.source_height, delta.target_height);
  std::swap(delta.source_width, delta.target_width);
  std::swap(delta.weight_source_stride, delta.weight_target_stride);
  if (takes_winograd<T>(definition, window_, forward))
    forward_ = std::make_unique<WinogradSum<T>>(WinogradShape{forward, -rows.pad, -columns.pad, false});
  else forward_ = std::make_unique<Correlator<T>>(CorrelatorShape{forward, forward_taps(rows), forward_runs(columns)});
  if (takes_winograd<T>(definition, window_, delta))
    delta_ = std::make_unique<WinogradSum<T>>(
        WinogradShape{delta, rows.output - rows.input - rows.pad, columns.output - columns.input - columns.pad, true});
  else delta_ = std::make_unique<Correlator<T>>(CorrelatorShape{delta, delta_taps(rows), delta_runs(columns)});
}

template <class T>
SumShape Conv2dLayer<T>::forward_sum() const {
  const Axis &rows = window_.rows, &columns = window_.columns;
  const Index taps = rows.kernel * columns.kernel, weights = in_channels_ * taps;
  return {.groups = groups_,
          .source_channels = in_channels_,
          .target_channels = out_channels_,
          .source_height = rows.input,
          .source_width = columns.input,
          .target_height = rows.output,
          .target_width = columns.output,
          .kernel_height = rows.kernel,
          .kernel_width = columns.kernel,
          .weight_source_stride = taps,
          .weight_target_stride = weights,
          .weight_group_stride = out_channels_ * weights};
}

template <class T>
bool Conv2dLayer<T>::connected(Index out_channel, Index in_channel) const {
  return connections_.empty() ||
         connections_[static_cast<std::size_t>(out_channel)][static_cast<std::size_t>(in_channel)];
}

/// The kernels that are not there.
template <class T>
std::vector<Span> Conv2dLayer<T>::zeros() const {
  const Index taps = window_.rows.kernel * window_.columns.kernel;
  std::vector<Span> spans;
  for (Index oc = 0; oc < groups_ * out_channels_; ++oc)
    for (Index ic = 0; ic < in_channels_; ++ic) {
      const Index place = oc * in_channels_ + ic;
      if (!connected(oc, ic)) spans.push_back({place * taps, (place + 1) * taps});
    }
  return spans;
}

template <class T>
Schedule Conv2dLayer<T>::pack_parameters(bool training) {
  Phase phase{forward_->pack(this->parameters[0].value)};
  if (training) phase.push_back(delta_->pack(this->parameters[0].value));
  return {phase};
}

template <class T>
Loop Conv2dLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  T* const* bias = this->parameters.size() > 1 ? &this->parameters[1].value : nullptr;
  return forward_->run(input.value, output.value, bias, output.function);
}

/// δ_i = f'(u_i) ∘ Σ_j conv2(δ_j, rot180(k_ij), 'full')
template <class T>
Loop Conv2dLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return delta_->run_delta(output.delta, input.delta, input.value, input.function);
}

/// ∂E/∂k_ij = Σ_uv (δ_j)_uv (p_i)_uv and ∂E/∂b_j = Σ_uv (δ_j)_uv
template <class T>
Schedule Conv2dLayer<T>::accumulate_gradients(const Signal<T>& input, const Signal<T>& output) {
  const std::vector<GradientTask> tasks = gradient_tasks();
  Index sums = 0;
  for (const GradientTask& task : tasks) sums = std::max(sums, sums_of(task));
  const auto run = [=, this](Index task, std::byte* scratch) {
    accumulate(input, output, tasks[static_cast<std::size_t>(task)], reinterpret_cast<T*>(scratch));
  };
  return {{Loop{static_cast<Index>(tasks.size()), run,
                static_cast<std::size_t>(sums * (Blocks<T>::full_lanes + 1)) * sizeof(T)}}};
}

template <class T>
auto Conv2dLayer<T>::gradient_tasks() const -> std::vector<GradientTask> {
  const Index kernel_rows = window_.rows.kernel, kernel_width = window_.columns.kernel;
  const Index tile = gradient_tile(in_channels_, kernel_width);
  const std::vector<Span> outputs = even_parts(out_channels_, tile);
  const Index sums = tile * kernel_rows * kernel_width * Blocks<T>::full_lanes * Index{sizeof(T)};
  const std::vector<Span> inputs = even_parts(in_channels_, std::max<Index>(3, sums_bytes / sums / 3 * 3));
  const bool split = groups_ * static_cast<Index>(outputs.size() * inputs.size()) < wanted_gradient_tasks;
  std::vector<GradientTask> tasks;
  for (Index g = 0; g < groups_; ++g)
    for (const Span& out : outputs)
      for (const Span& in : inputs)
        for (const Span& rows : even_parts(kernel_rows, split ? 1 : kernel_rows)) tasks.push_back({g, out, in, rows});
  return tasks;
}

template <class T>
Index Conv2dLayer<T>::sums_of(const GradientTask& task) const {
  return (task.input_channels.end - task.input_channels.begin) * (task.kernel_rows.end - task.kernel_rows.begin) *
         window_.columns.kernel * (task.output_channels.end - task.output_channels.begin);
}

/// Full blocks, and then the narrower last one, each with lane-wide sums of its own.
template <class T>
void Conv2dLayer<T>::accumulate(const Signal<T>& input, const Signal<T>& output, const GradientTask& task,
                                T* sums) const {
  const Blocks<T>& blocks = input.value.blocks;
  for (const Span range : {Span{0, blocks.full()}, Span{blocks.full(), blocks.count()}}) {
    if (range.begin == range.end) continue;
    const Index lanes = blocks.lanes(range.begin);
    std::fill(sums, sums + sums_of(task) * lanes, T(0));
    sum_blocks(input.value, output.delta, task, range, sums);
    add_to_weight(task, sums, lanes);
  }
  if (this->parameters.size() > 1 && task.input_channels.begin == 0 && task.kernel_rows.begin == 0)
    add_to_bias(output.delta, task);
}

template <class T>
void Conv2dLayer<T>::sum_blocks(const Tensor<T>& input, const Tensor<T>& delta, const GradientTask& task, Span blocks,
                                T* sums) const {
  const Axis &rows = window_.rows, &columns = window_.columns;
  const Index lanes = input.blocks.lanes(blocks.begin);
  const Index tile = task.output_channels.end - task.output_channels.begin;
  const Index per_row = (tile * columns.output + 3 * rows.stride * columns.input) * lanes * Index{sizeof(T)};
  const std::vector<Span> parts = even_parts(rows.output, std::max<Index>(1, gradient_bytes / per_row));
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
    for (const Span& part : parts) {
      rest.input = input.channel(b, task.group * in_channels_ + task.input_channels.begin);
      rest.delta = delta.channel(b, task.group * out_channels_ + task.output_channels.begin);
      rest.row_begin = part.begin;
      rest.row_end = part.end;
      this->kernel.accumulate_kernel_gradient(rest);
    }
}

/// From [ic][kh][kw][oc][lane] to the field's [oc][ic][kh][kw]. A kernel that is not there gets no gradient.
template <class T>
void Conv2dLayer<T>::add_to_weight(const GradientTask& task, T* sums, Index lanes) const {
  const Index count = sums_of(task), taps = window_.rows.kernel * window_.columns.kernel;
  T* totals = sums + count * Blocks<T>::full_lanes;
  this->kernel.sum_lanes(sums, count, lanes, totals);
  const Index first = task.group * out_channels_;
  for (Index ic = task.input_channels.begin; ic < task.input_channels.end; ++ic)
    for (Index tap = task.kernel_rows.begin * window_.columns.kernel;
         tap < task.kernel_rows.end * window_.columns.kernel; ++tap)
      for (Index oc = task.output_channels.begin; oc < task.output_channels.end; ++oc, ++totals)
        if (connected(first + oc, ic))
          this->parameters[0].gradient[((first + oc) * in_channels_ + ic) * taps + tap] += *totals;
}

template <class T>
void Conv2dLayer<T>::add_to_bias(const Tensor<T>& delta, const GradientTask& task) const {
  const Index pixels = window_.rows.output * window_.columns.output;
  for (Index b = 0; b < delta.blocks.count(); ++b) {
    const Index lanes = delta.blocks.lanes(b);
    for (Index oc = task.output_channels.begin; oc < task.output_channels.end; ++oc) {
      const Index channel = task.group * out_channels_ + oc;
      this->parameters[1].gradient[channel] += this->kernel.sum_plane(delta.channel(b, channel), pixels, lanes);
    }
  }
}

template class Conv2dLayer<float>;
template class Conv2dLayer<double>;

}  // namespace cnnbp
