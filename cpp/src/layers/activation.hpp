// Activations that are not fused into the layer before them.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// u = x, perhaps in another shape: a copy whose output has the activation attached, as every other layer's.
template <class T>
class CopyLayer : public Layer<T> {
 public:
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
};

/// p_c = exp(x_c) / Σ_k exp(x_k) over the channels;  δ = p ∘ (δ − Σ_k δ_k p_k).
template <class T>
class SoftmaxLayer : public Layer<T> {
 public:
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
};

/// The element-wise function of that name; softmax is none.
Elementwise elementwise(Function function);

}  // namespace cnnbp
