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

  /// Elements of the packed weights for so many samples; 0 if the sum of so few reads the weights as they are.
  virtual Index packed_size(Index samples) const = 0;
  /// Brings the weights (whose place may be set later) into the order that the sum reads. Sums that are asked for
  /// from then on find them in `packed` or, where that is null, in their own order.
  Loop pack(T* const& weight, T* packed);
  /// In how many parts a channel of a map that has memory is finished, of all blocks; 0: they have no numbers.
  virtual Index parts(const Blocks<T>& /*blocks*/) const { return 0; }
  /// Whether the target may have no memory. Its pixels are then finished by multiples of `rows_together` rows and
  /// columns, or to the map's end.
  virtual bool does_without_memory() const { return true; }
  /// Whether the source may be one whose readers normalize it.
  virtual bool normalizes_source() const { return false; }
  /// Whether the source may be an unpooled delta.
  virtual bool reads_unpooled() const { return false; }
  /// Whether a delta may lie where the input's value does: pixels are summed elsewhere until all that is in their place
  /// has been read.
  virtual bool overwrites() const { return false; }
  /// u = Σ w · x + b, then f(u) while the rows are in the cache.
  Loop run(const Tensor<T>& source, const Signal<T>& output, T* const* bias) const;
  /// δ = f'(u) ∘ Σ w · δ of the input.
  Loop run_delta(const Source<T>& source, const Signal<T>& input) const;

 protected:
  /// Called with pixels of the target when they have been summed.
  using Finish = TakePixels<T>;

  /// What a sum multiplies with, and starts from.
  struct Weights {
    const T* packed;
    T* const* weight;  // as they are
    T* const* bias;

    const T* bias_from(Index channel) const { return bias ? *bias + channel : nullptr; }
  };

  virtual Loop packing(T* const& weight, T* packed) = 0;
  virtual Loop sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const = 0;

  /// Planes of some channels, one `channel_stride` after the other.
  struct Planes {
    T* first;
    Index channel_stride;
  };

  /// Those of a map or, if it has no memory, as if some of their rows lay in `scratch`.
  static Planes planes(const Tensor<T>& map, Index block, Index channel, Span rows, T* scratch) {
    if (map.data) return {map.channel(block, channel), map.channel_stride(block)};
    const Index row = map.row_stride(block);
    return {scratch - rows.begin * row, (rows.end - rows.begin) * row};
  }
  /// Elements of scratch for so many rows of so many channels of it.
  static Index scratch_for(const Tensor<T>& map, Index channels, Index rows) {
    return map.data ? 0 : channels * rows * map.shape.width * Blocks<T>::full_lanes;
  }

  /// How many of `units` in each of `blocks` are one task, with `work` multiply-adds a unit.
  static Index units_of_task(Index work, Index units, Index blocks);

  const KernelTable<T>* kernel_ = &kernels().of<T>();

 private:
  const T* packed_ = nullptr;
  T* const* weight_ = nullptr;
};

/// Target channels of a register tile of the correlation kernel.
constexpr Index most_tile_channels = 6;

/// `channels` in as few equal parts of at most `most` as there can be: 20 by 6 is 5, 5, 5, 5.
std::vector<Span> even_parts(Index channels, Index most);

}  // namespace cnnbp
