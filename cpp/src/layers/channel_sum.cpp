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
Loop ChannelSum<T>::run(const Tensor<T>& source, const Signal<T>& output, T* const* bias) const {
  return sum(source, output.value, {packed_, bias}, [=, this](Index block, Index offset, Index count) {
    T* const u = output.value.block(block) + offset;
    if (output.added.data) kernel_->sum(u, output.added.block(block) + offset, u, count);
    kernel_->activate(output.function, u, count);
  });
}

template <class T>
Loop ChannelSum<T>::run_delta(const Tensor<T>& source, const Signal<T>& input) const {
  return sum(source, input.delta, {packed_, nullptr}, [=, this](Index block, Index offset, Index count) {
    T* const delta = input.delta.block(block) + offset;
    if (input.added_delta.data) kernel_->sum(delta, input.added_delta.block(block) + offset, delta, count);
    kernel_->multiply_by_derivative(input.function, input.value.block(block) + offset, delta, count);
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
