#include "layers/channel_sum.hpp"

namespace cnnbp {
namespace {

/// A task is 2^21 multiply-adds (about 40 µs of one AVX2 core) or a 32nd of the loop, if that is less, but
/// never under 2^17, where handing out tasks would show.
constexpr Index most_work = Index{1} << 21, least_work = Index{1} << 17, wanted_tasks = 32;

/// Asks for the pixels of the next channel, which is finished next and lies pages away: ResNet-20's step takes 1 to 2
/// percent less.
template <class T>
void ask_for_next(const Tensor<T>& map, const Pixels& pixels) {
  const Index lanes = map.blocks.lanes(pixels.block), row = map.row_stride(pixels.block);
  kernels().of<T>().ask(
      {.first = map.channel(pixels.block, pixels.channel + 1) + pixels.rows.begin * row + pixels.columns.begin * lanes,
       .rows = pixels.rows.end - pixels.rows.begin,
       .row_stride = row,
       .elements = (pixels.columns.end - pixels.columns.begin) * lanes});
}

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
  weight_ = &weight;
  return packing(weight, packed);
}

template <class T>
Loop ChannelSum<T>::run(const Tensor<T>& source, const Signal<T>& output, T* const* bias) const {
  return sum({source}, output.value, {packed_, weight_, bias}, [=, this](const Pixels& pixels, T* plane) {
    if (output.added.data) ask_for_next(output.added, pixels);
    const T* const added = output.added.data ? output.added.channel(pixels.block, pixels.channel) : nullptr;
    over_stretches(output.value, pixels, [&](Index offset, Index count) {
      T* const u = plane + offset;
      if (added) kernel_->sum(u, added + offset, u, count);
      kernel_->activate(output.function, u, count);
    });
    if (output.take) output.take(pixels, plane);
  });
}

template <class T>
Loop ChannelSum<T>::run_delta(const Source<T>& source, const Signal<T>& input) const {
  Tensor<T> target = input.delta;
  const bool in_place = target.data == input.value.data && input.function.kind != FunctionKind::identity;
  if (in_place) target.data = nullptr;  // summed in scratch, as f'(u) still needs what lies there
  return sum(source, target, {packed_, weight_, nullptr}, [=, this](const Pixels& pixels, T* plane) {
    const auto other = [&](const Tensor<T>& map) { return map.channel(pixels.block, pixels.channel); };
    if (input.added_delta.data) ask_for_next(input.added_delta, pixels);
    if (input.function.kind != FunctionKind::identity) ask_for_next(input.value, pixels);
    over_stretches(input.delta, pixels, [&](Index offset, Index count) {
      T* const delta = plane + offset;
      if (input.added_delta.data) kernel_->sum(delta, other(input.added_delta) + offset, delta, count);
      if (const auto& by = input.value.normalizing; by.mean)
        kernel_->multiply_by_normalized_derivative(by.from(pixels.channel), other(input.value) + offset, delta, count);
      else if (input.function.kind != FunctionKind::identity)
        kernel_->multiply_by_derivative(input.function, other(input.value) + offset, delta, count);
      if (in_place) std::copy_n(delta, count, other(input.delta) + offset);
    });
    if (input.take) input.take(pixels, plane);
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
