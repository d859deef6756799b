// The layers on plain arrays: the same kernels, with packing before and unpacking after.
#include <cnnbp/functional.hpp>

#include <algorithm>
#include <cstdint>

#include "functional/array_lanes.hpp"
#include "functional/arrays.hpp"
#include "layers/conv2d.hpp"
#include "layers/linear.hpp"
#include "layers/pooling.hpp"

namespace cnnbp::functional {
namespace {

template <class T>
Signal<T> value_of(const Lanes<T>& lanes) {
  return {.value = lanes.tensor(), .delta = {}, .saved = {}};
}

template <class T>
Signal<T> delta_of(const Lanes<T>& lanes) {
  return {.value = lanes.tensor(), .delta = lanes.tensor(), .saved = {}};
}

/// Multiply-adds of one pass, about: every weight at every pixel, or, without weights, a window.
template <class T, class U>
double work_of(const Layer<T>& layer, const Array<U>& output) {
  const double pixels = double(output.count) * double(output.shape.pixels());
  return pixels *
         (layer.parameters.empty() ? move_work * double(output.shape.channels) : double(layer.parameters[0].size()));
}

/// For what is read: none of its own, if the layer suits it as it lies.
template <class T>
typename Lanes<T>::Memory memory_for(bool apart) {
  return apart ? Lanes<T>::Memory::array : Lanes<T>::Memory::own;
}

/// For what is made: none, if it leaves the lanes then.
template <class T>
typename Lanes<T>::Memory memory_for(bool apart, bool leaves) {
  return leaves && !apart ? Lanes<T>::Memory::none : memory_for<T>(apart);
}

/// The weight as the layer has it: 0 between channels without a connection. `copy` is its memory then.
template <class T>
T* held(const Layer<T>& layer, const T* weight, Buffer<T>& copy) {
  const LayerParameter<T>& parameter = layer.parameters[0];
  if (parameter.zeros.empty()) return const_cast<T*>(weight);
  copy = Buffer<T>(static_cast<std::size_t>(parameter.size()), Contents::anything);
  std::copy_n(weight, parameter.size(), copy.data());
  for (const Span& span : parameter.zeros) std::fill(copy.data() + span.begin, copy.data() + span.end, T(0));
  return copy.data();
}

/// Whether some memory is in both.
template <class T, class U>
bool overlap(const Array<T>& a, const Array<U>& b) {
  const auto begin = [](const auto& array) { return reinterpret_cast<std::uintptr_t>(array.data); };
  const auto end = [](const auto& array) {
    return reinterpret_cast<std::uintptr_t>(array.data + array.count * array.shape.features());
  };
  return begin(a) < end(b) && begin(b) < end(a);
}

template <class T, class L>
void forward(L& layer, T* weight, T* bias, Array<const T> x, Array<T> output) {
  if (!layer.parameters.empty()) layer.parameters[0].value = weight;
  if (layer.parameters.size() > 1) layer.parameters[1].value = bias;
  const bool apart = layer.suits_samples_apart() && !overlap(x, output);
  const Lanes<T> in(x, memory_for<T>(apart)), out(output, memory_for<T>(apart, layer.makes_pixels()));
  const Buffer<T> packed(static_cast<std::size_t>(layer.packed_for_forward(x.count)), Contents::anything);
  Signal<T> made = value_of(out);
  if (!out.tensor().data) made.take = out.taking(output);
  Schedule schedule{{layer.prepare(), in.bring_in(x)}, {layer.pack_forward(packed.data())}};
  schedule.push_back({layer.forward(value_of(in), made)});
  if (out.tensor().data) schedule.push_back({out.bring_out(output)});
  run({&schedule}, work_of(layer, output) + in.move_work() + out.move_work());
}

template <class T, class L>
void propagate(L& layer, T* weight, Array<const T> output_delta, Array<T> delta) {
  if (!layer.parameters.empty()) layer.parameters[0].value = weight;
  const bool apart = layer.suits_samples_apart() && !overlap(output_delta, delta);
  const Lanes<T> out(output_delta, memory_for<T>(apart));
  const Lanes<T> in(delta, memory_for<T>(apart, layer.makes_delta_pixels()));
  const Buffer<T> packed(static_cast<std::size_t>(layer.packed_for_delta(delta.count)), Contents::anything);
  Signal<T> made = delta_of(in);
  if (!in.tensor().data) made.take = in.taking(delta);
  Schedule schedule{{layer.pack_delta(packed.data()), out.bring_in(output_delta)}};
  schedule.push_back({layer.propagate_delta(made, delta_of(out))});
  if (in.tensor().data) schedule.push_back({in.bring_out(delta)});
  run({&schedule}, work_of(layer, output_delta) + in.move_work() + out.move_work());
}

template <class T, class L>
void accumulate(L& layer, Array<const T> x, Array<const T> output_delta, T* weight, T* bias) {
  layer.parameters[0].gradient = weight;
  if (layer.parameters.size() > 1) layer.parameters[1].gradient = bias;
  const bool apart = layer.suits_samples_apart();
  const Lanes<T> in(x, memory_for<T>(apart)), out(output_delta, memory_for<T>(apart));
  const Buffer<T> workspace(static_cast<std::size_t>(layer.gradient_workspace(in.tensor().blocks)), Contents::anything);
  const Schedule moves{{in.bring_in(x), out.bring_in(output_delta)}};
  const Schedule schedule = layer.accumulate_gradients(value_of(in), delta_of(out), workspace.data());
  run({&moves, &schedule}, work_of(layer, output_delta) + in.move_work() + out.move_work());
}

/// Makes a row of all rows, if each pixel of `output` is made of the one of `input` in its place alone: such a
/// convolution does not see rows, and a long one fills vectors to its end.
template <class T, class U>
void join_rows(const Conv2d& options, Array<T>& input, Array<U>& output) {
  const Size2d one = 1;
  if (options.kernel_size != one || options.stride != one || input.shape.height != output.shape.height ||
      input.shape.width != output.shape.width)
    return;
  input.shape = {input.shape.channels, 1, input.shape.pixels()};
  output.shape = {output.shape.channels, 1, output.shape.pixels()};
}

}  // namespace

template <class T>
void conv2d(Array<const T> x, const T* weight, const T* bias, const Conv2d& options, Array<T> output) {
  Conv2d definition = options;
  definition.bias = bias != nullptr;
  require_array("x", x);
  require_data("weight", weight);
  require_same("output", output, x.count, shape_made(definition, x.shape));
  join_rows(definition, x, output);
  Conv2dLayer<T> layer(definition, x.shape);
  Buffer<T> copy;
  forward(layer, held(layer, weight, copy), const_cast<T*>(bias), x, output);
}

template <class T>
void conv2d_delta(Array<const T> output_delta, const T* weight, const Conv2d& options, Array<T> delta) {
  require_array("delta", delta);
  require_data("weight", weight);
  require_same("output_delta", output_delta, delta.count, shape_made(options, delta.shape));
  join_rows(options, delta, output_delta);
  Conv2dLayer<T> layer(options, delta.shape);
  Buffer<T> copy;
  propagate(layer, held(layer, weight, copy), output_delta, delta);
}

template <class T>
void conv2d_gradients(Array<const T> x, Array<const T> output_delta, const Conv2d& options, T* weight, T* bias) {
  Conv2d definition = options;
  definition.bias = bias != nullptr;
  require_array("x", x);
  require_data("weight", weight);
  require_same("output_delta", output_delta, x.count, shape_made(definition, x.shape));
  join_rows(definition, x, output_delta);
  Conv2dLayer<T> layer(definition, x.shape);
  accumulate(layer, x, output_delta, weight, bias);
}

template <class T>
void avg_pool2d(Array<const T> x, const AvgPool2d& options, Array<T> output) {
  require_array("x", x);
  require_same("output", output, x.count, shape_made(options, x.shape));
  AvgPool2dLayer<T> layer(options, x.shape);
  forward<T>(layer, nullptr, nullptr, x, output);
}

template <class T>
void avg_pool2d_delta(Array<const T> output_delta, const AvgPool2d& options, Array<T> delta) {
  require_array("delta", delta);
  require_same("output_delta", output_delta, delta.count, shape_made(options, delta.shape));
  AvgPool2dLayer<T> layer(options, delta.shape);
  propagate<T>(layer, nullptr, output_delta, delta);
}

namespace {

/// From the tap of each maximum of a sample's channel to its place in the plane.
template <class T>
void find_positions(const Window& window, const Tensor<T>& saved, Index sample, Index channel,
                    std::int64_t* positions) {
  const Axis &rows = window.rows, &columns = window.columns;
  const Index block = sample / Blocks<T>::full_lanes, lanes = saved.blocks.lanes(block);
  const auto* tap = reinterpret_cast<const TapNumber*>(saved.channel(block, channel)) + sample % Blocks<T>::full_lanes;
  for (Index oh = 0; oh < rows.output; ++oh)
    for (Index ow = 0; ow < columns.output; ++ow, tap += lanes) {
      const Index ih = oh * rows.stride - rows.pad + *tap / columns.kernel * rows.dilation;
      const Index iw = ow * columns.stride - columns.pad + *tap % columns.kernel * columns.dilation;
      *positions++ = ih * columns.input + iw;
    }
}

}  // namespace

template <class T>
void max_pool2d(Array<const T> x, const MaxPool2d& options, Array<T> output, std::int64_t* positions) {
  require_array("x", x);
  require_data("positions", positions);
  require_same("output", output, x.count, shape_made(options, x.shape));
  MaxPool2dLayer<T> layer(options, x.shape);
  const Window window = window_of(options, x.shape);
  const Lanes<T> in(x), out(output), saved(Array<T>{nullptr, output.count, *layer.saves(output.shape)});
  Signal<T> signal = value_of(out);
  signal.saved = saved.tensor();
  const Index channels = output.shape.channels;
  const Loop find{output.count * channels, [&](Index plane, std::byte*) {
                    find_positions(window, saved.tensor(), plane / channels, plane % channels,
                                   positions + plane * output.shape.pixels());
                  }};
  const Schedule schedule{{in.bring_in(x)}, {layer.forward(value_of(in), signal)}, {out.bring_out(output), find}};
  run({&schedule}, work_of(layer, output) + in.move_work() + 2 * out.move_work());
}

template <class T>
void max_pool2d_delta(Array<const T> output_delta, const std::int64_t* positions, Array<T> delta) {
  const std::int64_t planes = delta.count * delta.shape.channels, pixels = delta.shape.pixels();
  const std::int64_t outputs = output_delta.shape.pixels();
  require_array("delta", delta);
  require_data("positions", positions);
  require_same("output_delta", output_delta, delta.count,
               {delta.shape.channels, output_delta.shape.height, output_delta.shape.width});
  for (std::int64_t i = 0; i < planes * outputs; ++i)
    if (positions[i] < 0 || positions[i] >= pixels)
      throw std::invalid_argument("positions holds " + std::to_string(positions[i]) + ", expected 0 to " +
                                  std::to_string(pixels - 1) + " for input_size (" +
                                  std::to_string(delta.shape.height) + ", " + std::to_string(delta.shape.width) + ")");
  const Schedule schedule{{Loop{planes, [=](Index plane, std::byte*) {
                                  T* to = delta.data + plane * pixels;
                                  std::fill(to, to + pixels, T(0));
                                  for (std::int64_t i = plane * outputs; i < (plane + 1) * outputs; ++i)
                                    to[positions[i]] += output_delta.data[i];
                                }}}};
  run({&schedule});
}

template <class T>
void linear(Array<const T> x, const T* weight, const T* bias, const Linear& options, Array<T> output) {
  Linear definition = options;
  definition.bias = bias != nullptr;
  require_array("x", x);
  require_data("weight", weight);
  require_same("output", output, x.count, shape_made(definition, x.shape));
  LinearLayer<T> layer(definition, x.shape);
  forward(layer, const_cast<T*>(weight), const_cast<T*>(bias), x, output);
}

template <class T>
void linear_delta(Array<const T> output_delta, const T* weight, const Linear& options, Array<T> delta) {
  require_array("delta", delta);
  require_data("weight", weight);
  require_same("output_delta", output_delta, delta.count, shape_made(options, delta.shape));
  LinearLayer<T> layer(options, delta.shape);
  propagate(layer, const_cast<T*>(weight), output_delta, delta);
}

template <class T>
void linear_gradients(Array<const T> x, Array<const T> output_delta, const Linear& options, T* weight, T* bias) {
  Linear definition = options;
  definition.bias = bias != nullptr;
  require_array("x", x);
  require_data("weight", weight);
  require_same("output_delta", output_delta, x.count, shape_made(definition, x.shape));
  LinearLayer<T> layer(definition, x.shape);
  accumulate(layer, x, output_delta, weight, bias);
}

template void conv2d(Array<const float>, const float*, const float*, const Conv2d&, Array<float>);
template void conv2d_delta(Array<const float>, const float*, const Conv2d&, Array<float>);
template void conv2d_gradients(Array<const float>, Array<const float>, const Conv2d&, float*, float*);
template void avg_pool2d(Array<const float>, const AvgPool2d&, Array<float>);
template void avg_pool2d_delta(Array<const float>, const AvgPool2d&, Array<float>);
template void max_pool2d(Array<const float>, const MaxPool2d&, Array<float>, std::int64_t*);
template void max_pool2d_delta(Array<const float>, const std::int64_t*, Array<float>);
template void linear(Array<const float>, const float*, const float*, const Linear&, Array<float>);
template void linear_delta(Array<const float>, const float*, const Linear&, Array<float>);
template void linear_gradients(Array<const float>, Array<const float>, const Linear&, float*, float*);

template void conv2d(Array<const double>, const double*, const double*, const Conv2d&, Array<double>);
template void conv2d_delta(Array<const double>, const double*, const Conv2d&, Array<double>);
template void conv2d_gradients(Array<const double>, Array<const double>, const Conv2d&, double*, double*);
template void avg_pool2d(Array<const double>, const AvgPool2d&, Array<double>);
template void avg_pool2d_delta(Array<const double>, const AvgPool2d&, Array<double>);
template void max_pool2d(Array<const double>, const MaxPool2d&, Array<double>, std::int64_t*);
template void max_pool2d_delta(Array<const double>, const std::int64_t*, Array<double>);
template void linear(Array<const double>, const double*, const double*, const Linear&, Array<double>);
template void linear_delta(Array<const double>, const double*, const Linear&, Array<double>);
template void linear_gradients(Array<const double>, Array<const double>, const Linear&, double*, double*);

}  // namespace cnnbp::functional
