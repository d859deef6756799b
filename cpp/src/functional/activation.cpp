// Activations and exp on plain arrays, as they lie; but softmax, which has a sum over classes, goes through the lanes.
#include "layers/activation.hpp"

#include <algorithm>

#include "functional/array_lanes.hpp"
#include "functional/arrays.hpp"
#include "layers/geometry.hpp"

namespace cnnbp::functional {
namespace {

/// What an element of exp or tanh costs, in multiply-adds.
constexpr double elementwise_work = 20.0;

/// written ← start, on which body(written, read, count) works then, in stretches of flat arrays; at an odd end, on
/// copies of the length that the kernels ask for.
template <class T, class Body>
void in_stretches(std::int64_t size, T* written, const T* start, const T* read, Body body) {
  constexpr Index stretch = 4096, whole = 16 / sizeof(T);
  const Schedule schedule{{Loop{(size + stretch - 1) / stretch, [=](Index task, std::byte*) {
                                  const Index begin = task * stretch, count = std::min<Index>(stretch, size - begin);
                                  const Index even = count / whole * whole, odd = count - even;
                                  std::copy_n(start + begin, even, written + begin);
                                  body(written + begin, read + begin, even);
                                  T own[whole] = {}, other[whole] = {};
                                  std::copy_n(start + begin + even, odd, own);
                                  std::copy_n(read + begin + even, odd, other);
                                  body(own, other, odd > 0 ? whole : 0);
                                  std::copy_n(own, odd, written + begin + even);
                                }}}};
  run({&schedule}, elementwise_work * double(size));
}

template <class T>
void apply(Elementwise function, Array<const T> x, Array<T> output) {
  require_array("x", x);
  require_same("output", output, x.count, x.shape);
  const KernelTable<T>& kernel = kernels().of<T>();
  in_stretches(x.count * x.shape.features(), output.data, x.data, x.data,
               [&](T* y, const T*, Index count) { kernel.activate(function, y, count); });
}

}  // namespace

template <class T>
void activation(Array<const T> x, Function function, Array<T> output) {
  check(function);
  if (function != Function::softmax) return apply(elementwise(function), x, output);
  require_array("x", x);
  require_same("output", output, x.count, x.shape);
  const Lanes<T> in(x), out(output);
  SoftmaxLayer<T> softmax;
  const Schedule schedule{{in.bring_in(x)},
                          {softmax.forward({.value = in.tensor(), .delta = {}, .saved = {}},
                                           {.value = out.tensor(), .delta = {}, .saved = {}})},
                          {out.bring_out(output)}};
  run({&schedule});
}

template <class T>
void activation_delta(Array<const T> output_delta, Array<const T> output, Function function, Array<T> delta) {
  check(function);
  require_array("output", output);
  require_same("output_delta", output_delta, output.count, output.shape);
  require_same("delta", delta, output.count, output.shape);
  if (function != Function::softmax) {
    const std::int64_t size = output.count * output.shape.features();
    const KernelTable<T>& kernel = kernels().of<T>();
    const auto multiply = slope_needs_argument(function) ? kernel.multiply_by_slope : kernel.multiply_by_derivative;
    return in_stretches(size, delta.data, output_delta.data, output.data,
                        [&](T* d, const T* y, Index count) { multiply(elementwise(function), y, d, count); });
  }
  const Lanes<T> value(output), sent(output_delta), received(delta);
  SoftmaxLayer<T> softmax;
  const Schedule schedule{{value.bring_in(output), sent.bring_in(output_delta)},
                          {softmax.propagate_delta({.value = value.tensor(), .delta = received.tensor(), .saved = {}},
                                                   {.value = value.tensor(), .delta = sent.tensor(), .saved = {}})},
                          {received.bring_out(delta)}};
  run({&schedule});
}

template <class T>
void exp(Array<const T> x, Array<T> output) {
  apply({FunctionKind::exp, 0.0}, x, output);
}

template void activation(Array<const float>, Function, Array<float>);
template void activation_delta(Array<const float>, Array<const float>, Function, Array<float>);
template void exp(Array<const float>, Array<float>);
template void activation(Array<const double>, Function, Array<double>);
template void activation_delta(Array<const double>, Array<const double>, Function, Array<double>);
template void exp(Array<const double>, Array<double>);

}  // namespace cnnbp::functional
