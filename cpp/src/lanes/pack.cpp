#include "lanes/pack.hpp"

#include <algorithm>
#include <array>

namespace cnnbp {
namespace {

/// Pixels at a time: 64 pixels of 64 bytes stay in the first cache while sixteen samples fill them.
constexpr Index stretch = 64;

template <class T>
std::array<T, 256> unit_interval() {
  std::array<T, 256> table{};
  for (int v = 0; v < 256; ++v) table[static_cast<std::size_t>(v)] = T(v) / T(255);
  return table;
}

/// sample(n) points to the first of `features` values of lane n.
template <class T, class Sample, class Convert>
void interleave(Sample sample, Convert convert, Index features, Index samples, Index lanes, T* to) {
  for (Index begin = 0; begin < features; begin += stretch) {
    const Index end = std::min(begin + stretch, features);
    for (Index n = 0; n < samples; ++n) {
      const auto* from = sample(n);
      for (Index i = begin; i < end; ++i) to[i * lanes + n] = convert(from[i]);
    }
    for (Index n = samples; n < lanes; ++n)
      for (Index i = begin; i < end; ++i) to[i * lanes + n] = T(0);
  }
}

template <class T, class From>
void pack_values(const void* data, const Selection& selection, const Tensor<T>& to, Index block, Index begin,
                 Index end) {
  const Index features = to.shape.features(), pixels = to.shape.pixels();
  const Index first = block * Blocks<T>::full_lanes;
  const auto sample = [&](Index n) {
    return static_cast<const From*>(data) + selection[first + n] * features + begin * pixels;
  };
  const Index count = (end - begin) * pixels, samples = to.blocks.samples_in(block);
  const Index lanes = to.blocks.lanes(block);
  T* target = to.channel(block, begin);
  if constexpr (sizeof(From) == 1) {
    static const std::array<T, 256> scaled = unit_interval<T>();
    interleave(sample, [](std::uint8_t v) { return scaled[v]; }, count, samples, lanes, target);
  } else {
    interleave(sample, [](From v) { return static_cast<T>(v); }, count, samples, lanes, target);
  }
}

}  // namespace

template <class T>
void pack(const Images& from, const Selection& selection, const Tensor<T>& to, Index block, Index begin, Index end) {
  switch (from.type) {
    case Images::Type::uint8: return pack_values<T, std::uint8_t>(from.data, selection, to, block, begin, end);
    case Images::Type::float32: return pack_values<T, float>(from.data, selection, to, block, begin, end);
    case Images::Type::float64: return pack_values<T, double>(from.data, selection, to, block, begin, end);
  }
}

template <class T>
void pack(const Targets& from, const Selection& selection, const Tensor<T>& to, Index block) {
  if (from.type == Targets::Type::float32)
    return pack_values<T, float>(from.data, selection, to, block, 0, to.shape.channels);
  if (from.type == Targets::Type::float64)
    return pack_values<T, double>(from.data, selection, to, block, 0, to.shape.channels);
  const Index lanes = to.blocks.lanes(block), first = block * Blocks<T>::full_lanes, classes = to.shape.features();
  T* target = to.block(block);
  std::fill(target, target + classes * lanes, T(0));
  for (Index n = 0; n < to.blocks.samples_in(block); ++n) {
    const std::int64_t label = from.labels()[selection[first + n]];
    if (classes == 1) target[n] = T(label);
    else if (label >= 0 && label < classes) target[label * lanes + n] = T(1);
  }
}

template <class T>
void unpack(const Tensor<T>& from, Index block, T* to) {
  const Index features = from.shape.features(), lanes = from.blocks.lanes(block);
  const T* source = from.block(block);
  to += block * Blocks<T>::full_lanes * features;
  for (Index begin = 0; begin < features; begin += stretch)
    for (Index n = 0; n < from.blocks.samples_in(block); ++n)
      for (Index i = begin; i < std::min(begin + stretch, features); ++i) to[n * features + i] = source[i * lanes + n];
}

template void pack(const Images&, const Selection&, const Tensor<float>&, Index, Index, Index);
template void pack(const Targets&, const Selection&, const Tensor<float>&, Index);
template void unpack(const Tensor<float>&, Index, float*);
template void pack(const Images&, const Selection&, const Tensor<double>&, Index, Index, Index);
template void pack(const Targets&, const Selection&, const Tensor<double>&, Index);
template void unpack(const Tensor<double>&, Index, double*);

}  // namespace cnnbp
