#include "layers/winograd_gradient.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Channels on both sides of a task: each transforms its own, and its sums, 36 × 64 × 64, are 576 KB.
constexpr Index most_channels = 64;

/// Patches are summed in so many parts, if channels alone do not give as many tasks; each of at least one wide patch,
/// as the parts have to be added up.
constexpr Index wanted_tasks = 16, least_vectors = patch_vectors;

}  // namespace

template <class T>
Index WinogradGradientSum<T>::row() const {
  return whole_halves<T>(shape_.source_channels);
}

template <class T>
Index WinogradGradientSum<T>::point() const {
  return shape_.target_channels * row();
}

template <class T>
auto WinogradGradientSum<T>::parts_of(Index patches) const -> std::vector<Part> {
  constexpr Index half = Blocks<T>::full_lanes / 2;
  const std::vector<Span> outputs = even_parts(shape_.target_channels, most_channels);
  const std::vector<Span> inputs = even_parts(row() / half, most_channels / half);
  const Index pairs = static_cast<Index>(outputs.size() * inputs.size());
  const Index numbers =
      std::clamp<Index>(wanted_tasks / pairs, 1, std::max<Index>(1, patches * vectors() / least_vectors));
  std::vector<Part> parts;
  for (Index n = 0; n < numbers; ++n)
    for (const Span& in : inputs)
      for (const Span& out : outputs)
        parts.push_back({{patches * n / numbers, patches * (n + 1) / numbers},
                         out,
                         {in.begin * half, std::min(in.end * half, shape_.source_channels)},
                         n});
  return parts;
}

template <class T>
std::vector<Patch> WinogradGradientSum<T>::patches(const Blocks<T>& blocks) const {
  return patches_of(blocks, shape_.target_height, shape_.target_width, vectors());
}

template <class T>
Index WinogradGradientSum<T>::workspace(const Blocks<T>& blocks) const {
  const Index numbers = parts_of(static_cast<Index>(patches(blocks).size())).back().number + 1;
  return numbers * points() * point();
}

/// One patch's product at every point: [output channel][pixel] · [pixel][input channel].
template <class T>
void WinogradGradientSum<T>::add_patch(const WinogradTiles<T>& input, const WinogradTiles<T>& delta, T* sums,
                                       bool first, T* transposed) const {
  const Index width = input.point_channel_stride, columns = whole_halves<T>(input.channels);
  const Index pixels = input.tile_rows * input.tile_columns * input.lanes;
  for (Index p = 0; p < points(); ++p) {
    this->kernel_->transpose({.from = input.points + p * input.point_stride,
                              .to = transposed,
                              .rows = columns,
                              .columns = pixels,
                              .from_stride = width,
                              .to_stride = columns});
    this->kernel_->multiply({
        .a = delta.points + p * delta.point_stride,
        .b = transposed,
        .c = sums + p * point(),
        .rows = delta.channels,
        .inner = pixels,
        .columns = columns,
        .a_stride = width,
        .b_stride = columns,
        .c_stride = row(),
        .accumulate = !first,
    });
  }
}

template <class T>
void WinogradGradientSum<T>::sum_part(const Tensor<T>& input, const Tensor<T>& delta, const std::vector<Patch>& patches,
                                      const Part& part, T* sums, T* scratch) const {
  for (Index i = part.patches.begin; i < part.patches.end; ++i) {
    const Patch& patch = patches[static_cast<std::size_t>(i)];
    WinogradTiles<T> x = tiles_of(input, patch, size()), d = tiles_of(delta, patch, size());
    x.row += shape_.first_row;
    x.column += shape_.first_column;
    x.map += part.inputs.begin * x.channel_stride;
    x.channels = part.inputs.end - part.inputs.begin;
    x.points = scratch;
    x.point_stride = point_stride<T>(whole_halves<T>(x.channels), x.point_channel_stride);
    d.map += part.outputs.begin * d.channel_stride;
    d.channels = part.outputs.end - part.outputs.begin;
    d.points = x.points + points() * x.point_stride;
    d.point_stride = point_stride<T>(d.channels, d.point_channel_stride);
    this->kernel_->winograd_input(x);
    this->kernel_->winograd_delta(d);
    add_patch(x, d, sums + part.outputs.begin * row() + part.inputs.begin, i == part.patches.begin,
              d.points + points() * d.point_stride);
  }
}

template <class T>
Schedule WinogradGradientSum<T>::sum(const Tensor<T>& input, const Tensor<T>& delta, T* gradient, T* sums) {
  const std::vector<Patch> patches = this->patches(delta.blocks);
  const std::vector<Part> parts = parts_of(static_cast<Index>(patches.size()));
  const Index numbers = parts.back().number + 1, part_stride = points() * point();
  const Index width = vectors() * Blocks<T>::full_lanes;
  const Index inputs = std::min(most_channels, row()), outputs = std::min(most_channels, shape_.target_channels);
  const Index scratch = points() * (point_stride<T>(inputs, width) + point_stride<T>(outputs, width)) + inputs * width;
  const Index taps = shape_.kernel_height * shape_.kernel_width;
  const Loop sum{static_cast<Index>(parts.size()),
                 [=, this](Index task, std::byte* memory) {
                   const Part& part = parts[static_cast<std::size_t>(task)];
                   sum_part(input, delta, patches, part, sums + part.number * part_stride,
                            reinterpret_cast<T*>(memory));
                 },
                 static_cast<std::size_t>(scratch) * sizeof(T)};
  const Loop finish{shape_.target_channels, [=, this](Index oc, std::byte*) {
                      this->kernel_->winograd_gradient({.points = sums + oc * row(),
                                                        .gradient = gradient + oc * shape_.source_channels * taps,
                                                        .parts = numbers,
                                                        .part_stride = part_stride,
                                                        .point_stride = point(),
                                                        .input_channels = shape_.source_channels,
                                                        .kernel = shape_.kernel_height});
                    }};
  return {{sum}, {finish}};
}

template class WinogradGradientSum<float>;
template class WinogradGradientSum<double>;

}  // namespace cnnbp
