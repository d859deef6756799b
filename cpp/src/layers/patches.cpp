#include "layers/patches.hpp"

#include <algorithm>
#include <utility>

#include "layers/channel_sum.hpp"

namespace cnnbp {

namespace {

/// Patches of at most `most` tiles, and of at most `width` across.
std::vector<Patch> patches_of(Index block, Index down, Index across, Index most, Index width) {
  const std::vector<Span> columns = even_parts(across, width);
  std::vector<Patch> patches;
  for (const Span& rows : even_parts(down, std::max<Index>(1, most / (columns.back().end - columns.back().begin))))
    for (const Span& span : columns) patches.push_back({block, rows, span});
  return patches;
}

}  // namespace

/// Of a single sample half as wide: one patch of 64 tiles would be two tasks that both transform all sources, and 64
/// channels of 32×32 took a fifth longer. Else as wide as they can be, unless narrower ones have fewer vectors that are
/// not full, or are fewer: 7 × 7 tiles of 8 samples are 25 vectors instead of 28.
template <class T>
std::vector<Patch> patches_of(const Blocks<T>& blocks, Index down, Index across, Index vectors) {
  std::vector<Patch> all;
  for (Index b = 0; b < blocks.count(); ++b) {
    const Index lanes = blocks.lanes(b), columns = vectors * Blocks<T>::full_lanes;
    const Index most = lanes == 1 ? columns / 2 : columns / lanes;
    const auto cost = [&](const std::vector<Patch>& patches) {
      Index elements = 0;
      for (const Patch& patch : patches) elements += whole_vectors<T>(patch.tiles() * lanes);
      return std::pair(elements, patches.size());
    };
    std::vector<Patch> best = patches_of(b, down, across, most, most);
    for (Index width = most - 1; width > 0; --width) {
      std::vector<Patch> narrower = patches_of(b, down, across, most, width);
      if (cost(narrower) < cost(best)) best = std::move(narrower);
    }
    all.insert(all.end(), best.begin(), best.end());
  }
  return all;
}

template <class T>
WinogradTiles<T> tiles_of(const Tensor<T>& map, const Patch& patch, const WinogradSide& side) {
  const Index lanes = map.blocks.lanes(patch.block);
  return {
      .map = map.block(patch.block),
      .points = nullptr,
      .channels = map.shape.channels,
      .height = map.shape.height,
      .width = map.shape.width,
      .channel_stride = map.channel_stride(patch.block),
      .row_stride = map.row_stride(patch.block),
      .row = side.first_row + patch.rows.begin * side.step,
      .column = side.first_column + patch.columns.begin * side.step,
      .size = side.size,
      .step = side.step,
      .tile_rows = patch.rows.end - patch.rows.begin,
      .tile_columns = patch.columns.end - patch.columns.begin,
      .point_stride = 0,
      .point_phase_stride = 0,
      .point_channel_stride = whole_vectors<T>(patch.tiles() * lanes),
      .point_strip_stride = strip_width<T>,
      .lanes = lanes,
      .normalizing = map.normalizing,
      .unpooling = {},
  };
}

template <class T>
Unpooling<T> unpooling_of(const Unpooled<T>& unpooled, Index block) {
  const auto& [delta, taps] = unpooled;
  if (!delta.data) return {};
  constexpr Index together = sizeof(T) / sizeof(TapNumber);
  return {.delta = delta.block(block),
          .taps = reinterpret_cast<const TapNumber*>(taps.block(block)),
          .delta_channel_stride = delta.channel_stride(block),
          .taps_channel_stride = taps.channel_stride(block) * together,
          .row_stride = delta.row_stride(block)};
}

template std::vector<Patch> patches_of(const Blocks<float>&, Index, Index, Index);
template std::vector<Patch> patches_of(const Blocks<double>&, Index, Index, Index);
template WinogradTiles<float> tiles_of(const Tensor<float>&, const Patch&, const WinogradSide&);
template WinogradTiles<double> tiles_of(const Tensor<double>&, const Patch&, const WinogradSide&);
template Unpooling<float> unpooling_of(const Unpooled<float>&, Index);
template Unpooling<double> unpooling_of(const Unpooled<double>&, Index);

}  // namespace cnnbp
