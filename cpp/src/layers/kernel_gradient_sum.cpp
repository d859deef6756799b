#include "layers/kernel_gradient_sum.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// What one tile of the gradient reads again and again fits the first cache (32 KB): rows of delta and input, for all
/// taps, or, of wide maps, a stretch of columns, for the taps of one kernel row, which leaves a quarter of it to the
/// sums (7×7 with a stride of 2 takes 6 to 9 percent less, 3×3 of 112 columns 3 to 11). A tile of kernel columns makes
/// as many products of each number that it loads as there are columns, so the second cache is near enough: with longer
/// calls for more rows gradients of one and two input channels take 3 to 20 percent less.
constexpr Index gradient_bytes = 32 * 1024, column_gradient_bytes = 128 * 1024;

/// Of a map with few input channels, as several tasks share the gradient of a single block.
constexpr Index least_parts = 4;

/// Lane-wide sums of one task fit the second cache beside the maps it reads.
constexpr Index sums_bytes = 128 * 1024;

/// Fewer tasks than this leave threads without work at the end of a loop; then several share a gradient. Were the
/// kernel's rows split instead, each task would read all of delta and input: half as fast for kernels of few channels.
constexpr Index wanted_tasks = 8;

/// With few input channels, a tile's taps are kernel columns.
bool taps_are_columns(Index in_channels, Index kernel_width) { return in_channels < 3 && kernel_width > 1; }

/// Whether they are so many that a tile has room for two output channels alone, where registers are few.
bool are_wide(Index in_channels, Index kernel_width) {
  return taps_are_columns(in_channels, kernel_width) && kernel_width > 3;
}

/// Output channels of a tile.
Index tile_channels(bool wide) { return wide ? 2 : 4; }

/// Those of the tasks: a tile each, or one or two of the small ones, which are one where there are more registers.
std::vector<Span> output_parts(Index out_channels, bool wide) {
  if (!wide) return even_parts(out_channels, tile_channels(wide));
  std::vector<Span> parts = even_parts((out_channels + 1) / 2, 2);
  for (Span& part : parts) part = {2 * part.begin, std::min(2 * part.end, out_channels)};
  return parts;
}

/// Input channels of the tasks, in threes, as a tile takes them: of 20, 10 each would leave each task a tile of one,
/// and LeNet's second convolution took 8 to 14 percent longer.
std::vector<Span> channel_parts(Index in_channels, Index taps) {
  const Index most = std::max<Index>(1, sums_bytes / (tile_channels(false) * taps * 64) / 3);
  std::vector<Span> parts = even_parts((in_channels + 2) / 3, most);
  for (Span& part : parts) part = {3 * part.begin, std::min(3 * part.end, in_channels)};
  return parts;
}

}  // namespace

template <class T>
KernelGradientSum<T>::KernelGradientSum(const Convolution& convolution)
    : convolution_(convolution),
      row_spans_(tap_spans(convolution.window.rows)),
      column_spans_(tap_spans(convolution.window.columns)) {
  const auto& [rows, columns] = convolution.window;
  const Index tile = tile_channels(are_wide(convolution.in_channels, columns.kernel));
  const bool by_column = taps_are_columns(convolution.in_channels, columns.kernel);
  const Index channels = by_column ? 1 : 3;  // of the input, at once
  const Index row = tile * columns.output + channels * rows.stride * columns.input;
  const Index more = channels * columns.input * (rows.kernel - 1) * rows.dilation;
  const Index pixels = (by_column ? column_gradient_bytes : gradient_bytes) / 64;
  const Index most = std::max<Index>(1, (pixels - more) / (row * row_unit()));
  const Index units = rows.output / row_unit();
  row_parts_ = std::max((units + most - 1) / most, by_column ? std::min(units, least_parts) : 1);
  const Index fitting = pixels / (row_unit() * (tile + channels * columns.stride));
  const Index stretch = by_column || columns.output <= fitting ? fitting : fitting * 3 / 4;
  const Index quads = (columns.output + 3) / 4;  // a narrow block's 64 bytes hold up to four pixels
  for (const Span& part : even_parts(quads, std::max<Index>(1, stretch / 4)))
    column_parts_.push_back({part.begin * 4, std::min(part.end * 4, columns.output)});
}

