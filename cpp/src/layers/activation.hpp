// Activations that are not fused into the layer before them.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// The element-wise function of that name; softmax is none.
Elementwise elementwise(Function function);

/// Whether f' is not known from f: the function falls and rises.
bool slope_needs_argument(Function function);

/// u = x, perhaps in another shape: a copy whose output has the activation attached, as every other layer's.
template <class T>
class CopyLayer : public Layer<T> {
 public:
  Reads backward_reads(const Elementwise&) const override { return {.input = false}; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
};

/// y = f(x) for functions that fall and rise: their slope is not known from y, so x is kept.
template <class T>
class GateLayer : public Layer<T> {
 public:
  explicit GateLayer(Function function) : function_(elementwise(function)) {}
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;

 private:
  Elementwise function_;
};

/// p_c = exp(x_c) / Σ_k exp(x_k) over the channels;  δ = p ∘ (δ − Σ_k δ_k p_k).
template <class T>
class SoftmaxLayer : public Layer<T> {
 public:
  Reads backward_reads(const Elementwise&) const override { return {.input = false, .output = true}; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
};

}  // namespace cnnbp
