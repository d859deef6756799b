#include "layers/channel_sum.hpp"

namespace cnnbp {
namespace {

/// A task is 2^21 multiply-adds (about 40 µs of one AVX2 core) or a 32nd of the loop, if that is less, but
/// never under 2^17, where handing out tasks would show.
constexpr Index most_work = Index{1} << 21, least_work = Index{1} << 17, wanted_tasks = 32;

}  // namespace

std::vector<Span> even_parts(Index channels, Index most) {
  const Index parts = (channels + most - 1) / most;
  std::vector<Span> spans;
  for (Index p = 0; p < parts; ++p) spans.push_back({channels * p / parts, channels * (p + 1) / parts});
  return spans;
}

template <class T>
Loop ChannelSum<T>::pack(T* const& weight, T* packed) {
  packed_ = packed;
  return packing(weight, packed);
}

template <class T>
Loop ChannelSum<T>::run(const Tensor<T>& source, const Tensor<T>& target, T* const* bias, Elementwise function) const {
  return sum(source, target, {packed_, bias}, [=, this](Index block, Index offset, Index count) {
    kernel_->activate(function, target.block(block) + offset, count);
  });
}

template <class T>
Loop ChannelSum<T>::run_delta(const Tensor<T>& source, const Tensor<T>& target, const Tensor<T>& value,
                              Elementwise function) const {
  return sum(source, target, {packed_, nullptr}, [=, this](Index block, Index offset, Index count) {
    kernel_->multiply_by_derivative(function, value.block(block) + offset, target.block(block) + offset, count);
  });
}

template <class T>
Index ChannelSum<T>::units_of_task(Index work, Index units, Index blocks) {
  const Index wanted = std::clamp(work * units * blocks / wanted_tasks, least_work, most_work);
  return std::clamp<Index>(wanted / std::max<Index>(work, 1), 1, units);
}

template class ChannelSum<float>;
template class ChannelSum<double>;

}  // namespace cnnbp