/// Parts are of whole units, whether rows are made or not: then the order of summation is the same.
template <class T>
Index KernelGradientSum<T>::row_unit() const {
  return convolution_.window.rows.output % rows_together == 0 ? rows_together : 1;
}

template <class T>
Span KernelGradientSum<T>::rows_of(Index part) const {
  const Index units = convolution_.window.rows.output / row_unit();
  return {units * part / row_parts_ * row_unit(), units * (part + 1) / row_parts_ * row_unit()};
}

template <class T>
Index KernelGradientSum<T>::most_rows() const {
  Index most = 0;
  for (Index part = 0; part < row_parts_; ++part) most = std::max(most, rows_of(part).end - rows_of(part).begin);
  return most;
}

template <class T>
bool KernelGradientSum<T>::reads_rows() const {
  return row_unit() == rows_together && channel_parts(convolution_.in_channels, convolution_.taps()).size() == 1;
}

template <class T>
Index KernelGradientSum<T>::workspace(const Blocks<T>& blocks) const {
  const Index numbers = tasks(blocks).back().number + 1;
  return numbers > 1 ? numbers * (weights() + outputs()) : 0;
}

template <class T>
Schedule KernelGradientSum<T>::accumulate(const Tensor<T>& input, const Source<T>& delta, const Gradients<T>& gradients,
                                          T* workspace) {
  const std::vector<Task> all = tasks(input.blocks);
  Index most = 0, tile = 0;
  for (const Task& task : all) {
    most = std::max(most, sums_of(task));
    tile = std::max(tile, task.output_channels.end - task.output_channels.begin);
  }
  const Index numbers = all.back().number + 1, sums_size = most * (Blocks<T>::full_lanes + 1);
  const Index made = delta.rows ? (tile + 1) * most_rows() * delta.map.shape.width * Blocks<T>::full_lanes : 0;
  const bool with_bias = gradients.bias != nullptr;
  const Loop sum{static_cast<Index>(all.size()),
                 [=, this, from = Operands{input, delta}](Index i, std::byte* scratch) {
                   const Task& task = all[static_cast<std::size_t>(i)];
                   const Gradients<T> to = numbers > 1 ? shared_sums(workspace, task.number, with_bias) : gradients;
                   if (numbers > 1) clear(task, to);
                   T* const sums = reinterpret_cast<T*>(scratch);
                   run_task(from, task, sums + whole_vectors<T>(sums_size), sums, to);
                 },
                 static_cast<std::size_t>(whole_vectors<T>(sums_size) + made) * sizeof(T)};
  if (numbers == 1) return {{sum}};
  return {{sum},
          {Loop{outputs(), [=, this](Index output, std::byte*) { finish(output, numbers, workspace, gradients); }}}};
}

/// What tasks of one number add to, where several share a gradient.
template <class T>
auto KernelGradientSum<T>::shared_sums(T* workspace, Index number, bool with_bias) const -> Gradients<T> {
  T* const weight = workspace + number * (weights() + outputs());
  return {weight, with_bias ? weight + weights() : nullptr};
}

template <class T>
void KernelGradientSum<T>::clear(const Task& task, const Gradients<T>& gradients) const {
  const Index taps = convolution_.taps(), first = task.group * convolution_.out_channels;
  for (Index oc = first + task.output_channels.begin; oc < first + task.output_channels.end; ++oc) {
    T* const weight = gradients.weight + oc * weights_of_output();
    std::fill(weight + task.input_channels.begin * taps, weight + task.input_channels.end * taps, T(0));
    if (gradients.bias && task.input_channels.begin == 0) gradients.bias[oc] = T(0);
  }
}

