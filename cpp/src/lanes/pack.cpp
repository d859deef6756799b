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

/// sample(n) points to the first of `features` values of lane n. Turning them by a kernel is three times as fast as
/// writing one lane after the other.
template <class T, class Sample, class Convert>
void interleave(Sample sample, Convert convert, Index features, Index samples, Index lanes, T* to,
                Transpose<T> transpose) {
  constexpr Index square = transposed_together<T>;
  alignas(64) T rows[Blocks<T>::full_lanes * stretch];
  std::fill(rows + samples * stretch, rows + lanes * stretch, T(0));
  for (Index begin = 0; begin < features; begin += stretch, to += stretch * lanes) {
    const Index count = std::min(stretch, features - begin), whole = count / square * square;
    for (Index n = 0; n < samples; ++n) {
      const auto* from = sample(n) + begin;
      for (Index i = 0; i < count; ++i) rows[n * stretch + i] = convert(from[i]);
    }
    transpose({.from = rows, .to = to, .rows = lanes, .columns = whole, .from_stride = stretch, .to_stride = lanes});
    for (Index i = whole; i < count; ++i)
      for (Index n = 0; n < lanes; ++n) to[i * lanes + n] = rows[n * stretch + i];
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

/// Squares are turned by the kernel where they lie, single lanes and pixels are left. (Turned beside each other first
/// and copied to the samples from there, large maps take as long, small ones a third longer.)
template <class T>
void unpack(const PixelsInLanes<T>& pixels, const Tensor<T>& maps, T* to, Transpose<T> transpose) {
  constexpr Index square = transposed_together<T>;
  const Index features = maps.shape.features(), lanes = maps.blocks.lanes(pixels.block);
  const Index samples = maps.blocks.samples_in(pixels.block), whole = samples / square * square;
  const T* const from = pixels.first;
  to += pixels.block * Blocks<T>::full_lanes * features + pixels.place;
  const auto take = [&](Span span, Span of_samples) {
    for (Index n = of_samples.begin; n < of_samples.end; ++n)
      for (Index i = span.begin; i < span.end; ++i) to[n * features + i] = from[i * lanes + n];
  };
  for (Index begin = 0; begin < pixels.count; begin += stretch) {
    const Index end = std::min(begin + stretch, pixels.count), turned = begin + (end - begin) / square * square;
    transpose({.from = from + begin * lanes,
               .to = to + begin,
               .rows = turned - begin,
               .columns = whole,
               .from_stride = lanes,
               .to_stride = features});
    take({begin, end}, {whole, samples});
    take({turned, end}, {0, whole});
  }
}

template void pack(const Images&, const Selection&, const Tensor<float>&, Index, Span, Transpose<float>);
template void pack(const Targets&, const Selection&, const Tensor<float>&, Index, Transpose<float>);
template void unpack(const PixelsInLanes<float>&, const Tensor<float>&, float*, Transpose<float>);
template void pack(const Images&, const Selection&, const Tensor<double>&, Index, Span, Transpose<double>);
template void pack(const Targets&, const Selection&, const Tensor<double>&, Index, Transpose<double>);
template void unpack(const PixelsInLanes<double>&, const Tensor<double>&, double*, Transpose<double>);

}  // namespace cnnbp
