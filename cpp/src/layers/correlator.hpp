// The sum over source channels and taps that is a convolution's forward pass, its delta, and, with one pixel
// and one tap, both of a linear layer. Weights are packed by tiles of channels; tasks are rows × tiles.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// What one of these sums runs over. Strides of the weights count elements of the field's order
/// (out, in, kh, kw); group g starts `weight_group_stride` further.
struct CorrelatorShape {
  Index groups, source_channels, target_channels;  // channels of one group
  Index source_height, source_width, target_height, target_width;
  Index kernel_height, kernel_width;
  Index weight_source_stride, weight_target_stride, weight_group_stride;
  std::vector<Taps> rows;
  std::vector<Run> columns;
};

template <class T>
class Correlator {
 public:
  Correlator() = default;
  explicit Correlator(CorrelatorShape shape);

  /// Brings the weights (whose place may be set later) into tiles.
  Loop pack(T* const& weight);
  /// u = Σ w · x + b, then f(u) while the rows are in the cache.
  Loop run(const Tensor<T>& source, const Tensor<T>& target, T* const* bias, Elementwise function) const;
  /// δ = f'(u) ∘ Σ w · δ, with f' from `value`.
  Loop run_delta(const Tensor<T>& source, const Tensor<T>& target, const Tensor<T>& value, Elementwise f) const;

 private:
  struct Tile {
    Index group, begin, channels;  // first target channel, over all groups
  };

  template <class Finish>
  Loop make_loop(const Tensor<T>& source, const Tensor<T>& target, T* const* bias, Finish finish) const;
  void run_rows(const Tensor<T>& source, const Tensor<T>& target, const T* bias, Index block, const Tile& tile,
                Span rows) const;
  void pack_tile(const T* weight, const Tile& tile) const;
  Index taps() const { return shape_.kernel_height * shape_.kernel_width; }

  const KernelTable<T>* kernel_ = nullptr;
  CorrelatorShape shape_;
  std::vector<Tile> tiles_;
  Buffer<T> packed_;
};

/// `channels` in as few equal parts of at most `most` as there can be: 20 by 6 is 5, 5, 5, 5.
std::vector<Span> even_parts(Index channels, Index most);

}  // namespace cnnbp
