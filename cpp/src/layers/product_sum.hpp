// The sum over source channels and taps as a matrix product: what some pixels' taps read is gathered into a panel,
// [tap][source channel][pixel][lane], and the weights are multiplied by it. A panel lies where the first caches are, so
// sources that are far apart in memory are read once for all target channels. Pixels side by side that a single tap
// reads are rows of such a product where they lie.
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/convolution.hpp"
#include "layers/patches.hpp"

namespace cnnbp {

/// Whether this sum of the convolution is computed so.
template <class T>
bool takes_product(const Convolution& convolution, const SumShape& sum);

/// Pixels of a panel in a block of a quarter of the lanes, and of a wide one (`most_wide`) or of a single image, at
/// most.
constexpr Index panel_pixels = 4 * patch_vectors, most_pixels = 4 * panel_pixels;

/// In place of where a pixel begins, if there is none.
constexpr Index no_pixel = -1;

/// Whether pixels that begin at these places, of which some may be none, lie side by side.
bool are_neighbours(const Index* places, Index count, Index lanes);

template <class T>
class ProductSum : public ChannelSum<T> {
 public:
  explicit ProductSum(const CorrelatorShape& given);

  Index packed_size(Index) const override { return packed_size_; }
  Index parts(const Blocks<T>& blocks) const override { return blocks.count() * std::ssize(regions(blocks)); }
  bool does_without_memory() const override { return false; }

 private:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights;

  /// Positions of one axis that the same taps serve: first, first + step, …, where these meet data. With a stride, a
  /// delta has as many phases as the stride; everything else has one.
  struct AxisPhase {
    Index first, step, count;
    std::vector<Index> positions;
  };
  /// Pixels of one pair of phases and where their weights begin: [panel][tile][row of the panel][channel of the tile].
  struct Class {
    AxisPhase rows, columns;
    Index weights, products;  // of each target channel
    Index panel_columns;
    bool in_place;  // pixels that lie side by side, in source and target, are not gathered
  };
  /// Pixels whose sums are worked on together.
  struct Strip {
    const Tensor<T>& source;
    const Tensor<T>& target;
    const Weights& weights;
    Index block;
    Span tiles;         // of target channels
    T* panel;           // [tap][source channel][pixel][lane]
    Index columns = 0;  // of the panel
    Index count = 0;
    Index pixels[most_pixels] = {};  // of the target, as far from each other

    Index lanes() const { return target.blocks.lanes(block); }
    Index step() const { return count > 1 ? pixels[1] - pixels[0] : 1; }
    bool takes(Index pixel) const {
      if (count * lanes() == columns) return false;
      return count < 2 || pixel - pixels[count - 1] == step();
    }
  };

  static std::vector<AxisPhase> phases_of(const std::vector<Taps>& taps, Index kernel);

  Loop packing(T* const& weight, T* packed) override;
  Loop sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const override;
  void sum_pixels(const Class& of, const Strip& all, const Pixels& region) const;
  void write_bias(const Strip& strip, const Pixels& region) const;
  std::vector<Pixels> regions(const Blocks<T>& all) const;
  void sum_strip(const Class& of, const Strip& strip) const;
  void gather(const Strip& strip, const Span& channels, const Index* sources, T* panel) const;
  const Span& tile(Index i) const { return tiles_[static_cast<std::size_t>(i)]; }
  bool find_sources(const Class& of, Index row_tap, Index column_tap, const Strip& strip, Index* sources) const;
  Index place_of(const Class& of, const Span& tile, Index product) const;
  T* pack_sources(const T* weight, Index sources, Index targets, T* to) const;
  void pack_tiles(const T* weight, T* packed, const Class& of, const Span& tiles) const;
  /// Sources of a strip, as rows of the product: a panel, or where they lie.
  struct Rows {
    const T* first;
    Index stride;
    const T* next = nullptr;  // those of the next strip, as far apart, if they are to be asked for
  };
  void multiply(const Class& of, const Strip& strip, const Rows& rows, Span products, bool first) const;
  Asking<T> targets_of(const Strip& strip, Index tile) const;
  Asking<T> next_sources(const Strip& strip, const Rows& rows, Index count, Index tile) const;
  void multiply_in_place(const Class& of, const Strip& strip, Index source) const;

  /// Rows of a panel: so many that it stays in the second cache (128 KB) beside the weights that multiply it. Every
  /// panel loads and stores all sums: with half as many rows, sums over 512 products and more took 1 to 4 percent
  /// longer.
  static constexpr Index panel_rows = 512;

  /// And columns: four lane vectors, as many as a patch of Winograd's has. Where targets lie apart, a panel of fewer
  /// rows has up to four times as many, so that more of each target channel, a page or so from the next, is written at
  /// a time: strided deltas of one tap and 128 channels take a tenth less, of 256 as long.
  static constexpr Index panel_columns = patch_vectors * Blocks<T>::full_lanes, most_wide = 4;

  CorrelatorShape shape_;
  std::vector<Taps> columns_;  // one per target column
  std::vector<Span> tiles_;    // of target channels
  std::vector<Class> classes_;
  bool has_empty_pixels_ = false;  // that no tap serves
  Index packed_size_ = 0;
};

}  // namespace cnnbp
