// Kernels at Winograd's points, and products with them: what forward and delta have in common.
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/winograd_shape.hpp"

namespace cnnbp {

template <class T>
class WinogradProducts : public ChannelSum<T> {
 public:
  explicit WinogradProducts(WinogradShape shape) : shape_(std::move(shape)) {}

  /// A step of few pixels does without: see `most_late_columns`.
  Index packed_size(Index samples) const override;
  bool reads_unpooled() const override;

 protected:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights;

  /// A task's: from a patch's sources to some of its targets.
  struct Work {
    const Source<T>& source;
    const Tensor<T>& target;
    const Weights& weights;
    const Patch& patch;
    Span channels;                               // of the target
    void (*to_points)(const WinogradTiles<T>&);  // the kernel that takes sources there
  };

  Loop packing(T* const& weight, T* packed) override;
  /// The targets' points, one group of channels after the other, whose points stay in the second cache: take(tiles of
  /// the group, group) brings them back. Of many sources some are taken after the others, so that theirs stay there,
  /// too, and the groups' sums are added to, in the order that they have otherwise.
  template <class Take>
  void multiply(const Work& work, T* first, Take take) const {
    const Memory memory = memory_of(first, work.channels.end - work.channels.begin, width_of(work), work.weights);
    const bool packed = work.weights.packed != nullptr;
    const Index parts = source_parts(packed);
    for (Index part = 0; part < parts; ++part) {
      const WinogradTiles<T> from = source_tiles(work, sources_of(part, packed), memory.sources);
      work.to_points(from);
      T* points = memory.targets;
      for_each_group(work.channels, [&](Span group) {
        const WinogradTiles<T> to = target_tiles(work, group, points);
        multiply_points(from, to, kernels(work, part, group, memory), part > 0);
        if (parts > 1) points += size_of(to);
        if (part == parts - 1) take(to, group);
      });
    }
  }
  /// Elements of memory that a task needs, of so many targets and a patch of so many vectors.
  Index scratch(Index targets, Index vectors, const Weights& weights) const;
  /// Whether all sources' points of a patch of four vectors are more than a second cache holds.
  bool has_many_points() const;
  Index most_grouped() const;

  WinogradShape shape_;

 private:
  /// Of kernels of some targets and sources at the points: [point][phase][target][source] or, of a source with phases,
  /// [point][target][phase][source].
  struct Order {
    Index point_stride, phase_stride, target_stride;
  };
  struct Kernels {
    const T* first;
    Order order;
  };
  /// A task's; without kernels where they have been packed.
  struct Memory {
    T *targets, *sources, *kernels, *turned, *end;
  };

  /// As even as can be, but of whole `few_rows`: a product of few columns takes rows that are left over number by
  /// number.
  template <class Body>
  void for_each_group(Span channels, Body body) const {
    const Index unit = most_grouped() % few_rows == 0 ? few_rows : 1, most = most_grouped() / unit;
    const Index units = (channels.end - channels.begin + unit - 1) / unit, groups = (units + most - 1) / most;
    for (Index g = 0; g < groups; ++g)
      body(Span{channels.begin + units * g / groups * unit,
                std::min(channels.begin + units * (g + 1) / groups * unit, channels.end)});
  }
  WinogradTiles<T> source_tiles(const Work& work, Span channels, T* points) const;
  WinogradTiles<T> target_tiles(const Work& work, Span group, T* points) const;
  Index size_of(const WinogradTiles<T>& tiles) const { return shape_.points() * tiles.point_stride; }
  Order order_of(Index targets, Index sources) const;
  Index size_of(const Order& order) const { return shape_.points() * order.point_stride; }
  /// Of a group and some sources: packed, or brought to the points now.
  Kernels kernels(const Work& work, Index part, Span group, const Memory& memory) const;
  /// Elements before the packed ones of a part of the sources.
  Index packed_before(Index part) const {
    return part * size_of(order_of(shape_.target_channels, most_together(true)));
  }
  Memory memory_of(T* first, Index targets, Index width, const Weights& weights) const;
  static Index width_of(const Work& work) {
    return whole_vectors<T>(work.patch.tiles() * work.source.map.blocks.lanes(work.patch.block));
  }
  /// Sources that are taken to the points together, with packed kernels or without.
  Index most_together(bool packed) const;
  Index source_parts(bool packed) const {
    return (shape_.source_channels + most_together(packed) - 1) / most_together(packed);
  }
  Span sources_of(Index part, bool packed) const {
    return {part * most_together(packed), std::min((part + 1) * most_together(packed), shape_.source_channels)};
  }
  bool turns() const;
  Index turned_size(bool packed) const;
  void bring_to_points(const T* weight, Span targets, Span sources, const Order& order, T* to, T* turned) const;
  void multiply_points(const WinogradTiles<T>& source, const WinogradTiles<T>& target, const Kernels& kernels,
                       bool accumulate) const;
  void multiply_phases(MatrixProduct<T> at_points, Index kernels_stride, Index targets_stride) const;
};

}  // namespace cnnbp
