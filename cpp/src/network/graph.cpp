#include "network/graph.hpp"

#include "layers/activation.hpp"
#include "layers/make_layer.hpp"

namespace cnnbp {

template <class T>
Graph<T>::Graph(const NetworkDefinition& definition, const std::vector<std::unique_ptr<Layer<T>>>& layers,
                Fusing fusing)
    : fusing_(fusing) {
  const std::vector<LayerSummary> summary = summarize(definition);
  Index signal = add_signal({.shape = definition.input, .needs_delta = fusing == Fusing::off});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Index input = signal;
    const Index middle = add_layer(definition.layers[i], layers[i].get(), input, summary[i].output_shape);
    signal = add_activation(activation_of(definition.layers[i]), middle);
    layers_.push_back({input, middle, signal});
  }
  at(memory_of(signal)).contiguous = true;  // the loss and the caller read it
  if (fusing == Fusing::off)
    for (SignalPlan& planned : signals_) planned.contiguous = true;  // the caller reads them all
}

template <class T>
Index Graph<T>::add_signal(SignalPlan signal) {
  signals_.push_back(signal);
  return static_cast<Index>(signals_.size()) - 1;
}

template <class T>
Index Graph<T>::add_node(Layer<T>* layer, Index input, const Shape& output) {
  const bool needs_delta = at(input).needs_delta || !layer->parameters.empty();
  const Index signal = add_signal({.shape = output, .saves = layer->saves(), .needs_delta = needs_delta});
  nodes_.push_back({layer, input, signal});
  return signal;
}

/// Fused, a Flatten is only another view of the same memory, and an activation layer nothing but its function.
template <class T>
Index Graph<T>::add_layer(const LayerDefinition& definition, Layer<T>* layer, Index input, const Shape& output) {
  if (reads_vector(definition)) at(memory_of(input)).contiguous = true;
  if (fusing_ == Fusing::on) {
    if (std::holds_alternative<Activation>(definition)) return input;
    if (std::holds_alternative<Flatten>(definition)) {
      const Index memory = memory_of(input);
      return add_signal(
          {.shape = output, .function = at(memory).function, .view_of = memory, .needs_delta = at(memory).needs_delta});
    }
  }
  return add_node(layer, input, output);
}

template <class T>
Index Graph<T>::add_activation(Function function, Index signal) {
  if (function == Function::identity) return signal;
  const Shape shape = at(signal).shape;
  if (function == Function::softmax) {
    activations_.push_back(std::make_unique<SoftmaxLayer<T>>());
    const Index output = add_node(activations_.back().get(), signal, shape);
    at(memory_of(signal)).contiguous = at(output).contiguous = true;
    at(output).takes_function = false;
    return output;
  }
  const Index memory = memory_of(signal);
  const bool has_writer = memory > 0;  // signal 0 is the input, which belongs to the caller's batch
  const bool free = at(memory).takes_function && at(memory).function == Elementwise::identity;
  if (fusing_ == Fusing::on && has_writer && free) {
    at(memory).function = at(signal).function = elementwise(function);
    return signal;
  }
  activations_.push_back(std::make_unique<CopyLayer<T>>());
  const Index output = add_node(activations_.back().get(), signal, shape);
  at(output).function = elementwise(function);
  return output;
}

template class Graph<float>;
template class Graph<double>;

}  // namespace cnnbp
