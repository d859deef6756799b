// From a definition to the layers that compute it and the signals between them.
#pragma once

#include "layers/layer.hpp"

namespace cnnbp {

/// What will become of one place in the network, before there is a batch and memory.
struct SignalPlan {
  Shape shape;
  Elementwise function = Elementwise::identity;
  Index view_of = -1;          // another signal's memory in another shape
  bool takes_function = true;  // no: the layer that writes it needs the value as it was for its delta
  bool contiguous = false;     // read as one vector of features
  bool saves = false;          // the layer that writes it keeps something for its delta
  bool needs_delta = false;    // parameters, or whoever asks for the input's delta, lie before it
};

template <class T>
struct Node {
  Layer<T>* layer;
  Index input, output;  // signals
};

/// The signals of one layer of the definition.
struct LayerSignals {
  Index input, pre_activation, output;
};

enum class Fusing { on, off };

/// The order of computation. With fusing, an activation is attached to the signal before it and costs no pass
/// of its own; without, every pre-activation is kept, which is what a trace shows.
template <class T>
class Graph {
 public:
  Graph(const NetworkDefinition& definition, const std::vector<std::unique_ptr<Layer<T>>>& layers, Fusing fusing);

  const std::vector<Node<T>>& nodes() const { return nodes_; }
  const std::vector<SignalPlan>& signals() const { return signals_; }
  const std::vector<LayerSignals>& layers() const { return layers_; }
  Index output() const { return static_cast<Index>(signals_.size()) - 1; }

 private:
  Index add_signal(SignalPlan signal);
  Index add_node(Layer<T>* layer, Index input, const Shape& output);
  Index add_layer(const LayerDefinition& definition, Layer<T>* layer, Index input, const Shape& output);
  Index add_activation(Function function, Index signal);
  Index memory_of(Index signal) { return at(signal).view_of >= 0 ? at(signal).view_of : signal; }
  SignalPlan& at(Index signal) { return signals_[static_cast<std::size_t>(signal)]; }

  Fusing fusing_;
  std::vector<Node<T>> nodes_;
  std::vector<SignalPlan> signals_;
  std::vector<LayerSignals> layers_;
  std::vector<std::unique_ptr<Layer<T>>> activations_;
};

}  // namespace cnnbp
