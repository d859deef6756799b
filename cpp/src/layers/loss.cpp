#include "layers/loss.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace cnnbp {

template <class T>
BatchLoss<T>::BatchLoss(Loss loss, Index samples)
    : loss_(loss), losses_(static_cast<std::size_t>(samples)), correct_(static_cast<std::size_t>(samples)) {}

template <class T>
Loop BatchLoss<T>::evaluate(const Signal<T>& output, const Tensor<T>& target) {
  // Scratch: four numbers a lane, then, when no delta is wanted, the place where the kernel may leave one.
  const Index delta = output.delta.data ? 0 : output.value.shape.features() * Blocks<T>::full_lanes;
  return {output.value.blocks.count(),
          [=, this](Index block, std::byte* scratch) {
            evaluate_block(output, target, block, reinterpret_cast<T*>(scratch));
          },
          static_cast<std::size_t>(4 * Blocks<T>::full_lanes + delta) * sizeof(T)};
}

template <class T>
void BatchLoss<T>::evaluate_block(const Signal<T>& output, const Tensor<T>& target, Index block, T* scratch) {
  constexpr Index full = Blocks<T>::full_lanes;
  const Index features = output.value.shape.features(), lanes = output.value.blocks.lanes(block);
  const Index samples = output.value.blocks.samples_in(block);
  T *loss = scratch, *exponentials = scratch + full, *target_sum = scratch + 2 * full, *correct = scratch + 3 * full;
  T* delta = output.delta.data ? output.delta.block(block) : scratch + 4 * full;
  const KernelTable<T>& table = kernels().of<T>();
  const auto kernel = loss_ == Loss::mse ? table.mse : table.cross_entropy;
  kernel({.output = output.value.block(block),
          .target = target.block(block),
          .delta = delta,
          .features = features,
          .lanes = lanes,
          .scale = T(1) / T(output.value.blocks.samples()),
          .loss = loss,
          .exponentials = exponentials,
          .target_sum = target_sum,
          .correct = correct});
  table.multiply_by_derivative(output.function, output.value.block(block), delta, features * lanes);
  for (Index n = samples; n < lanes; ++n)
    for (Index k = 0; k < features; ++k) delta[k * lanes + n] = T(0);
  for (Index n = 0; n < samples; ++n) {
    const auto sample = static_cast<std::size_t>(block * full + n);
    losses_[sample] = double(loss[n]);
    if (loss_ == Loss::cross_entropy) losses_[sample] += double(target_sum[n]) * std::log(double(exponentials[n]));
    correct_[sample] = correct[n] > 0;
  }
}

template <class T>
double BatchLoss<T>::sum() const {
  return std::accumulate(losses_.begin(), losses_.end(), 0.0);
}

template <class T>
Index BatchLoss<T>::correct() const {
  return std::count(correct_.begin(), correct_.end(), 1);
}

template class BatchLoss<float>;
template class BatchLoss<double>;

}  // namespace cnnbp
