// The kernels of one instruction set, by type. Each member is one operation; its contract is its argument's.
#pragma once

#include "kernels/learning_arguments.hpp"
#include "kernels/map_arguments.hpp"

namespace cnnbp {

/// Transforms of Winograd's algorithm, a file of their own: they take the compiler as long as all the others of a type.
template <class T>
struct WinogradTable {
  void (*weights)(const WinogradWeights<T>&);
  void (*input)(const WinogradTiles<T>&);
  void (*delta)(const WinogradTiles<T>&);
  void (*gradient)(const WinogradGradient<T>&);
  /// Plus bias[channel], or 0 without.
  void (*output)(const WinogradTiles<T>&, const T* bias);
  void (*input_delta)(const WinogradTiles<T>&);
};

template <class T>
struct KernelTable {
  void (*correlate)(const Correlation<T>&);
  void (*accumulate_kernel_gradient)(const KernelGradient<T>&);
  void (*depthwise)(const Depthwise<T>&);
  void (*accumulate_depthwise_gradient)(const Depthwise<T>&, T* sums);
  /// out[i] = Σ_lane sums[i][lane], folded in halves.
  void (*sum_lanes)(const T* sums, Index count, Index lanes, T* out);
  /// Σ over the pixels and lanes of one plane, four chains by pixel, then the lanes folded in halves.
  T (*sum_plane)(const T* plane, Index pixels, Index lanes);
  void (*accumulate_outer_product)(const OuterProduct<T>&);
  void (*multiply)(const MatrixProduct<T>&);
  void (*multiply_pixels)(const PixelProduct<T>&);
  void (*gather)(const Gathering<T>&);
  /// Nothing changes; what is asked for comes nearer.
  void (*ask)(const Asking<T>&);
  void (*transpose)(const Transposition<T>&);
  const WinogradTable<T>* winograd;
  void (*avg_pool)(const Pooling<T>&);
  void (*avg_pool_delta)(const Pooling<T>&);
  void (*max_pool)(const Pooling<T>&);
  void (*max_pool_delta)(const Pooling<T>&);
  void (*subsample)(const Subsampling<T>&);
  void (*subsample_delta)(const Subsampling<T>&);
  void (*accumulate_subsampling_gradient)(const SubsamplingGradient<T>&);
  void (*interpolate)(const Interpolation<T>&);
  void (*interpolate_delta)(const Interpolation<T>&);
  /// u ← f(u), count elements.
  void (*activate)(Elementwise f, T* u, Index count);
  /// δ ← f'(u) ∘ δ from y = f(u), count elements; not for functions that fall and rise, as gelu does.
  void (*multiply_by_derivative)(Elementwise f, const T* y, T* delta, Index count);
  /// The same for a channel of a map whose readers normalize it, from its x.
  void (*multiply_by_normalized_derivative)(const Normalizing<T>&, const T* x, T* delta, Index count);
  /// y ← y + z of a channel of such a map.
  void (*add_normalized)(const Normalizing<T>&, const T* x, T* y, Index count);
  /// δ ← f'(u) ∘ δ from u, for those.
  void (*multiply_by_slope)(Elementwise f, const T* u, T* delta, Index count);
  /// y = a + b, count elements; y may be either.
  void (*sum)(const T* a, const T* b, T* y, Index count);
  /// y = a ∘ b, count elements; y may be either.
  void (*product)(const T* a, const T* b, T* y, Index count);
  void (*drop)(const Dropping<T>&);
  void (*softmax)(const Softmax<T>&);
  void (*softmax_delta)(const Softmax<T>&);
  void (*accumulate_moments)(const PlaneMoments<T>&);
  Moments<T> (*measure)(const Measuring<T>&);
  void (*normalize)(const Normalization<T>&);
  void (*normalize_delta)(const Normalization<T>&);
  /// ℓ = Σ h(x − t) with h(e) = ½ e² where |e| ≤ limit, else limit · (|e| − ½ limit). An infinite limit: ½ Σ e².
  void (*huber)(const BlockLoss<T>&, T limit);
  /// ℓ = Σ |x − t|
  void (*l1)(const BlockLoss<T>&);
  /// ℓ = −Σ_k weight_k t_k log σ(x_k) + (1 − t_k) log (1 − σ(x_k))
  void (*binary_cross_entropy)(const BlockLoss<T>&, const T* weight);
  void (*cross_entropy)(const BlockLoss<T>&, const CrossEntropyTerms<T>&);
  /// ℓ = Σ_{k≠y} max(0, margin − x_y + x_k), where t is 1 at y and 0 elsewhere.
  void (*hinge)(const BlockLoss<T>&, T margin);
  void (*sgd)(const Slice<T>&, const SGDStep<T>&);
  void (*adagrad)(const Slice<T>&, const AdagradStep<T>&);
  void (*rmsprop)(const Slice<T>&, const RMSpropStep<T>&);
  void (*adam)(const Slice<T>&, const AdamStep<T>&);
  void (*lion)(const Slice<T>&, const LionStep<T>&);
  /// Independent multiply-adds, to measure what the processor can do. Returns their number.
  double (*multiply_adds)(Index iterations, T* out);
};

/// The tables of one instruction set, each from a file of its own.
struct Kernels {
  const char* name;
  const KernelTable<float>& float32;
  const KernelTable<double>& float64;

  template <class T>
  const KernelTable<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) return float32;
    else return float64;
  }
};

}  // namespace cnnbp