/// Shares of a gradient take as long as each other: a row of a narrow block takes half as long as one of a full block,
/// or more if it has more lanes. With as many rows each, those of a batch of 50 took up to twice as long as the last
/// one, and the toolbox's step 2 percent more.
template <class T>
Index KernelGradientSum<T>::first_row(Index number, Index numbers, const Blocks<T>& blocks) const {
  constexpr Index full = Blocks<T>::full_lanes;
  const Index wide = blocks.full() * row_parts_, rows = blocks.count() * row_parts_;
  const Index narrow = rows > wide ? std::max(full / 2, blocks.lanes(blocks.full())) : full;
  const Index work = (wide * full + (rows - wide) * narrow) * number / numbers;
  return work < wide * full ? (work + full / 2) / full : wide + (work - wide * full + narrow / 2) / narrow;
}

template <class T>
auto KernelGradientSum<T>::tasks(const Blocks<T>& blocks) const -> std::vector<Task> {
  const auto& [window, groups, in_channels, out_channels, connections] = convolution_;
  const std::vector<Span> outputs = output_parts(out_channels, are_wide(in_channels, window.columns.kernel));
  const std::vector<Span> inputs = channel_parts(in_channels, convolution_.taps());
  const Index shares = groups * static_cast<Index>(outputs.size() * inputs.size());
  const Index numbers = std::clamp<Index>((wanted_tasks + shares - 1) / shares, 1, blocks.count() * row_parts_);
  std::vector<Task> tasks;
  for (Index n = 0; n < numbers; ++n) {
    const Span rows{first_row(n, numbers, blocks), first_row(n + 1, numbers, blocks)};
    for (Index g = 0; g < groups; ++g)
      for (const Span& out : outputs)
        for (const Span& in : inputs) tasks.push_back({g, out, in, rows, n});
  }
  return tasks;
}

template <class T>
Index KernelGradientSum<T>::sums_of(const Task& task) const {
  return (task.input_channels.end - task.input_channels.begin) * convolution_.taps() *
         (task.output_channels.end - task.output_channels.begin);
}

/// Full blocks, and then the narrower last one.
template <class T>
void KernelGradientSum<T>::run_task(const Operands& from, const Task& task, T* made, T* sums,
                                    const Gradients<T>& gradients) const {
  const Index full = from.input.blocks.full() * row_parts_;
  const Span wide{task.rows.begin, std::min(task.rows.end, full)},
      narrow{std::max(task.rows.begin, full), task.rows.end};
  T* const bias = task.input_channels.begin == 0 ? gradients.bias : nullptr;
  std::fill(sums, sums + sums_of(task) * Blocks<T>::full_lanes, T(0));
  for (const Span rows : {wide, narrow})
    if (rows.begin < rows.end) sum_rows(from, task, rows, made, sums, bias);
  add_to_gradient(task, sums, gradients.weight);
}

