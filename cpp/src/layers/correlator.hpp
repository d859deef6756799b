// The sum over source channels and taps by its definition, and, with one pixel and one tap, that of a linear layer.
// Weights are packed by tiles of channels; tasks are rows × tiles.
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/convolution.hpp"

namespace cnnbp {

template <class T>
class Correlator : public ChannelSum<T> {
 public:
  Correlator() = default;
  explicit Correlator(CorrelatorShape shape);

  Index packed_size(Index samples) const override;
  Index parts(const Blocks<T>& blocks) const override;

 private:
  struct Tile {
    Index group, begin, channels;  // first target channel, over all groups
  };

  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights, typename ChannelSum<T>::Planes;

  Index rows_at_once(bool has_memory) const;
  Loop packing(T* const& weight, T* packed) override;
  Loop sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const override;
  void run_rows(const Tensor<T>& source, const Planes& target, const Weights& weights, Index block, const Tile& tile,
                Span rows) const;
  void pack_tile(const T* weight, T* packed, const Tile& tile) const;
  Index taps() const { return shape_.kernel_height * shape_.kernel_width; }

  CorrelatorShape shape_;
  bool pixel_by_pixel_;  // all rows of a single sample are one then
  std::vector<Tile> tiles_;
};

}  // namespace cnnbp
