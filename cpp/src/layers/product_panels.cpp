// What a product multiplies: pixels, gathered into a panel, and of a single image what leaves it again.
#include <algorithm>

#include "layers/product_sum.hpp"

namespace cnnbp {

bool are_neighbours(const Index* places, Index count, Index lanes) {
  for (Index p = 0; p < count; ++p)
    if (places[p] != places[0] + p * lanes) return false;
  return places[0] != no_pixel;
}

/// Where in a source channel the pixels of a strip read with one tap; false if none of them meets data.
template <class T>
bool ProductSum<T>::find_sources(const Class& of, Index row_tap, Index column_tap, const Strip& strip,
                                 Index* sources) const {
  const auto place = [](const Taps& taps, const AxisPhase& phase, Index tap) {
    const Index i = tap - (taps.first - phase.first) / phase.step;
    return i >= 0 && i < taps.count ? taps.source + i * taps.source_step : no_pixel;
  };
  bool any = false;
  for (Index p = 0; p < strip.count; ++p) {
    const Index row = strip.pixels[p] / shape_.target_width, column = strip.pixels[p] % shape_.target_width;
    const Index ih = place(shape_.rows[static_cast<std::size_t>(row)], of.rows, row_tap);
    const Index iw = place(columns_[static_cast<std::size_t>(column)], of.columns, column_tap);
    sources[p] = ih == no_pixel || iw == no_pixel ? no_pixel : (ih * shape_.source_width + iw) * strip.lanes();
    any |= sources[p] != no_pixel;
  }
  return any;
}

/// Neighbours are as good as one pixel.
template <class T>
void ProductSum<T>::gather(const Strip& strip, const Span& channels, const Index* sources, T* panel) const {
  if (strip.sums) return gather_single(strip, channels, sources, panel);
  const bool neighbours = are_neighbours(sources, strip.count, strip.lanes());
  this->kernel_->gather({.source = strip.source.channel(strip.block, channels.begin),
                         .pixels = sources,
                         .pixel_count = neighbours ? 1 : strip.count,
                         .panel = panel,
                         .channels = channels.end - channels.begin,
                         .channel_stride = strip.source.channel_stride(strip.block),
                         .panel_stride = strip.columns,
                         .lanes = neighbours ? strip.count * strip.lanes() : strip.lanes()});
}

/// Of a block with one sample, whose first lane alone has numbers, that lane of many more pixels is multiplied. Pixels
/// side by side are turned round: their other lanes come to rows of the panel that are written next.
template <class T>
void ProductSum<T>::gather_single(const Strip& strip, const Span& channels, const Index* sources, T* panel) const {
  const Index turned = are_neighbours(sources, strip.count, narrow) ? strip.count / narrow * narrow : 0;
  for (Index c = channels.begin; c < channels.end; ++c, panel += strip.columns) {
    const T* const source = strip.source.channel(strip.block, c);
    if (turned > 0)
      this->kernel_->transpose({.from = source + sources[0],
                                .to = panel,
                                .rows = turned,
                                .columns = narrow,
                                .from_stride = narrow,
                                .to_stride = strip.columns});
    for (Index p = turned; p < strip.count; ++p) panel[p] = sources[p] == no_pixel ? T(0) : source[sources[p]];
    std::fill(panel + strip.count, panel + in_vectors(strip.count), T(0));
  }
}

/// Lanes without a sample become 0.
template <class T>
void ProductSum<T>::write_single(const Strip& strip) const {
  for (Index m = tile(strip.tiles.begin).begin; m < tile(strip.tiles.end - 1).end; ++m) {
    const T* const sums = sums_of(strip, m);
    T* const target = strip.target.channel(strip.block, m);
    for (Index p = 0; p < strip.count; ++p) {
      T* const pixel = target + strip.pixels[p] * narrow;
      pixel[0] = sums[p];
      std::fill(pixel + 1, pixel + narrow, T(0));
    }
  }
}

template <class T>
T* ProductSum<T>::sums_of(const Strip& strip, Index channel) const {
  return strip.sums + (channel - tile(strip.tiles.begin).begin) * strip.columns;
}

template bool ProductSum<float>::find_sources(const Class&, Index, Index, const Strip&, Index*) const;
template bool ProductSum<double>::find_sources(const Class&, Index, Index, const Strip&, Index*) const;
template void ProductSum<float>::gather(const Strip&, const Span&, const Index*, float*) const;
template void ProductSum<double>::gather(const Strip&, const Span&, const Index*, double*) const;
template void ProductSum<float>::write_single(const Strip&) const;
template void ProductSum<double>::write_single(const Strip&) const;
template float* ProductSum<float>::sums_of(const Strip&, Index) const;
template double* ProductSum<double>::sums_of(const Strip&, Index) const;

}  // namespace cnnbp
