#include "layers/activation.hpp"

#include <algorithm>
#include <stdexcept>

namespace cnnbp {

Elementwise elementwise(Function function) {
  switch (function) {
    case Function::identity: return Elementwise::identity;
    case Function::sigmoid: return Elementwise::sigmoid;
    case Function::tanh: return Elementwise::tanh;
    case Function::relu: return Elementwise::relu;
    case Function::softmax: break;
  }
  throw std::logic_error("softmax is not element-wise");
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
template class SoftmaxLayer<float>;
template class SoftmaxLayer<double>;

}  // namespace cnnbp
