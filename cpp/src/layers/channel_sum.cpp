#include "layers/channel_sum.hpp"

namespace cnnbp {

std::vector<Span> even_parts(Index channels, Index most) {
  const Index parts = (channels + most - 1) / most;
  std::vector<Span> spans;
  for (Index p = 0; p < parts; ++p) spans.push_back({channels * p / parts, channels * (p + 1) / parts});
  return spans;
}

template <class T>
Loop ChannelSum<T>::run(const Tensor<T>& source, const Tensor<T>& target, T* const* bias, Elementwise function) const {
  return sum(source, target, bias, [=, this](Index block, Index offset, Index count) {
    kernel_->activate(function, target.block(block) + offset, count);
  });
}

template <class T>
Loop ChannelSum<T>::run_delta(const Tensor<T>& source, const Tensor<T>& target, const Tensor<T>& value,
                              Elementwise function) const {
  return sum(source, target, nullptr, [=, this](Index block, Index offset, Index count) {
    kernel_->multiply_by_derivative(function, value.block(block) + offset, target.block(block) + offset, count);
  });
}

template class ChannelSum<float>;
template class ChannelSum<double>;

}  // namespace cnnbp
