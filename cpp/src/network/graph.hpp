// From a definition to the layers that compute it and the signals between them.
#pragma once

#include "layers/join.hpp"
#include "layers/layer.hpp"

namespace cnnbp {

/// What will become of one place in the network, before there is a batch and memory.
struct SignalPlan {
  Shape shape;
  bool is_vector = false;
  Elementwise function = {};
  Index view_of = -1;               // another signal's memory in another shape
  bool takes_function = true;       // no: someone needs the value as it is
  bool contiguous = false;          // read as one vector of features
  Index normalized_from = -1;       // another signal whose value it is, which its readers normalize
  std::optional<Shape> saved = {};  // what the layer that writes it keeps for its delta
  bool in_pixels = false;           // its reader may go along: unless the backward pass reads it, too, nobody keeps it
  bool delta_is_made = false;       // nobody keeps it: it is made of what its reader sends back, as it is read
  std::optional<std::int64_t> repeats_for = {};  // the work of a sample that makes it again, if its layer can
  bool delta_in_value = false;                   // its reader leaves the delta where the value was
  bool needs_delta = false;                      // parameters, or whoever asks for the input's delta, lie before it
  Index readers = 0;                             // with more than one, each leaves a part of the delta
  std::vector<Index> passed = {};                // by reader: the signal whose delta is its part as it is, or -1
  bool first_adds = false;  // the first of two readers adds the other's part to its own: the sum is the delta
};

/// One of the readers of a signal.
struct Reading {
  Index signal, part;
};

/// A layer at work, or a join. A layer reads its first input; it adds the second, if there is one, to its output.
template <class T>
struct Node {
  Layer<T>* layer;
  Join<T>* join;
  std::vector<Reading> inputs;
  Index output;
  bool goes_along = false;   // forward may run with the node before it, on the pixels that this has just made
  bool in_training = false;  // in training, too
  bool measures = false;     // or, in training, takes their moments, if they are made in parts that have numbers
};

/// Whether so many packed parameters get a phase of their own, from 2 MB on: its barrier is nothing beside the packing,
/// and what the phase before it needs is not there at the same time.
template <class T>
constexpr bool packs_apart(Index elements) {
  return elements * Index{sizeof(T)} >= Index{1} << 21;
}

/// The same of those of a training step's forward pass.
template <class T>
bool packs_apart(const Node<T>& node) {
  return node.layer && packs_apart<T>(node.layer->packed_for_forward(any_samples));
}

/// A step of the backward pass: delta and gradients of a node or, without one, the sum of a signal's parts.
template <class T>
struct BackwardStep {
  const Node<T>* node;
  Index signal;
  const Node<T>* maker = nullptr;  // makes rows of the output's delta as the node's gradients read them
  bool unpools = false;            // or the node makes pixels of what the maker, max pooling, sends back
};

template <class T>
struct NamedLayer {
  std::string name;  // "1.body.0"
  std::unique_ptr<Layer<T>> layer;
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
  Graph(const NetworkDefinition& definition, Fusing fusing);
  Graph(const Graph&) = delete;

  const std::vector<Node<T>>& nodes() const { return nodes_; }
  const std::vector<BackwardStep<T>>& backward() const { return backward_; }  // after the loss
  const std::vector<SignalPlan>& signals() const { return signals_; }
  const std::vector<NamedLayer<T>>& layers() const { return layers_; }
  const std::vector<LayerSignals>& places() const { return places_; }  // in the order of `summarize`
  Index output() const { return output_; }
  Fusing fusing() const { return fusing_; }
  bool needs_delta(Index signal) const { return signals_[static_cast<std::size_t>(signal)].needs_delta; }
  /// What the forward pass does to a sample, as `repeats_for` counts it.
  std::int64_t forward_work() const { return forward_work_; }
  /// The signal whose delta is the reading's as it is, or becomes it, or -1: then it has no memory of its own.
  Index passed(const Reading& reading) const {
    const SignalPlan& read = signals_[static_cast<std::size_t>(memory_of(reading.signal))];
    return read.passed.empty() ? -1 : read.passed[static_cast<std::size_t>(reading.part)];
  }
  /// Whether this reader writes the whole delta, and adds the other's part to its own.
  bool adds_part(const Reading& reading) const {
    return reading.part == 0 && signals_[static_cast<std::size_t>(memory_of(reading.signal))].first_adds;
  }
  /// The signal whose value has the memory.
  Index value_of(Index signal) const {
    const Index memory = memory_of(signal), from = signals_[static_cast<std::size_t>(memory)].normalized_from;
    return from >= 0 ? from : memory;
  }
  Index memory_of(Index signal) const {
    const Index view = signals_[static_cast<std::size_t>(signal)].view_of;
    return view >= 0 ? view : signal;
  }

 private:
  Index add_signal(SignalPlan signal);
  Index add_node(Layer<T>* layer, Index input, const Shape& shape, bool is_vector);
  Index add_join(std::unique_ptr<Join<T>> join, const std::vector<Index>& inputs, const Shape& shape);
  Reading read(Index signal);
  Index add_layers(const std::vector<LayerDefinition>& layers, const std::string& prefix, Index input);
  Index add_layer(const LayerDefinition& definition, const std::string& name, Index input);
  Index add_single(const LayerDefinition& definition, const std::string& name, Index input);
  Index add_activation(Function function, Index signal);
  Index add_extra(std::unique_ptr<Layer<T>> layer, Index input);
  bool passes(const Reading& reading, Index output) const;
  bool writes_sum(const Node<T>& writer, const Node<T>& join) const;
  void fuse(const std::vector<LayerSummary>& summary);
  void fuse_sums();
  void pass_relus();
  void fuse_pixels();
  void find_measured();
  void fuse_normalizing();
  void find_repeatable(const std::vector<LayerSummary>& summary);
  bool leaves_normalizing(const Node<T>& writer) const;
  bool readers_normalize(Index signal) const;
  bool overwrites(const Node<T>& node) const;
  bool overwrites_input(const Node<T>& node) const;
  void pass_deltas(const Node<T>& node);
  void add_parts(const Node<T>& node);
  void add_gathering(Index signal);
  void order_backward();
  void add_backward(const Node<T>* node, Index signal);
  bool unpools(const Node<T>& node, const Node<T>& reader) const;
  const Node<T>* maker_for(const Node<T>& node) const;
  SignalPlan& at(Index signal) { return signals_[static_cast<std::size_t>(signal)]; }
  SignalPlan& memory(Index signal) { return at(memory_of(signal)); }

  Fusing fusing_;
  std::vector<Node<T>> nodes_;
  std::vector<BackwardStep<T>> backward_;
  std::vector<SignalPlan> signals_;
  std::vector<NamedLayer<T>> layers_;
  std::vector<LayerSignals> places_;
  std::vector<std::unique_ptr<Layer<T>>> extra_;  // activations that could not be attached
  std::vector<std::unique_ptr<Join<T>>> joins_;
  Index output_ = 0;
  std::int64_t forward_work_ = 0;
};

}  // namespace cnnbp
