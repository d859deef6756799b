// Where several signals become one.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// As a Layer, with several inputs and no parameters. An input whose delta nobody wants has none.
template <class T>
class Join {
 public:
  virtual ~Join() = default;

  virtual Loop forward(const std::vector<Signal<T>>& inputs, const Signal<T>& output) = 0;
  virtual Loop propagate_delta(const std::vector<Signal<T>>& inputs, const Signal<T>& output) = 0;
  /// Whether an input's delta is the output's as it is, but for f'(u): then a plan may have one array for both.
  virtual bool passes_delta() const { return false; }

 protected:
  const KernelTable<T>& kernel = kernels().of<T>();
};

/// u = x_0 + x_1;  δ_i = f'(u_i) ∘ δ.
template <class T>
class SumJoin : public Join<T> {
 public:
  Loop forward(const std::vector<Signal<T>>& inputs, const Signal<T>& output) override;
  Loop propagate_delta(const std::vector<Signal<T>>& inputs, const Signal<T>& output) override;
  bool passes_delta() const override { return true; }
};

/// The channels of all inputs, one after the other;  δ_i = f'(u_i) ∘ its channels of δ.
template <class T>
class ConcatJoin : public Join<T> {
 public:
  Loop forward(const std::vector<Signal<T>>& inputs, const Signal<T>& output) override;
  Loop propagate_delta(const std::vector<Signal<T>>& inputs, const Signal<T>& output) override;
};

/// δ = f'(u) ∘ Σ parts, for a signal that several layers read: each of them leaves its part.
template <class T>
Loop sum_deltas(const Signal<T>& signal, const std::vector<Tensor<T>>& parts);

}  // namespace cnnbp
