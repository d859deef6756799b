// What every layer is: forward, propagate_delta and accumulate_gradients, each as loops over tasks.
#pragma once

#include <cnnbp/network.hpp>

#include "dispatch/dispatch.hpp"
#include "lanes/tensor.hpp"
#include "threads/team.hpp"

namespace cnnbp {

/// Maps between two layers. `value` is f(u), with f the activation attached to them; `delta` is ∂E/∂u. So
/// whoever writes a value ends with f, and whoever writes a delta ends with f'(u).
template <class T>
struct Signal {
  Tensor<T> value, delta;
  Tensor<T> saved;  // what a layer's forward pass keeps for its delta
  Elementwise function = Elementwise::identity;
};

/// An array of trained numbers; a layer says what it needs, the network gives the memory.
template <class T>
struct LayerParameter {
  std::string name;  // "weight"
  std::vector<std::int64_t> shape;
  std::int64_t fan_in = 0, fan_out = 0;  // of the initial distribution; both 0: starts at `constant`
  double constant = 0.0;
  T* value = nullptr;
  T* gradient = nullptr;

  std::int64_t size() const {
    std::int64_t n = 1;
    for (const std::int64_t extent : shape) n *= extent;
    return n;
  }
};

/// Made for one input shape, used with any batch. The loops that a layer returns hold on to the signals' memory
/// and to the layer, and may run any number of times.
template <class T>
class Layer {
 public:
  virtual ~Layer() = default;

  /// weight, then bias; empty for a layer without.
  std::vector<LayerParameter<T>> parameters;

  /// Called after others wrote to the parameters: brings back what the layer holds constant.
  virtual void hold_parameters() {}
  /// Brings the parameters into the order that the kernels read, for forward and, in training, for the delta.
  virtual Phase pack_parameters(bool /*training*/) { return {}; }
  /// Whether forward writes `saved`, of the output's shape.
  virtual bool saves() const { return false; }

  /// output = f(u(input))
  virtual Loop forward(const Signal<T>& input, const Signal<T>& output) = 0;
  /// input.delta is overwritten: f'(u) ∘ what output.delta sends back.
  virtual Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) = 0;
  /// Adds to every parameter's gradient. The loops run one after the other.
  virtual Schedule accumulate_gradients(const Signal<T>& /*input*/, const Signal<T>& /*output*/) { return {}; }

 protected:
  const KernelTable<T>& kernel = kernels().of<T>();  // here, as choosing them may throw and loops may not
};

}  // namespace cnnbp
