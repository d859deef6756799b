#include "layers/dropout.hpp"

#include <algorithm>
#include <cnnbp/random.hpp>

namespace cnnbp {
namespace {

/// Keeps these counters apart from those of initial weights and permutations.
constexpr std::uint32_t dropping = 0x64726f70u;

std::uint32_t low(std::uint64_t number) { return static_cast<std::uint32_t>(number); }
std::uint32_t high(std::uint64_t number) { return static_cast<std::uint32_t>(number >> 32); }

/// Features of a block that lie one after another in every tensor of this shape, and are one task.
struct Piece {
  Index block, first, count;
};

class Pieces {
 public:
  explicit Pieces(const auto& tensor)
      : features_(tensor.shape.features()),
        size_(may_spread(tensor.shape) ? tensor.shape.pixels() : Index{256}),
        of_a_block_((features_ + size_ - 1) / size_) {}

  Index of_a_block() const { return of_a_block_; }
  Piece of(Index block, Index place) const {
    const Index first = place * size_;
    return {block, first, std::min(size_, features_ - first)};
  }

 private:
  Index features_, size_, of_a_block_;
};

template <class T>
T* start(const Tensor<T>& tensor, const Piece& piece) {
  const Index pixels = tensor.shape.pixels();
  return tensor.channel(piece.block, piece.first / pixels) + piece.first % pixels * tensor.blocks.lanes(piece.block);
}

}  // namespace

template <class T>
DropoutLayer<T>::DropoutLayer(const Dropout& definition)
    : threshold_(static_cast<std::uint32_t>(definition.p * 0x1p32)),
      scale_(static_cast<T>(1.0 / (1.0 - definition.p))) {}

/// A key of its own for each training pass and layer, so that the counter is free for features and samples.
template <class T>
Loop DropoutLayer<T>::forward_training(const Signal<T>& input, const Signal<T>& output, const Draws& draws) {
  const Pieces pieces(input.value);
  return over_parts(input.value.blocks, pieces.of_a_block(), [=, this, &draws](Index block, Index place) {
    const Piece piece = pieces.of(block, place);
    const Index lanes = input.value.blocks.lanes(piece.block);
    const auto key =
        philox({low(draws.passes), high(draws.passes), this->number, dropping}, {low(draws.seed), high(draws.seed)});
    T* y = start(output.value, piece);
    this->kernel.drop({.input = start(input.value, piece),
                       .output = y,
                       .mask = start(output.saved, piece),
                       .first_feature = piece.first,
                       .features = piece.count,
                       .first_sample = piece.block * Blocks<T>::full_lanes,
                       .lanes = lanes,
                       .key = {key[0], key[1]},
                       .stream = dropping,
                       .threshold = threshold_,
                       .scale = scale_});
    this->kernel.activate(output.function, y, piece.count * lanes);
  });
}

/// δ_i = f'(u_i) ∘ m ∘ δ
template <class T>
Loop DropoutLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const Pieces pieces(input.value);
  return over_parts(input.value.blocks, pieces.of_a_block(), [=, this](Index block, Index place) {
    const Piece piece = pieces.of(block, place);
    const Index count = piece.count * input.value.blocks.lanes(piece.block);
    T* delta = start(input.delta, piece);
    this->kernel.product(start(output.delta, piece), start(output.saved, piece), delta, count);
    this->kernel.multiply_by_derivative(input.function, start(input.value, piece), delta, count);
  });
}

template class DropoutLayer<float>;
template class DropoutLayer<double>;

}  // namespace cnnbp
