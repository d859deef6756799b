// Where a plan's arrays lie: one stretch of memory, shared by lifetimes, and arrays that lie where others do.
#include "network/plan.hpp"

namespace cnnbp {

/// Tensors without memory, and when they need it.
template <class T>
auto Plan<T>::shape_signals() -> std::vector<Request> {
  const bool trains = purpose_ == Purpose::train;
  std::vector<Request> requests;
  const auto want = [&](Tensor<T>& tensor, const Shape& shape, Spacing spacing, const Lifetime& lifetime) {
    tensor = Tensor<T>(nullptr, shape, Blocks<T>(samples_), spacing);
    requests.push_back({&tensor.data, tensor.size(), lifetime});
  };
  signals_.resize(graph_.signals().size());
  parts_.resize(signals_.size());
  made_again_.resize(signals_.size());
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    const SignalPlan& planned = graph_.signals()[i];
    const SignalLifetimes& in_use = lifetimes_.signals()[i];
    const Spacing spacing = planned.contiguous ? Spacing::contiguous : Spacing::spread;
    signals_[i].function = planned.function;
    if (planned.view_of >= 0) continue;
    if (i == 0) request_batches(requests);
    else if (planned.normalized_from >= 0) signals_[i].value = {};  // see share_values
    else if (passes_by(planned, in_use))
      signals_[i].value = Tensor<T>(nullptr, planned.shape, Blocks<T>(samples_), spacing);
    else want(signals_[i].value, planned.shape, spacing, in_use.value);
    if (!in_use.made_again.empty()) want(made_again_[i], planned.shape, spacing, in_use.made_again);
    if (trains && planned.saved) want(signals_[i].saved, *planned.saved, spacing, in_use.saved);
    if (!trains || !planned.needs_delta) continue;
    const auto own = [&](std::size_t part) {
      return graph_.passed({static_cast<Index>(i), static_cast<Index>(part)}) < 0;
    };
    parts_[i].resize(in_use.parts.size());
    if (planned.delta_is_made) signals_[i].delta = Tensor<T>(nullptr, planned.shape, Blocks<T>(samples_), spacing);
    else if (!planned.delta_in_value && (!parts_[i].empty() || own(0)))
      want(signals_[i].delta, planned.shape, spacing, in_use.delta);
    for (std::size_t r = planned.first_adds ? 1 : 0; r < parts_[i].size(); ++r)
      if (own(r)) want(parts_[i][r], planned.shape, spacing, in_use.parts[r]);
  }
  if (trains) {
    request_moments(requests);
    request_for_forward(requests);
    request_for_backward(requests);
  }
  return requests;
}

/// Those of training are there for the whole step, as the next one finds them loaded.
template <class T>
void Plan<T>::request_batches(std::vector<Request>& requests) {
  const SignalPlan& input = graph_.signals().front();
  const Shape target{graph_.signals().back().shape.features(), 1, 1};
  const auto want = [&](Tensor<T>& tensor, const Shape& shape, Spacing spacing, const Lifetime& lifetime) {
    tensor = Tensor<T>(nullptr, shape, Blocks<T>(samples_), spacing);
    requests.push_back({&tensor.data, tensor.size(), batches_.size() > 1 ? lifetimes_.whole() : lifetime});
  };
  for (Batch& batch : batches_) {
    const Spacing spacing = input.contiguous ? Spacing::contiguous : Spacing::spread;
    want(batch.images, input.shape, spacing, lifetimes_.signals().front().value);
    if (purpose_ != Purpose::predict) want(batch.targets, target, Spacing::contiguous, lifetimes_.target());
  }
}

template <class T>
void Plan<T>::request_for_forward(std::vector<Request>& requests) {
  packed_for_forward_.resize(graph_.nodes().size());
  for (std::size_t i = 0; i < packed_for_forward_.size(); ++i)
    if (const Layer<T>* layer = graph_.nodes()[i].layer; layer && layer->packed_for_forward(samples_) > 0)
      requests.push_back(
          {&packed_for_forward_[i], layer->packed_for_forward(samples_), lifetimes_.packed_for_forward()[i]});
}

/// Parameters are packed only where a delta is wanted.
template <class T>
void Plan<T>::request_for_backward(std::vector<Request>& requests) {
  packed_for_delta_.resize(graph_.backward().size());
  workspaces_.resize(packed_for_delta_.size());
  for (std::size_t i = 0; i < packed_for_delta_.size(); ++i) {
    const Node<T>* node = graph_.backward()[i].node;
    if (node == nullptr || node->layer == nullptr) continue;
    const Index packed = node->layer->packed_for_delta(samples_);
    if (graph_.needs_delta(node->inputs[0].signal) && packed > 0)
      requests.push_back({&packed_for_delta_[i], packed, lifetimes_.packed_for_delta()[i]});
    if (node->layer->learns())
      requests.push_back(
          {&workspaces_[i], node->layer->gradient_workspace(Blocks<T>(samples_)), lifetimes_.workspaces()[i]});
  }
}

