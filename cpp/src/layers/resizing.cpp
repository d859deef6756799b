#include "layers/resizing.hpp"

#include <algorithm>

namespace cnnbp {

template <class T>
Loop ZeroPad2dLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  return over_planes(input.value, [=, this](Index b, Index c) {
    const Tensor<T>&x = input.value, &y = output.value;
    const Index lanes = x.blocks.lanes(b), row = x.row_stride(b);
    const T* from = x.channel(b, c);
    T* to = std::fill_n(y.channel(b, c), padding_.top * y.row_stride(b), T(0));
    for (Index ih = 0; ih < x.shape.height; ++ih, from += row) {
      to = std::fill_n(to, padding_.left * lanes, T(0));
      to = std::copy_n(from, row, to);
      to = std::fill_n(to, padding_.right * lanes, T(0));
    }
    std::fill_n(to, padding_.bottom * y.row_stride(b), T(0));
    this->kernel.activate(output.function, y.channel(b, c), y.shape.pixels() * lanes);
  });
}

template <class T>
Loop ZeroPad2dLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return over_planes(input.delta, [=, this](Index b, Index c) {
    const Index lanes = input.delta.blocks.lanes(b), row = input.delta.row_stride(b);
    const Index output_row = output.delta.row_stride(b);
    const T* from = output.delta.channel(b, c) + padding_.top * output_row + padding_.left * lanes;
    T* to = input.delta.channel(b, c);
    for (Index ih = 0; ih < input.delta.shape.height; ++ih, from += output_row) to = std::copy_n(from, row, to);
    this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c), input.delta.channel(b, c),
                                        input.delta.shape.pixels() * lanes);
  });
}

namespace {

/// The windows of the larger map that hold one pixel of the smaller one.
Window repeats_of(const Upsample& definition, const Shape& input) {
  const auto [height, width] = definition.scale_factor;
  return {.rows = {input.height * height, input.height, height, height},
          .columns = {input.width * width, input.width, width, width}};
}

}  // namespace

template <class T>
NearestUpsampleLayer<T>::NearestUpsampleLayer(const Upsample& definition, const Shape& input)
    : windows_(repeats_of(definition, input)) {}

template <class T>
Subsampling<T> NearestUpsampleLayer<T>::plane(const Tensor<T>& small, const Tensor<T>& large, Index block,
                                              Index channel) const {
  return {.windows = windows_.of(large, small, {}, block, channel), .sums = nullptr, .beta = T(1), .bias = T(0)};
}

template <class T>
Loop NearestUpsampleLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  return over_planes(input.value, [=, this](Index b, Index c) {
    const Tensor<T>& y = output.value;
    this->kernel.subsample_delta(plane(input.value, y, b, c));
    this->kernel.activate(output.function, y.channel(b, c), y.shape.pixels() * y.blocks.lanes(b));
  });
}

template <class T>
Loop NearestUpsampleLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return over_planes(input.delta, [=, this](Index b, Index c) {
    const Tensor<T>& delta = input.delta;
    this->kernel.subsample(plane(delta, output.delta, b, c));
    this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c), delta.channel(b, c),
                                        delta.shape.pixels() * delta.blocks.lanes(b));
  });
}

namespace {

/// Where each position of the larger axis lies on the smaller one, as PyTorch has it.
template <class T>
std::vector<Between<T>> places(Index size, Index factor, bool align_corners) {
  std::vector<Between<T>> all;
  const Index large = size * factor;
  for (Index o = 0; o < large; ++o) {
    const double aligned = large > 1 ? double(o) * double(size - 1) / double(large - 1) : 0.0;
    const double place = align_corners ? aligned : std::max((double(o) + 0.5) / double(factor) - 0.5, 0.0);
    const auto first = static_cast<Index>(place);
    if (first + 1 < size) all.push_back({first, first + 1, static_cast<T>(place - double(first))});
    else all.push_back({size - 1, size - 1, T(0)});
  }
  return all;
}

}  // namespace

template <class T>
BilinearUpsampleLayer<T>::BilinearUpsampleLayer(const Upsample& definition, const Shape& input)
    : rows_(places<T>(input.height, definition.scale_factor.height, definition.align_corners)),
      columns_(places<T>(input.width, definition.scale_factor.width, definition.align_corners)) {}

template <class T>
Loop BilinearUpsampleLayer<T>::over_planes_with_row(
    const Tensor<T>& small, const Tensor<T>& large,
    std::function<void(const Interpolation<T>&, Index block, Index channel)> run) const {
  const Index channels = small.shape.channels;
  const auto task = [=, this](Index place, std::byte* scratch) {
    const Index b = place / channels, c = place % channels;
    run({.small = small.channel(b, c),
         .large = large.channel(b, c),
         .row = reinterpret_cast<T*>(scratch),
         .rows = rows_.data(),
         .columns = columns_.data(),
         .small_height = small.shape.height,
         .small_width = small.shape.width,
         .large_height = large.shape.height,
         .large_width = large.shape.width,
         .lanes = small.blocks.lanes(b)},
        b, c);
  };
  const auto row_bytes = static_cast<std::size_t>(small.shape.width * Blocks<T>::full_lanes) * sizeof(T);
  return {small.blocks.count() * channels, task, row_bytes};
}

template <class T>
Loop BilinearUpsampleLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  const auto run = [=, this](const Interpolation<T>& plane, Index b, Index c) {
    const Tensor<T>& y = output.value;
    this->kernel.interpolate(plane);
    this->kernel.activate(output.function, y.channel(b, c), y.shape.pixels() * y.blocks.lanes(b));
  };
  return over_planes_with_row(input.value, output.value, run);
}

template <class T>
Loop BilinearUpsampleLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const auto run = [=, this](const Interpolation<T>& plane, Index b, Index c) {
    const Tensor<T>& delta = input.delta;
    this->kernel.interpolate_delta(plane);
    this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c), delta.channel(b, c),
                                        delta.shape.pixels() * delta.blocks.lanes(b));
  };
  return over_planes_with_row(input.delta, output.delta, run);
}

template class ZeroPad2dLayer<float>;
template class ZeroPad2dLayer<double>;
template class NearestUpsampleLayer<float>;
template class NearestUpsampleLayer<double>;
template class BilinearUpsampleLayer<float>;
template class BilinearUpsampleLayer<double>;

}  // namespace cnnbp
