// The delta by Winograd's algorithm, as the transpose of its forward pass: δ_x = Σ B [ Σ (G w Gᵀ) ∘ (A δ Aᵀ) ] Bᵀ. It
// has the forward pass's tiles, where the sum like the forward pass (winograd.hpp) has as many as the input needs; but
// they overlap in the input's delta.
#pragma once

#include "layers/winograd_products.hpp"

namespace cnnbp {

template <class T>
class WinogradDelta : public WinogradProducts<T> {
 public:
  using WinogradProducts<T>::WinogradProducts;

  bool does_without_memory() const override { return false; }

 private:
  using typename ChannelSum<T>::Finish, typename ChannelSum<T>::Weights;

  Loop sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights, Finish finish) const override;
};

}  // namespace cnnbp
