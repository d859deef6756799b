#include "layers/panel_gradient.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Deltas that are turned at once, and the panel that is multiplied by them, stay in the second cache.
constexpr Index turned_bytes = 64 * 1024, panel_bytes = 128 * 1024;

/// The sums of a task stay there, too.
constexpr Index sums_bytes = 320 * 1024;

/// Rows are summed in so many parts, if channels alone do not give as many tasks, and each part has so many products
/// for every weight, as its sums are set to zero and added up, too.
constexpr Index wanted_tasks = 16, least_products = 512;

/// With fewer output channels, or weights for each of them, the gathering shows. Without a stride KernelGradientSum,
/// which reads pixels where they lie, takes 5 to 40 percent less; of strided pixels it finds few in a page, and takes
/// from as long (3×3 from 8 to 32 channels) to twice as long (16×16 with a stride of 16, 11×11 with 4: 1.5).
constexpr Index least_outputs = 32, least_weights = 48;

/// Pixels of a stretch, at most: `gather` is told where each of them lies.
constexpr Index most_pixels = 64;

constexpr Index nothing = -1;

/// Of 32 bytes. Sums and turned deltas have whole ones, so that none is of two cache lines.
template <class T>
constexpr Index vector_size = 32 / sizeof(T);

/// Where one of an axis's taps reads.
Index place_of(const Taps& taps, Index tap) {
  const Index i = tap - taps.first;
  return i >= 0 && i < taps.count ? taps.source + i * taps.source_step : nothing;
}

}  // namespace

template <class T>
bool takes_panel_gradient(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  return rows.stride * columns.stride > 1 && convolution.groups == 1 && convolution.out_channels >= least_outputs &&
         convolution.in_channels * convolution.taps() >= least_weights;
}

template <class T>
PanelGradientSum<T>::PanelGradientSum(const Convolution& convolution)
    : convolution_(convolution),
      outputs_((convolution.out_channels + vector_size<T> - 1) / vector_size<T> * vector_size<T>),
      rows_(forward_taps(convolution.window.rows)),
      columns_(forward_taps(convolution.window.columns)) {
  constexpr Index size = sizeof(T), vector = vector_size<T>;
  task_outputs_ = std::clamp(sums_bytes / (rows_of_weights() * size) / vector * vector, least_outputs, outputs_);
  const Index pixel = Blocks<T>::full_lanes * size;
  stretch_ = std::clamp<Index>(turned_bytes / (task_outputs_ * pixel), 1, most_pixels);
  stretch_ = std::min(stretch_, convolution.window.columns.output);
  stretches_ = even_parts(convolution.window.columns.output, stretch_);
  panel_taps_ = std::max<Index>(1, panel_bytes / (convolution.in_channels * stretch_ * pixel));
}

template <class T>
auto PanelGradientSum<T>::parts_of(const Blocks<T>& blocks) const -> std::vector<Part> {
  const Index height = convolution_.window.rows.output, rows = blocks.count() * height;
  const std::vector<Span> outputs = even_parts(outputs_ / vector_size<T>, task_outputs_ / vector_size<T>);
  const Index products = height * convolution_.window.columns.output * blocks.all_lanes();
  const Index most = std::clamp<Index>(products / least_products, 1, rows);
  const Index numbers = std::clamp<Index>(wanted_tasks / std::ssize(outputs), 1, most);
  std::vector<Part> parts;
  for (Index n = 0; n < numbers; ++n)
    for (const Span& out : outputs)
      parts.push_back(
          {{rows * n / numbers, rows * (n + 1) / numbers}, {out.begin * vector_size<T>, out.end * vector_size<T>}, n});
  return parts;
}

template <class T>
void PanelGradientSum<T>::turn(const Tensor<T>& delta, const Part& part, const Stretch& stretch, T* turned) const {
  this->kernel_->transpose({.from = delta.channel(stretch.block, part.outputs.begin) +
                                    stretch.row * delta.row_stride(stretch.block) +
                                    stretch.columns.begin * stretch.lanes,
                            .to = turned,
                            .rows = std::min(part.outputs.end, convolution_.out_channels) - part.outputs.begin,
                            .columns = stretch.size(),
                            .from_stride = delta.channel_stride(stretch.block),
                            .to_stride = part.outputs.end - part.outputs.begin});
}

