// Maps in lanes: [block of samples][channel][row][column][lane].
//
// A block is 64 bytes wide (16 floats, 8 doubles), whatever the instruction set. The last block of a batch may be half
// or a quarter as wide, so that a few samples do not pay for sixteen, and has one lane if it is for a single sample.
// Such a block lies in memory as a program's array does.
#pragma once

#include <cnnbp/definition.hpp>

#include "kernels/arguments.hpp"
#include "lanes/buffer.hpp"

namespace cnnbp {

/// How the samples of a batch fall into blocks.
template <class T>
class Blocks {
 public:
  static constexpr Index full_lanes = strip_width<T>;

  Blocks() = default;
  explicit Blocks(Index samples)
      : samples_(samples), full_(samples / full_lanes), narrow_(samples % full_lanes > 0 ? 1 : 0) {
    const Index rest = samples % full_lanes;
    if (rest < 2) {
      last_lanes_ = rest;
      return;
    }
    last_lanes_ = full_lanes / 4;
    while (last_lanes_ < rest) last_lanes_ *= 2;
  }
  /// A block of one lane for each sample: what a program's array is.
  static Blocks apart(Index samples) {
    Blocks blocks;
    blocks.samples_ = blocks.narrow_ = samples;
    blocks.last_lanes_ = 1;
    return blocks;
  }

  Index samples() const { return samples_; }
  Index count() const { return full_ + narrow_; }
  Index full() const { return full_; }
  Index lanes(Index block) const { return block < full_ ? full_lanes : last_lanes_; }
  /// Lanes of `block` that hold a sample; the ones after them are padding.
  Index samples_in(Index block) const { return block < full_ ? full_lanes : (samples_ - full_ * full_lanes) / narrow_; }
  Index all_lanes() const { return full_ * full_lanes + narrow_ * last_lanes_; }

 private:
  Index samples_ = 0, full_ = 0;
  Index narrow_ = 0, last_lanes_ = 0;  // blocks after the full ones, and their lanes
};

/// `count` elements up to whole lane vectors.
template <class T>
constexpr Index whole_vectors(Index count) {
  constexpr Index full = Blocks<T>::full_lanes;
  return (count + full - 1) / full * full;
}

/// The same up to 32 bytes: narrower vectors would save nothing, as their sums wait for each other.
template <class T>
constexpr Index whole_halves(Index count) {
  constexpr Index half = Blocks<T>::full_lanes / 2;
  return (count + half - 1) / half * half;
}

/// Whether planes of a multiple of 4 KB get a gap of five cache lines. Without any, the same pixel of all channels
/// falls into one set of the first cache, and a kernel that reads seven planes at once throws out what it is about to
/// read: gradient and delta of 64 channels of 32×32 gained a fifth. With one line more, the pixels that a tile reads of
/// a row, four to six, still share sets with those of the next channels: of 32×32 maps, deltas of 3 channels take a
/// tenth less with five, 3×3 convolutions of 16 channels 4 to 7 percent, and ResNet-20's step 0 to 2. A plane of one
/// page has rows so short that they fill all sets by themselves: with one line 8×8 maps take up to a tenth less than
/// with five. A narrow block's planes get as many: a pixel of it would leave every other channel's vectors across two
/// cache lines, and a 1×1 product of 8 samples took 14 percent longer.
enum class Spacing { contiguous, spread };

constexpr Index page_pixels = 4096 / 64;  // of a full block

/// Whether planes of such maps may lie apart.
inline bool may_spread(const Shape& shape) { return shape.pixels() % page_pixels == 0; }

/// A view of maps in lanes; their memory belongs to whoever made it.
template <class T>
class Tensor {
 public:
  T* data = nullptr;
  Shape shape;
  Blocks<T> blocks;
  Normalizing<T> normalizing = {};  // what readers make of the numbers, if they have been told to

  Tensor() = default;
  Tensor(T* d, const Shape& s, const Blocks<T>& b, Spacing spacing = Spacing::contiguous)
      : data(d),
        shape(s),
        blocks(b),
        gap_(spacing == Spacing::spread && may_spread(s) ? gap_lines(s) * Blocks<T>::full_lanes : 0) {}

  T* block(Index b) const { return data + b * shape.channels * channel_stride(0); }
  T* channel(Index b, Index c) const { return block(b) + c * channel_stride(b); }
  Index channel_stride(Index b) const { return shape.pixels() * blocks.lanes(b) + gap_; }
  Index row_stride(Index b) const { return shape.width * blocks.lanes(b); }
  Index size() const { return shape.channels * (shape.pixels() * blocks.all_lanes() + blocks.count() * gap_); }
  /// The same numbers as maps of another shape; for contiguous tensors.
  Tensor viewed_as(const Shape& other) const { return other == shape ? *this : Tensor(data, other, blocks); }

 private:
  static Index gap_lines(const Shape& s) { return s.pixels() > page_pixels ? 5 : 1; }
  Index gap_ = 0;  // elements after each channel
};

}  // namespace cnnbp
