// The sum over source channels and taps that is a convolution's forward pass and its delta, and what ends it. How it
// is summed is the matter of Correlator (directly), ProductSum, DepthwiseSum and WinogradSum.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// What one of these sums runs over. Strides of the weights count elements of the field's order
/// (out, in, kh, kw); group g starts `weight_group_stride` further.
struct SumShape {
  Index groups, source_channels, target_channels;  // channels of one group
  Index source_height, source_width, target_height, target_width;
  Index kernel_height, kernel_width;
  Index weight_source_stride, weight_target_stride, weight_group_stride;
};

template <class T>
class ChannelSum {
 public:
  virtual ~ChannelSum() = default;

  /// Elements of the packed weights.
  virtual Index packed_size() const = 0;
  /// Brings the weights (whose place may be set later) into the order that the sum reads. Sums that are asked for
  /// from then on find them in `packed`.
  Loop pack(T* const& weight, T* packed);
  /// u = Σ w · x + b, then f(u) while the rows are in the cache.
  Loop run(const Tensor<T>& source, const Signal<T>& output, T* const* bias) const;
  /// δ = f'(u) ∘ Σ w · δ of the input.
  Loop run_delta(const Tensor<T>& source, const Signal<T>& input) const;

 protected:
  /// Called with stretches of the target when they have been summed: block, first element of it, elements.
  using Finish = std::function<void(Index block, Index offset, Index count)>;

  /// What a sum multiplies with, and starts from.
  struct Weights {
    const T* packed;
    T* const* bias;

    const T* bias_from(Index channel) const { return bias ? *bias + channel : nullptr; }
  };

  virtual Loop packing(T* const& weight, T* packed) = 0;
  virtual Loop sum(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const = 0;

  /// How many of `units` in each of `blocks` are one task, with `work` multiply-adds a unit.
  static Index units_of_task(Index work, Index units, Index blocks);

  const KernelTable<T>* kernel_ = &kernels().of<T>();

 private:
  const T* packed_ = nullptr;
};

/// Target channels of a register tile of the correlation kernel.
constexpr Index most_tile_channels = 6;

/// `channels` in as few equal parts of at most `most` as there can be: 20 by 6 is 5, 5, 5, 5.
std::vector<Span> even_parts(Index channels, Index most);

}  // namespace cnnbp
