// Arrays on their way into the lanes and out of them.
#pragma once

#include <cnnbp/functional.hpp>

#include <algorithm>

#include "lanes/pack.hpp"
#include "layers/channel_sum.hpp"

namespace cnnbp::functional {

/// What moving an element into or out of the lanes costs, in multiply-adds.
constexpr double move_work = 8.0;

/// A task moves so many pixels or more, where channels have few: one by one, features of a linear layer would not be
/// turned by the kernel.
constexpr Index pixels_together = 256;

/// An array in lanes, with memory of its own or, if its pixels leave as they are made, none; or as it lies, if the
/// layer suits samples apart.
template <class T>
class Lanes {
 public:
  enum class Memory { own, none, array };

  template <class U>
  explicit Lanes(const Array<U>& array, Memory memory = Memory::own)
      : tensor_(nullptr, array.shape, memory == Memory::array ? Blocks<T>::apart(array.count) : Blocks<T>(array.count)),
        memory_(memory == Memory::own ? static_cast<std::size_t>(tensor_.size()) : 0, Contents::anything) {
    tensor_.data = memory == Memory::array ? const_cast<T*>(array.data) : memory_.data();
  }

  const Tensor<T>& tensor() const { return tensor_; }
  double move_work() const { return moves() ? functional::move_work * double(tensor_.size()) : 0.0; }

  Loop bring_in(Array<const T> from) const {
    if (!moves()) return {};
    const Images images(from.data, from.count);
    return over_parts_of([=, maps = tensor_, turn = transpose_](Index block, Span channels) {
      pack(images, {}, maps, block, channels, turn);
    });
  }

  Loop bring_out(Array<T> to) const {
    if (!moves()) return {};
    return over_parts_of([=, maps = tensor_, turn = transpose_](Index block, Span channels) {
      const Index pixels = maps.shape.pixels(), count = (channels.end - channels.begin) * pixels;
      unpack({maps.channel(block, channels.begin), count, block, channels.begin * pixels}, maps, to.data, turn);
    });
  }

  /// Brings pixels out as they are made: they need no memory in lanes, which would be written and read once more.
  TakePixels<T> taking(Array<T> to) const {
    return [=, maps = tensor_, turn = transpose_](const Pixels& pixels, T* plane) {
      const Index lanes = maps.blocks.lanes(pixels.block), channel = pixels.channel * maps.shape.pixels();
      over_stretches(maps, pixels, [&](Index first, Index count) {
        unpack({plane + first, count / lanes, pixels.block, channel + first / lanes}, maps, to.data, turn);
      });
    };
  }

 private:
  /// Whether the array lies elsewhere.
  bool moves() const { return tensor_.data == memory_.data(); }

  template <class Body>
  Loop over_parts_of(Body body) const {
    const Shape& shape = tensor_.shape;
    const auto parts = even_parts(shape.channels, std::max<Index>(1, pixels_together / shape.pixels()));
    return over_parts(tensor_.blocks, std::ssize(parts),
                      [=](Index block, Index part) { body(block, parts[static_cast<std::size_t>(part)]); });
  }

  Tensor<T> tensor_;
  Buffer<T> memory_;
  Transpose<T> transpose_ = kernels().of<T>().transpose;
};

}  // namespace cnnbp::functional
