#include "layers/product_gradient.hpp"

#include <algorithm>

#include "layers/patches.hpp"

namespace cnnbp {
namespace {

/// Input channels of a task: a turned row of 32 pixels is 128 KB and stays in the second cache. Output channels: enough
/// for the turning, an instruction or two a number, not to show.
constexpr Index most_inputs = 64, most_outputs = 256;

/// The sums of a task stay there, too: of 3×3 kernels those for 128 output channels, which took up to a tenth less than
/// 256.
constexpr Index sums_bytes = 320 * 1024;

/// Rows are summed in so many parts, if channels alone do not give as many tasks.
constexpr Index wanted_tasks = 16;

/// A part has so many products for each weight, at least, as its sums are set to zero and added up, too: of maps of 4×4
/// gradients took 1.7 times as long with sixteen parts.
constexpr Index least_products = 512;

/// With fewer output channels the turning shows.
constexpr Index least_outputs = 16;

constexpr Index nowhere = -1;

}  // namespace

template <class T>
bool takes_product_gradient(const Convolution& convolution) {
  return convolution.groups == 1 && convolution.out_channels >= least_outputs &&
         convolution.in_channels % Blocks<T>::full_lanes == 0;
}

/// A row of the input that some tap reads.
template <class T>
struct ProductGradientSum<T>::Row {
  Index block, row, lanes, channels;
};

template <class T>
ProductGradientSum<T>::ProductGradientSum(const Convolution& convolution)
    : convolution_(convolution),
      column_spans_(tap_spans(convolution.window.columns)),
      places_(static_cast<std::size_t>(convolution.window.columns.input), nowhere) {
  const auto& [rows, columns] = convolution.window;
  std::vector<bool> read(static_cast<std::size_t>(rows.input));
  for (const Taps& taps : forward_taps(rows))
    for (Index i = 0; i < taps.count; ++i) read[static_cast<std::size_t>(taps.source + i * taps.source_step)] = true;
  for (Index row = 0; row < rows.input; ++row)
    if (read[static_cast<std::size_t>(row)]) rows_.push_back(row);
  std::vector<bool> phases(static_cast<std::size_t>(columns.stride));
  for (Index kw = 0; kw < columns.kernel; ++kw)
    if (const Span span = column_spans_[static_cast<std::size_t>(kw)]; span.begin < span.end)
      phases[static_cast<std::size_t>(first_column(kw) % columns.stride)] = true;
  Index place = 0;
  for (Index phase = 0; phase < columns.stride; ++phase)
    for (Index column = phase; phases[static_cast<std::size_t>(phase)] && column < columns.input;
         column += columns.stride)
      places_[static_cast<std::size_t>(column)] = place++;
}

/// That a kernel column reads.
template <class T>
Index ProductGradientSum<T>::first_column(Index kw) const {
  const Axis& columns = convolution_.window.columns;
  return column_spans_[static_cast<std::size_t>(kw)].begin * columns.stride - columns.pad + kw * columns.dilation;
}

template <class T>
Index ProductGradientSum<T>::outputs_of_task() const {
  const Index inputs = std::min(most_inputs, convolution_.in_channels);
  return std::clamp(sums_bytes / (convolution_.taps() * inputs * Index{sizeof(T)}), least_outputs, most_outputs);
}

template <class T>
auto ProductGradientSum<T>::parts_of(const Blocks<T>& blocks) const -> std::vector<Part> {
  constexpr Index vector = Blocks<T>::full_lanes;
  const Index rows = blocks.count() * static_cast<Index>(rows_.size());
  const std::vector<Span> outputs = even_parts(convolution_.out_channels, outputs_of_task());
  const std::vector<Span> inputs = even_parts(convolution_.in_channels / vector, most_inputs / vector);
  const Index pairs = static_cast<Index>(outputs.size() * inputs.size());
  const Index products = convolution_.window.rows.output * convolution_.window.columns.output * blocks.all_lanes();
  const Index most = std::clamp<Index>(products / least_products, 1, std::max<Index>(rows, 1));  // perhaps none is read
  const Index numbers = std::clamp<Index>(wanted_tasks / pairs, 1, most);
  std::vector<Part> parts;
  for (Index n = 0; n < numbers; ++n)
    for (const Span& in : inputs)
      for (const Span& out : outputs)
        parts.push_back({{rows * n / numbers, rows * (n + 1) / numbers}, out, {in.begin * vector, in.end * vector}, n});
  return parts;
}

template <class T>
void ProductGradientSum<T>::turn(const Tensor<T>& input, const Part& part, const Row& row, T* turned) const {
  const Axis& columns = convolution_.window.columns;
  const T* from = input.channel(row.block, part.inputs.begin) + row.row * input.row_stride(row.block);
  const Index together = columns.stride == 1 ? columns.input : 1;
  for (Index column = 0; column < columns.input; column += together)
    if (const Index place = places_[static_cast<std::size_t>(column)]; place != nowhere)
      this->kernel_->transpose({.from = from + column * row.lanes,
                                .to = turned + place * row.lanes * row.channels,
                                .rows = row.channels,
                                .columns = together * row.lanes,
                                .from_stride = input.channel_stride(row.block),
                                .to_stride = row.channels});
}

/// What one row of the input gives to the taps that read it.
template <class T>
void ProductGradientSum<T>::add_row(const Tensor<T>& delta, const Part& part, const Row& row, T* sums,
                                    const T* turned) const {
  const auto& [rows, columns] = convolution_.window;
  for (Index kh = 0; kh < rows.kernel; ++kh) {
    const Index place = row.row + rows.pad - kh * rows.dilation;
    if (place < 0 || place % rows.stride != 0 || place / rows.stride >= rows.output) continue;
    for (Index kw = 0; kw < columns.kernel; ++kw) {
      const Span span = column_spans_[static_cast<std::size_t>(kw)];
      if (span.begin >= span.end) continue;
      const Index pixel = places_[static_cast<std::size_t>(first_column(kw))];
      const Index tap = kh * columns.kernel + kw;
      this->kernel_->multiply({.a = delta.channel(row.block, part.outputs.begin) +
                                    place / rows.stride * delta.row_stride(row.block) + span.begin * row.lanes,
                               .b = turned + pixel * row.lanes * row.channels,
                               .c = sums +
                                    (tap * convolution_.out_channels + part.outputs.begin) * convolution_.in_channels +
                                    part.inputs.begin,
                               .rows = part.outputs.end - part.outputs.begin,
                               .inner = (span.end - span.begin) * row.lanes,
                               .columns = row.channels,
                               .a_stride = delta.channel_stride(row.block),
                               .b_stride = row.channels,
                               .c_stride = convolution_.in_channels,
                               .accumulate = true});
    }
  }
}

template <class T>
void ProductGradientSum<T>::sum_part(const Tensor<T>& input, const Tensor<T>& delta, const Part& part, T* sums,
                                     T* turned) const {
  for (Index tap = 0; tap < convolution_.taps(); ++tap)
    for (Index oc = part.outputs.begin; oc < part.outputs.end; ++oc)
      std::fill_n(sums + (tap * convolution_.out_channels + oc) * convolution_.in_channels + part.inputs.begin,
                  part.inputs.end - part.inputs.begin, T(0));
  const Index height = static_cast<Index>(rows_.size());
  for (Index r = part.rows.begin; r < part.rows.end; ++r) {
    const Row row{r / height, rows_[static_cast<std::size_t>(r % height)], input.blocks.lanes(r / height),
                  part.inputs.end - part.inputs.begin};
    turn(input, part, row, turned);
    add_row(delta, part, row, sums, turned);
  }
}

template <class T>
void ProductGradientSum<T>::finish(Index output, Index numbers, const T* sums, T* gradient) const {
  const Index inputs = convolution_.in_channels, taps = convolution_.taps();
  for (Index number = 0; number < numbers; ++number)
    for (Index tap = 0; tap < taps; ++tap) {
      const T* from = sums + number * sums_size() + (tap * convolution_.out_channels + output) * inputs;
      for (Index ic = 0; ic < inputs; ++ic) gradient[(output * inputs + ic) * taps + tap] += from[ic];
    }
}

template <class T>
Schedule ProductGradientSum<T>::sum(const Tensor<T>& input, const Source<T>& from, T* gradient, T* sums) {
  const Tensor<T>& delta = from.map;
  const std::vector<Part> parts = parts_of(input.blocks);
  const Index numbers = this->numbers(parts);
  const Index channels = std::min(most_inputs, convolution_.in_channels);
  const Index turned = convolution_.window.columns.input * Blocks<T>::full_lanes * channels;
  const Loop sum{static_cast<Index>(parts.size()),
                 [=, this](Index task, std::byte* scratch) {
                   const Part& part = parts[static_cast<std::size_t>(task)];
                   sum_part(input, delta, part, sums + part.number * sums_size(), reinterpret_cast<T*>(scratch));
                 },
                 static_cast<std::size_t>(turned) * sizeof(T)};
  return {{sum}, {Loop{convolution_.out_channels, [=, this](Index output, std::byte*) {
                         finish(output, numbers, sums, gradient);
                       }}}};
}

template bool takes_product_gradient<float>(const Convolution&);
template bool takes_product_gradient<double>(const Convolution&);
template class ProductGradientSum<float>;
template class ProductGradientSum<double>;

}  // namespace cnnbp
