#include "layers/loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace cnnbp {
namespace {

/// One number a lane, each.
template <class T>
struct LaneSums {
  T *scale, *loss, *correct, *target_sum, *exponentials;

  static constexpr Index size = 5 * Blocks<T>::full_lanes;
  explicit LaneSums(T* memory) {
    for (T** sum : {&scale, &loss, &correct, &target_sum, &exponentials}) {
      *sum = memory;
      memory += Blocks<T>::full_lanes;
    }
  }
};

/// Runs the kernel of one loss, for each of them.
template <class T>
struct Evaluate {
  const KernelTable<T>& kernel;
  const BlockLoss<T>& block;
  const T* factors;
  const LaneSums<T>& sums;

  void operator()(const MSE&) const { kernel.huber(block, std::numeric_limits<T>::infinity()); }
  void operator()(const Huber& loss) const { kernel.huber(block, T(loss.delta)); }
  void operator()(const L1&) const { kernel.l1(block); }
  void operator()(const Hinge& loss) const { kernel.hinge(block, T(loss.margin)); }
  void operator()(const BCEWithLogits&) const { kernel.binary_cross_entropy(block, factors); }
  void operator()(const CrossEntropy& loss) const {
    kernel.cross_entropy(block, {.weight = factors,
                                 .keep = T(1 - loss.label_smoothing),
                                 .spread = T(loss.label_smoothing / double(block.features)),
                                 .target_sum = sums.target_sum,
                                 .exponentials = sums.exponentials});
  }
};

const std::vector<double>* factors_of(const Loss& loss) {
  if (const auto* chosen = std::get_if<CrossEntropy>(&loss)) return &chosen->class_weights;
  if (const auto* chosen = std::get_if<BCEWithLogits>(&loss)) return &chosen->pos_weight;
  return nullptr;
}

template <class T>
bool all_yes_or_no(const Targets& y, Index features) {
  const T* values = static_cast<const T*>(y.data);
  return std::all_of(values, values + y.count * features, [](T t) { return t == T(0) || t == T(1); });
}

}  // namespace

bool has_accuracy(const Loss& loss, const Targets& y, Index features) {
  const bool of_numbers =
      std::holds_alternative<MSE>(loss) || std::holds_alternative<L1>(loss) || std::holds_alternative<Huber>(loss);
  if (!of_numbers || y.labels() != nullptr) return true;
  return y.type == Targets::Type::float32 ? all_yes_or_no<float>(y, features) : all_yes_or_no<double>(y, features);
}

LossTotal& LossTotal::operator+=(const LossTotal& other) {
  weighted_loss += other.weighted_loss;
  divisor += other.divisor;
  right += other.right;
  weight += other.weight;
  return *this;
}

template <class T>
BatchLoss<T>::BatchLoss(const Loss& loss, Index features, Index samples)
    : loss_(loss), features_(features), samples_(static_cast<std::size_t>(samples)) {
  const std::vector<double>* factors = factors_of(loss);
  if (factors == nullptr) return;
  if (factors->empty()) factors_.assign(static_cast<std::size_t>(features), T(1));
  else factors_.assign(factors->begin(), factors->end());
}

template <class T>
void BatchLoss<T>::weigh(const Targets& y, const Selection& selection, double scale) {
  const auto* classes = std::get_if<CrossEntropy>(&loss_);
  // A class number names one output: it is right where that is the largest.
  each_output_ = features_ == 1 || (std::holds_alternative<BCEWithLogits>(loss_) && y.labels() == nullptr);
  divisor_ = 0.0;
  scale_ = scale;
  weights_.resize(samples_);
  losses_.resize(samples_);
  right_.resize(samples_);
  for (std::size_t n = 0; n < weights_.size(); ++n) {
    const Index sample = selection[static_cast<Index>(n)];
    weights_[n] = y.weights.empty() ? 1.0 : y.weights[static_cast<std::size_t>(sample)];
    double share = 1.0;
    if (classes != nullptr && y.labels() != nullptr) {
      const std::int64_t label = y.labels()[sample];
      if (label == classes->ignore_index) weights_[n] = 0.0;
      else if (!classes->class_weights.empty()) share = classes->class_weights[static_cast<std::size_t>(label)];
    }
    divisor_ += weights_[n] * share;
  }
}

template <class T>
Loop BatchLoss<T>::evaluate(const Signal<T>& output, const Tensor<T>& target) {
  // Scratch: the sums, then, when no delta is wanted, the place where the kernel may leave one.
  const Index delta = output.delta.data ? 0 : output.value.shape.features() * Blocks<T>::full_lanes;
  return {output.value.blocks.count(),
          [=, this](Index block, std::byte* scratch) {
            evaluate_block(output, target, block, reinterpret_cast<T*>(scratch));
          },
          static_cast<std::size_t>(LaneSums<T>::size + delta) * sizeof(T)};
}

template <class T>
void BatchLoss<T>::evaluate_block(const Signal<T>& output, const Tensor<T>& target, Index block, T* scratch) {
  const Index features = output.value.shape.features(), lanes = output.value.blocks.lanes(block);
  const Index samples = output.value.blocks.samples_in(block);
  const std::size_t first = static_cast<std::size_t>(block * Blocks<T>::full_lanes);
  const LaneSums<T> sums(scratch);
  T* delta = output.delta.data ? output.delta.block(block) : scratch + LaneSums<T>::size;
  for (Index n = 0; n < lanes; ++n)
    sums.scale[n] =
        n < samples && divisor_ > 0 ? T(scale_ * (weights_[first + static_cast<std::size_t>(n)] / divisor_)) : T(0);
  const KernelTable<T>& table = kernels().of<T>();
  const BlockLoss<T> arguments = {.output = output.value.block(block),
                                  .target = target.block(block),
                                  .delta = delta,
                                  .features = features,
                                  .lanes = lanes,
                                  .scale = sums.scale,
                                  .loss = sums.loss,
                                  .correct = sums.correct,
                                  .each_output = each_output_,
                                  .threshold = std::holds_alternative<BCEWithLogits>(loss_) ? T(0) : T(0.5)};
  std::visit(Evaluate<T>{table, arguments, factors_.data(), sums}, loss_);
  table.multiply_by_derivative(output.function, output.value.block(block), delta, features * lanes);
  for (Index n = 0; n < lanes; ++n) {
    if (sums.scale[n] != T(0)) continue;
    for (Index k = 0; k < features; ++k) delta[k * lanes + n] = T(0);
  }
  for (Index n = 0; n < samples; ++n) {
    const auto sample = first + static_cast<std::size_t>(n);
    losses_[sample] = double(sums.loss[n]);
    if (std::holds_alternative<CrossEntropy>(loss_))
      losses_[sample] += double(sums.target_sum[n]) * std::log(double(sums.exponentials[n]));
    right_[sample] = double(sums.correct[n]) / (each_output_ ? double(features) : 1.0);
    if (std::isnan(losses_[sample])) right_[sample] = 0.0;  // what is no number is not right
  }
}

template <class T>
LossTotal BatchLoss<T>::total() const {
  LossTotal total{.divisor = divisor_};
  for (std::size_t n = 0; n < weights_.size(); ++n) {
    if (weights_[n] == 0.0) continue;  // whatever its loss, be it NaN
    total.weighted_loss += weights_[n] * losses_[n];
    total.weight += weights_[n];
    total.right += weights_[n] * right_[n];
  }
  return total;
}

template class BatchLoss<float>;
template class BatchLoss<double>;

}  // namespace cnnbp
