#include "layers/activation.hpp"

#include <algorithm>
#include <stdexcept>

namespace cnnbp {

Elementwise elementwise(Function function) {
  const auto of = [&](FunctionKind kind) { return Elementwise{kind, function.parameter}; };
  switch (function.kind) {
    case Function::identity: return of(FunctionKind::identity);
    case Function::sigmoid: return of(FunctionKind::sigmoid);
    case Function::tanh: return of(FunctionKind::tanh);
    case Function::relu: return of(FunctionKind::relu);
    case Function::leaky_relu: return of(FunctionKind::leaky_relu);
    case Function::elu: return of(FunctionKind::elu);
    case Function::softplus: return of(FunctionKind::softplus);
    case Function::scaled_tanh: return of(FunctionKind::scaled_tanh);
    case Function::gelu: return of(FunctionKind::gelu);
    case Function::gelu_tanh: return of(FunctionKind::gelu_tanh);
    case Function::silu: return of(FunctionKind::silu);
    case Function::hardswish: return of(FunctionKind::hardswish);
    case Function::softmax: break;
  }
  throw std::logic_error("softmax is not element-wise");
}

bool slope_needs_argument(Function function) {
  return function.kind == Function::gelu || function.kind == Function::gelu_tanh || function.kind == Function::silu ||
         function.kind == Function::hardswish;
}

/// y = f(x)
template <class T>
Loop CopyLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels;
            const Index count = input.value.shape.pixels() * input.value.blocks.lanes(b);
            T* y = output.value.viewed_as(input.value.shape).channel(b, c);
            std::copy_n(input.value.channel(b, c), count, y);
            this->kernel.activate(output.function, y, count);
          }};
}

template <class T>
Loop CopyLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels;
            const Index count = input.value.shape.pixels() * input.value.blocks.lanes(b);
            std::copy_n(output.delta.viewed_as(input.delta.shape).channel(b, c), count, input.delta.channel(b, c));
            this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c), input.delta.channel(b, c),
                                                count);
          }};
}

template <class T>
Loop GateLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels;
            const Index count = input.value.shape.pixels() * input.value.blocks.lanes(b);
            T* y = output.value.channel(b, c);
            std::copy_n(input.value.channel(b, c), count, y);
            this->kernel.activate(function_, y, count);
            this->kernel.activate(output.function, y, count);
          }};
}

template <class T>
Loop GateLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const Index channels = input.value.shape.channels;
  return {input.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels;
            const Index count = input.value.shape.pixels() * input.value.blocks.lanes(b);
            T* delta = input.delta.channel(b, c);
            std::copy_n(output.delta.channel(b, c), count, delta);
            this->kernel.multiply_by_slope(function_, input.value.channel(b, c), delta, count);
            this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c), delta, count);
          }};
}

template <class T>
Loop SoftmaxLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  return {input.value.blocks.count(), [=, this](Index b, std::byte*) {
            const Tensor<T>& x = input.value;
            this->kernel.softmax({.input = x.block(b),
                                  .output = output.value.block(b),
                                  .value = nullptr,
                                  .delta = nullptr,
                                  .channels = x.shape.channels,
                                  .channel_stride = x.channel_stride(b),
                                  .pixels = x.shape.pixels(),
                                  .lanes = x.blocks.lanes(b)});
            this->kernel.activate(output.function, output.value.block(b), x.shape.channels * x.channel_stride(b));
          }};
}

template <class T>
Loop SoftmaxLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  return {input.value.blocks.count(), [=, this](Index b, std::byte*) {
            const Tensor<T>& x = input.value;
            const Index count = x.shape.channels * x.channel_stride(b);
            std::copy_n(output.delta.block(b), count, input.delta.block(b));
            this->kernel.softmax_delta({.input = nullptr,
                                        .output = nullptr,
                                        .value = output.value.block(b),
                                        .delta = input.delta.block(b),
                                        .channels = x.shape.channels,
                                        .channel_stride = x.channel_stride(b),
                                        .pixels = x.shape.pixels(),
                                        .lanes = x.blocks.lanes(b)});
            this->kernel.multiply_by_derivative(input.function, x.block(b), input.delta.block(b), count);
          }};
}

template class CopyLayer<float>;
template class CopyLayer<double>;
template class GateLayer<float>;
template class GateLayer<double>;
template class SoftmaxLayer<float>;
template class SoftmaxLayer<double>;

}  // namespace cnnbp
