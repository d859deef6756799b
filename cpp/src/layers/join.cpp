#include "layers/join.hpp"

namespace cnnbp {
namespace {

template <class T>
Index plane_elements(const Tensor<T>& tensor, Index block) {
  return tensor.shape.pixels() * tensor.blocks.lanes(block);
}

/// The input that holds a channel of the output, and which of its channels that is.
template <class T>
struct Place {
  const Signal<T>& signal;
  Index channel;
};

template <class T>
Place<T> place_of(const std::vector<Signal<T>>& inputs, Index channel) {
  auto input = inputs.begin();
  for (; channel >= input->value.shape.channels; ++input) channel -= input->value.shape.channels;
  return {*input, channel};
}

}  // namespace

template <class T>
Loop SumJoin<T>::forward(const std::vector<Signal<T>>& inputs, const Signal<T>& output) {
  const Index channels = output.value.shape.channels;
  return {output.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels, count = plane_elements(output.value, b);
            T* y = output.value.channel(b, c);
            this->kernel.sum(inputs[0].value.channel(b, c), inputs[1].value.channel(b, c), y, count);
            this->kernel.activate(output.function, y, count);
          }};
}

template <class T>
Loop SumJoin<T>::propagate_delta(const std::vector<Signal<T>>& inputs, const Signal<T>& output) {
  const Index channels = output.value.shape.channels;
  return {output.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels, count = plane_elements(output.value, b);
            for (const Signal<T>& input : inputs) {
              if (input.delta.data == nullptr) continue;
              std::copy_n(output.delta.channel(b, c), count, input.delta.channel(b, c));
              this->kernel.multiply_by_derivative(input.function, input.value.channel(b, c), input.delta.channel(b, c),
                                                  count);
            }
          }};
}

template <class T>
Loop ConcatJoin<T>::forward(const std::vector<Signal<T>>& inputs, const Signal<T>& output) {
  const Index channels = output.value.shape.channels;
  return {output.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels, count = plane_elements(output.value, b);
            const auto [input, channel] = place_of(inputs, c);
            std::copy_n(input.value.channel(b, channel), count, output.value.channel(b, c));
            this->kernel.activate(output.function, output.value.channel(b, c), count);
          }};
}

template <class T>
Loop ConcatJoin<T>::propagate_delta(const std::vector<Signal<T>>& inputs, const Signal<T>& output) {
  const Index channels = output.value.shape.channels;
  return {output.value.blocks.count() * channels, [=, this](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels, count = plane_elements(output.value, b);
            const auto [input, channel] = place_of(inputs, c);
            if (input.delta.data == nullptr) return;
            T* delta = input.delta.channel(b, channel);
            std::copy_n(output.delta.channel(b, c), count, delta);
            this->kernel.multiply_by_derivative(input.function, input.value.channel(b, channel), delta, count);
          }};
}

template <class T>
Loop sum_deltas(const Signal<T>& signal, const std::vector<Tensor<T>>& parts) {
  const KernelTable<T>& kernel = kernels().of<T>();
  const Index channels = signal.value.shape.channels;
  return {signal.value.blocks.count() * channels, [=, &kernel](Index task, std::byte*) {
            const Index b = task / channels, c = task % channels, count = plane_elements(signal.value, b);
            T* delta = signal.delta.channel(b, c);
            kernel.sum(parts[0].channel(b, c), parts[1].channel(b, c), delta, count);
            for (std::size_t i = 2; i < parts.size(); ++i) kernel.sum(parts[i].channel(b, c), delta, delta, count);
            kernel.multiply_by_derivative(signal.function, signal.value.channel(b, c), delta, count);
          }};
}

template class SumJoin<float>;
template class SumJoin<double>;
template class ConcatJoin<float>;
template class ConcatJoin<double>;
template Loop sum_deltas(const Signal<float>&, const std::vector<Tensor<float>>&);
template Loop sum_deltas(const Signal<double>&, const std::vector<Tensor<double>>&);

}  // namespace cnnbp
