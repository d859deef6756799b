// What a product multiplies: pixels, gathered into a panel.
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

template bool ProductSum<float>::find_sources(const Class&, Index, Index, const Strip&, Index*) const;
template bool ProductSum<double>::find_sources(const Class&, Index, Index, const Strip&, Index*) const;
template void ProductSum<float>::gather(const Strip&, const Span&, const Index*, float*) const;
template void ProductSum<double>::gather(const Strip&, const Span&, const Index*, double*) const;

}  // namespace cnnbp