template <class T>
void Plan<T>::share_memory(const std::vector<Request>& requests, Memory lent) {
  std::vector<ArenaRequest> sizes;
  for (const auto& [place, size, lifetime] : requests) sizes.push_back({size, lifetime});
  const ArenaPlaces places = place(sizes, Blocks<T>::full_lanes);
  const auto size = static_cast<std::size_t>(places.size);
  memory_ = lent && lent->size() >= size ? std::move(lent) : std::make_shared<const Buffer<T>>(size);
  for (std::size_t i = 0; i < requests.size(); ++i) *requests[i].place = memory_->data() + places.offsets[i];
}

/// In as many parts as the writer of the values makes them.
template <class T>
void Plan<T>::request_moments(std::vector<Request>& requests) {
  moments_.resize(signals_.size());
  for (std::size_t i = 1; i < graph_.nodes().size(); ++i) {
    if (!graph_.nodes()[i].measures) continue;
    const auto measured = static_cast<std::size_t>(graph_.nodes()[i].inputs[0].signal);
    const Index parts = graph_.nodes()[i - 1].layer->pixel_parts(Blocks<T>(samples_));
    const Index numbers = parts * signals_[measured].value.shape.channels * Index{sizeof(Moments<T>) / sizeof(T)};
    if (parts > 0) requests.push_back({&moments_[measured], numbers, lifetimes_.signals()[measured].moments});
    signals_[measured].parts = parts;
  }
}

/// Values that their readers make of another's.
template <class T>
void Plan<T>::share_values() {
  for (const Node<T>& node : graph_.nodes()) {
    const Index from = graph_.signals()[static_cast<std::size_t>(node.output)].normalized_from;
    if (from < 0) continue;
    Tensor<T>& value = signals_[static_cast<std::size_t>(node.output)].value;
    value = signal(from).value;
    value.normalizing = node.layer->normalizing();
  }
}

/// Those that lie where the value was; then from the joins that pass them on, the last one first, as it may pass one on
/// to another.
template <class T>
void Plan<T>::share_deltas() {
  for (std::size_t i = 0; i < signals_.size(); ++i)
    if (graph_.signals()[i].delta_in_value)
      signals_[i].delta = made_again_[i].data ? made_again_[i] : signals_[i].value;
  for (auto node = graph_.nodes().rbegin(); node != graph_.nodes().rend(); ++node)
    for (const Reading& reading : node->inputs)
      if (const Index from = graph_.passed(reading); from >= 0) {
        const auto input = static_cast<std::size_t>(reading.signal), part = static_cast<std::size_t>(reading.part);
        (parts_[input].empty() ? signals_[input].delta : parts_[input][part]) = signal(from).delta;
      }
}

/// The backward pass has them in place of the values that forward has left.
template <class T>
void Plan<T>::swap_made_again() {
  for (std::size_t i = 0; i < signals_.size(); ++i)
    if (made_again_[i].data) std::swap(signals_[i].value, made_again_[i]);
  share_values();
  make_views();
}

template <class T>
void Plan<T>::make_views() {
  for (std::size_t i = 0; i < signals_.size(); ++i) {
    const SignalPlan& planned = graph_.signals()[i];
    if (planned.view_of < 0) continue;
    signals_[i].value = signal(planned.view_of).value.viewed_as(planned.shape);
    signals_[i].delta = signal(planned.view_of).delta.viewed_as(planned.shape);
  }
}

template <class T>
void Plan<T>::use(const Batch& batch) {
  signals_.front().value = batch.images;
  make_views();
}

template <class T>
void Plan<T>::find_memory(Memory lent) {
  share_memory(shape_signals(), std::move(lent));
  for (std::size_t i = 0; i < moments_.size(); ++i) signals_[i].moments = reinterpret_cast<Moments<T>*>(moments_[i]);
  share_values();
  if (purpose_ == Purpose::train) share_deltas();
}

template void Plan<float>::find_memory(Memory);
template void Plan<double>::find_memory(Memory);
template void Plan<float>::swap_made_again();
template void Plan<double>::swap_made_again();
template void Plan<float>::use(const Batch&);
template void Plan<double>::use(const Batch&);

}  // namespace cnnbp
