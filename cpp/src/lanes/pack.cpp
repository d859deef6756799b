#include "lanes/pack.hpp"

#include <algorithm>
#include <array>

namespace cnnbp {
namespace {

/// Pixels at a time: 64 of sixteen samples, 4 KB, are side by side before they are turned.
constexpr Index stretch = 64;

template <class T>
std::array<T, 256> unit_interval() {
  std::array<T, 256> table{};
  for (int v = 0; v < 256; ++v) table[static_cast<std::size_t>(v)] = T(v) / T(255);
  return table;
}

/// Asks for `count` values of a sample. Each is read a few lines at a time, pages from the others, and nothing else
/// foresees that it goes on: 128 samples of 16×32×32 are packed in two thirds of the time.
template <class From>
void ask_for(const From* from, Index count) {
  for (Index i = 0; i < count; i += Index{64 / sizeof(From)}) __builtin_prefetch(from + i, 0, 2);
}

/// sample(n) points to the first of `features` values of lane n. Turning them by a kernel is three times as fast as
/// writing one lane after the other.
template <class T, class Sample, class Convert>
void interleave(Sample sample, Convert convert, Index features, Index samples, Index lanes, T* to,
                Transpose<T> transpose) {
  alignas(64) T rows[Blocks<T>::full_lanes * stretch];
  std::fill(rows + samples * stretch, rows + lanes * stretch, T(0));
  for (Index begin = 0; begin < features; begin += stretch, to += stretch * lanes) {
    const Index count = std::min(stretch, features - begin), next = std::min(stretch, features - begin - count);
    for (Index n = 0; n < samples; ++n) {
      const auto* from = sample(n) + begin;
      ask_for(from + count, next);
      for (Index i = 0; i < count; ++i) rows[n * stretch + i] = convert(from[i]);
    }
    transpose({.from = rows, .to = to, .rows = lanes, .columns = count, .from_stride = stretch, .to_stride = lanes});
  }
}

template <class T, class From>
void pack_values(const void* data, const Selection& selection, const Tensor<T>& to, Index block, Span channels,
                 Transpose<T> transpose) {
  const Index features = to.shape.features(), pixels = to.shape.pixels();
  const Index first = block * Blocks<T>::full_lanes;
  const auto sample = [&](Index n) {
    return static_cast<const From*>(data) + selection[first + n] * features + channels.begin * pixels;
  };
  const Index count = (channels.end - channels.begin) * pixels, samples = to.blocks.samples_in(block);
  const Index lanes = to.blocks.lanes(block);
  T* target = to.channel(block, channels.begin);
  if constexpr (sizeof(From) == 1) {
    static const std::array<T, 256> scaled = unit_interval<T>();
    interleave(sample, [](std::uint8_t v) { return scaled[v]; }, count, samples, lanes, target, transpose);
  } else {
    interleave(sample, [](From v) { return static_cast<T>(v); }, count, samples, lanes, target, transpose);
  }
}

}  // namespace

template <class T>
void pack(const Images& from, const Selection& selection, const Tensor<T>& to, Index block, Span channels,
          Transpose<T> transpose) {
  switch (from.type) {
    case Images::Type::uint8: return pack_values<T, std::uint8_t>(from.data, selection, to, block, channels, transpose);
    case Images::Type::float32: return pack_values<T, float>(from.data, selection, to, block, channels, transpose);
    case Images::Type::float64: return pack_values<T, double>(from.data, selection, to, block, channels, transpose);
  }
}

template <class T>
void pack(const Targets& from, const Selection& selection, const Tensor<T>& to, Index block, Transpose<T> transpose) {
  const Span all{0, to.shape.channels};
  if (from.type == Targets::Type::float32)
    return pack_values<T, float>(from.data, selection, to, block, all, transpose);
  if (from.type == Targets::Type::float64)
    return pack_values<T, double>(from.data, selection, to, block, all, transpose);
  const Index lanes = to.blocks.lanes(block), first = block * Blocks<T>::full_lanes, classes = to.shape.features();
  T* target = to.block(block);
  std::fill(target, target + classes * lanes, T(0));
  for (Index n = 0; n < to.blocks.samples_in(block); ++n) {
    const std::int64_t label = from.labels()[selection[first + n]];
    if (classes == 1) target[n] = T(label);
    else if (label >= 0 && label < classes) target[label * lanes + n] = T(1);
  }
}

/// The kernel turns pixels where they lie. (Turned beside each other first and copied to the samples from there, large
/// maps take as long, small ones a third longer.)
template <class T>
void unpack(const PixelsInLanes<T>& pixels, const Tensor<T>& maps, T* to, Transpose<T> transpose) {
  const Index features = maps.shape.features(), lanes = maps.blocks.lanes(pixels.block);
  to += pixels.block * Blocks<T>::full_lanes * features + pixels.place;
  for (Index begin = 0; begin < pixels.count; begin += stretch)
    transpose({.from = pixels.first + begin * lanes,
               .to = to + begin,
               .rows = std::min(stretch, pixels.count - begin),
               .columns = maps.blocks.samples_in(pixels.block),
               .from_stride = lanes,
               .to_stride = features});
}

template void pack(const Images&, const Selection&, const Tensor<float>&, Index, Span, Transpose<float>);
template void pack(const Targets&, const Selection&, const Tensor<float>&, Index, Transpose<float>);
template void unpack(const PixelsInLanes<float>&, const Tensor<float>&, float*, Transpose<float>);
template void pack(const Images&, const Selection&, const Tensor<double>&, Index, Span, Transpose<double>);
template void pack(const Targets&, const Selection&, const Tensor<double>&, Index, Transpose<double>);
template void unpack(const PixelsInLanes<double>&, const Tensor<double>&, double*, Transpose<double>);

}  // namespace cnnbp
