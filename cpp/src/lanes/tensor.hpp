// Maps in lanes: [block of samples][channel][row][column][lane].
//
// A block is 64 bytes wide (16 floats, 8 doubles), whatever the instruction set. The last block of a batch
// may be half or a quarter as wide, so that a few samples do not pay for sixteen.
#pragma once

#include <cnnbp/definition.hpp>

#include "kernels/arguments.hpp"
#include "lanes/buffer.hpp"

namespace cnnbp {

/// How the samples of a batch fall into blocks.
template <class T>
class Blocks {
 public:
  static constexpr Index full_lanes = 64 / sizeof(T);

  Blocks() = default;
  explicit Blocks(Index samples) : samples_(samples), full_(samples / full_lanes) {
    const Index rest = samples % full_lanes;
    if (rest == 0) return;
    last_lanes_ = full_lanes / 4;
    while (last_lanes_ < rest) last_lanes_ *= 2;
  }

  Index samples() const { return samples_; }
  Index count() const { return full_ + (last_lanes_ > 0 ? 1 : 0); }
  Index full() const { return full_; }
  Index lanes(Index block) const { return block < full_ ? full_lanes : last_lanes_; }
  /// Lanes of `block` that hold a sample; the ones after them are padding.
  Index samples_in(Index block) const { return block < full_ ? full_lanes : samples_ - full_ * full_lanes; }
  Index all_lanes() const { return full_ * full_lanes + last_lanes_; }

 private:
  Index samples_ = 0, full_ = 0;
  Index last_lanes_ = 0;  // of the block after the full ones, 0 when there is none
};

/// A view of maps in lanes; their memory belongs to whoever made it.
template <class T>
struct Tensor {
  T* data = nullptr;
  Shape shape;
  Blocks<T> blocks;

  T* block(Index b) const { return data + b * Blocks<T>::full_lanes * shape.features(); }
  T* channel(Index b, Index c) const { return block(b) + c * channel_stride(b); }
  Index channel_stride(Index b) const { return shape.pixels() * blocks.lanes(b); }
  Index row_stride(Index b) const { return shape.width * blocks.lanes(b); }
  Index size() const { return blocks.all_lanes() * shape.features(); }
  Tensor viewed_as(Shape other) const { return {data, other, blocks}; }
};

}  // namespace cnnbp
