#include "layers/patches.hpp"

#include <algorithm>

#include "layers/channel_sum.hpp"

namespace cnnbp {

template <class T>
std::vector<Patch> patches_of(const Blocks<T>& blocks, Index height, Index width, Index vectors) {
  const Index down = tiles_along(height), across = tiles_along(width);
  std::vector<Patch> patches;
  for (Index b = 0; b < blocks.count(); ++b) {
    const Index most = vectors * Blocks<T>::full_lanes / blocks.lanes(b);
    const std::vector<Span> columns = even_parts(across, most);
    for (const Span& rows : even_parts(down, std::max<Index>(1, most / (columns.back().end - columns.back().begin))))
      for (const Span& span : columns) patches.push_back({b, rows, span});
  }
  return patches;
}

template <class T>
WinogradTiles<T> tiles_of(const Tensor<T>& map, const Patch& patch, Index size, Walk walk) {
  const Index lanes = map.blocks.lanes(patch.block), row = map.row_stride(patch.block);
  const Index last = (map.shape.height - 1) * row + (map.shape.width - 1) * lanes;
  const bool mirrored = walk == Walk::mirrored;
  return {
      .map = map.block(patch.block) + (mirrored ? last : 0),
      .points = nullptr,
      .channels = map.shape.channels,
      .height = map.shape.height,
      .width = map.shape.width,
      .channel_stride = map.channel_stride(patch.block),
      .row_stride = mirrored ? -row : row,
      .column_stride = mirrored ? -lanes : lanes,
      .row = patch.rows.begin * winograd_step,
      .column = patch.columns.begin * winograd_step,
      .size = size,
      .tile_rows = patch.rows.end - patch.rows.begin,
      .tile_columns = patch.columns.end - patch.columns.begin,
      .point_stride = 0,
      .point_channel_stride = whole_vectors<T>(patch.tiles() * lanes),
      .point_strip_stride = strip_width<T>,
      .lanes = lanes,
      .point_lanes = lanes,
      .normalizing = map.normalizing,
  };
}

template std::vector<Patch> patches_of(const Blocks<float>&, Index, Index, Index);
template std::vector<Patch> patches_of(const Blocks<double>&, Index, Index, Index);
template WinogradTiles<float> tiles_of(const Tensor<float>&, const Patch&, Index, Walk);
template WinogradTiles<double> tiles_of(const Tensor<double>&, const Patch&, Index, Walk);

}  // namespace cnnbp