/// What a tap's outputs read, of all input channels; false if none of them meets data.
template <class T>
bool PanelGradientSum<T>::gather(const Tensor<T>& input, const Stretch& stretch, Index tap, T* panel) const {
  const Axis& columns = convolution_.window.columns;
  const Index row = place_of(rows_[static_cast<std::size_t>(stretch.row)], tap / columns.kernel);
  if (row == nothing) return false;
  Index pixels[most_pixels];
  const Index count = stretch.columns.end - stretch.columns.begin;
  bool any = false, all = columns.stride == 1;
  for (Index p = 0; p < count; ++p) {
    const Index column = place_of(columns_[static_cast<std::size_t>(stretch.columns.begin + p)], tap % columns.kernel);
    pixels[p] = column == nothing ? nothing : column * stretch.lanes;
    any |= column != nothing;
    all &= column != nothing;
  }
  if (any)
    this->kernel_->gather({.source = input.channel(stretch.block, 0) + row * input.row_stride(stretch.block),
                           .pixels = pixels,
                           .pixel_count = all ? 1 : count,
                           .panel = panel,
                           .channels = convolution_.in_channels,
                           .channel_stride = input.channel_stride(stretch.block),
                           .panel_stride = stretch.size(),
                           .lanes = all ? stretch.size() : stretch.lanes});
  return any;
}

template <class T>
void PanelGradientSum<T>::add_stretch(const Tensor<T>& input, const Tensor<T>& delta, const Part& part,
                                      const Stretch& stretch, T* sums, T* scratch) const {
  const Index channels = convolution_.in_channels, size = stretch.size();
  const Index columns = part.outputs.end - part.outputs.begin;
  T *const turned = scratch, *const panel = scratch + size * columns;
  turn(delta, part, stretch, turned);
  Span held{0, 0};  // taps in the panel
  const auto take = [&](Index next) {
    if (held.end > held.begin)
      this->kernel_->multiply({.a = panel,
                               .b = turned,
                               .c = sums + held.begin * channels * outputs_ + part.outputs.begin,
                               .rows = (held.end - held.begin) * channels,
                               .inner = size,
                               .columns = columns,
                               .a_stride = size,
                               .b_stride = columns,
                               .c_stride = outputs_,
                               .accumulate = true});
    held = {next, next};
  };
  for (Index tap = 0; tap < convolution_.taps(); ++tap) {
    const bool any = gather(input, stretch, tap, panel + (held.end - held.begin) * channels * size);
    if (any) ++held.end;
    if (!any || held.end - held.begin == panel_taps_) take(tap + 1);
  }
  take(convolution_.taps());
}

template <class T>
void PanelGradientSum<T>::sum_part(const Tensor<T>& input, const Tensor<T>& delta, const Part& part, T* sums,
                                   T* scratch) const {
  for (Index m = 0; m < rows_of_weights(); ++m)
    std::fill(sums + m * outputs_ + part.outputs.begin, sums + m * outputs_ + part.outputs.end, T(0));
  const Index height = convolution_.window.rows.output;
  for (Index r = part.rows.begin; r < part.rows.end; ++r)
    for (const Span& columns : stretches_)
      add_stretch(input, delta, part, {r / height, r % height, input.blocks.lanes(r / height), columns}, sums, scratch);
}

template <class T>
void PanelGradientSum<T>::finish(Index output, Index numbers, const T* sums, T* gradient) const {
  const Index inputs = convolution_.in_channels, taps = convolution_.taps();
  for (Index number = 0; number < numbers; ++number) {
    const T* from = sums + number * sums_size() + output;
    for (Index tap = 0; tap < taps; ++tap)
      for (Index ic = 0; ic < inputs; ++ic, from += outputs_) gradient[(output * inputs + ic) * taps + tap] += *from;
  }
}

template <class T>
Schedule PanelGradientSum<T>::sum(const Tensor<T>& input, const Source<T>& from, T* gradient, T* sums) {
  const Tensor<T>& delta = from.map;
  const std::vector<Part> parts = parts_of(input.blocks);
  const Index numbers = this->numbers(parts);
  const Index scratch = stretch_ * Blocks<T>::full_lanes * (task_outputs_ + panel_taps_ * convolution_.in_channels);
  const Loop sum{static_cast<Index>(parts.size()),
                 [=, this](Index task, std::byte* memory) {
                   const Part& part = parts[static_cast<std::size_t>(task)];
                   sum_part(input, delta, part, sums + part.number * sums_size(), reinterpret_cast<T*>(memory));
                 },
                 static_cast<std::size_t>(scratch) * sizeof(T)};
  return {{sum}, {Loop{convolution_.out_channels, [=, this](Index output, std::byte*) {
                         finish(output, numbers, sums, gradient);
                       }}}};
}

template bool takes_panel_gradient<float>(const Convolution&);
template bool takes_panel_gradient<double>(const Convolution&);
template class PanelGradientSum<float>;
template class PanelGradientSum<double>;

}  // namespace cnnbp