template <class T>
void KernelGradientSum<T>::sum_rows(const Operands& from, const Task& task, Span parts, T* made, T* sums,
                                    T* bias) const {
  const Tensor<T>&input = from.input, &delta = from.delta.map;
  const Axis &rows = convolution_.window.rows, &columns = convolution_.window.columns;
  const Index first = parts.begin / row_parts_, lanes = input.blocks.lanes(first);
  KernelGradient<T> rest{
      .input = nullptr,
      .delta = nullptr,
      .sums = sums,
      .input_channels = task.input_channels.end - task.input_channels.begin,
      .kernel_width = columns.kernel,
      .kernel_row_begin = 0,
      .kernel_row_end = rows.kernel,
      .input_channel_stride = input.channel_stride(first),
      .input_row_stride = columns.input * lanes,
      .delta_channel_stride = delta.channel_stride(first),
      .delta_row_stride = columns.output * lanes,
      .rows = {0, 0},
      .columns = {0, 0},
      .kernel_rows = row_spans_.data(),
      .kernel_columns = column_spans_.data(),
      .stride_height = rows.stride,
      .stride_width = columns.stride,
      .pad_top = rows.pad,
      .pad_left = columns.pad,
      .dilation_height = rows.dilation,
      .dilation_width = columns.dilation,
      .tile = task.output_channels.end - task.output_channels.begin,
      .lanes = lanes,
  };
  const Index first_output = task.group * convolution_.out_channels + task.output_channels.begin;
  for (Index i = parts.begin; i < parts.end; ++i) {
    const Index block = i / row_parts_;
    const Span span = rows_of(i % row_parts_);
    rest.input = input.channel(block, task.group * convolution_.in_channels + task.input_channels.begin);
    rest.rows = span;
    if (from.delta.rows) {
      rest.delta_channel_stride = (span.end - span.begin) * rest.delta_row_stride;
      T* const spare = made + rest.tile * rest.delta_channel_stride;
      for (Index oc = 0; oc < rest.tile; ++oc)
        from.delta.rows(block, first_output + oc, span, made + oc * rest.delta_channel_stride, spare);
      rest.delta = made - span.begin * rest.delta_row_stride;
    } else {
      rest.delta = delta.channel(block, first_output);
    }
    const auto stretches = std::ssize(column_parts_), together = Blocks<T>::full_lanes / lanes;  // of a narrow block
    for (Index s = 0; s < stretches; s += together) {
      const Index last = std::min(s + together, stretches) - 1;
      rest.columns = {column_parts_[static_cast<std::size_t>(s)].begin,
                      column_parts_[static_cast<std::size_t>(last)].end};
      this->kernel_->accumulate_kernel_gradient(rest);
    }
    if (bias == nullptr) continue;
    const Index pixels = (span.end - span.begin) * columns.output;
    for (Index oc = 0; oc < rest.tile; ++oc)
      bias[first_output + oc] += this->kernel_->sum_plane(
          rest.delta + oc * rest.delta_channel_stride + span.begin * rest.delta_row_stride, pixels, lanes);
  }
}

/// From [ic][kh][kw][oc][lane] to the field's [oc][ic][kh][kw].
template <class T>
void KernelGradientSum<T>::add_to_gradient(const Task& task, T* sums, T* gradient) const {
  const Index count = sums_of(task), taps = convolution_.taps();
  T* totals = sums + count * Blocks<T>::full_lanes;
  this->kernel_->sum_lanes(sums, count, Blocks<T>::full_lanes, totals);
  const Index first = task.group * convolution_.out_channels;
  for (Index ic = task.input_channels.begin; ic < task.input_channels.end; ++ic)
    for (Index tap = 0; tap < taps; ++tap)
      for (Index oc = task.output_channels.begin; oc < task.output_channels.end; ++oc, ++totals)
        gradient[(first + oc) * weights_of_output() + ic * taps + tap] += *totals;
}

/// The tasks' sums are added up first: then a gradient that is accumulated twice is exactly twice what it was.
template <class T>
void KernelGradientSum<T>::finish(Index output, Index numbers, T* workspace, const Gradients<T>& gradients) const {
  const auto total = [&](auto sum_of) {
    T sum = sum_of(0);
    for (Index number = 1; number < numbers; ++number) sum += sum_of(number);
    return sum;
  };
  const auto sums = [&](Index number) { return shared_sums(workspace, number, gradients.bias != nullptr); };
  for (Index i = output * weights_of_output(); i < (output + 1) * weights_of_output(); ++i)
    gradients.weight[i] += total([&](Index number) { return sums(number).weight[i]; });
  if (gradients.bias) gradients.bias[output] += total([&](Index number) { return sums(number).bias[output]; });
}

template class KernelGradientSum<float>;
template class KernelGradientSum<double>;

}  // namespace cnnbp
