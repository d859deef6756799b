#include <stdexcept>

#include "network/checks.hpp"
#include "network/engine.hpp"

namespace cnnbp {
namespace {

template <class T>
std::int64_t parameter_bytes(const Graph<T>& graph, const Optimizer& optimizer) {
  const auto kept = static_cast<std::int64_t>(2 + state_names(optimizer).size());  // values and gradients are two
  std::int64_t numbers = 0;
  for (const auto& [name, layer] : graph.layers())
    for (const LayerParameter<T>& p : layer->parameters) numbers += p.size() * (p.trained ? kept : 1);
  return numbers * std::int64_t{sizeof(T)};
}

template <class T>
std::int64_t plan_bytes(const Graph<T>& graph, Loss loss, Index samples, Purpose purpose) {
  const DryRun dry;
  const Draws draws;
  const Plan<T> plan(graph, loss, samples, purpose, draws);
  return static_cast<std::int64_t>(dry.bytes());
}

}  // namespace

template <class T>
MemoryUse memory_use(const NetworkDefinition& definition, const Optimizer& optimizer, std::int64_t batch_size) {
  if (batch_size < 1)
    throw std::invalid_argument("batch_size is " + std::to_string(batch_size) + ", expected at least 1");
  const Graph<T> graph(definition, Fusing::on);
  const auto packed = static_cast<std::int64_t>(packed_size(graph)) * std::int64_t{sizeof(T)};
  const Index batch = forward_batch<T>(definition.input, summarize(definition));
  return {parameter_bytes(graph, optimizer), plan_bytes(graph, definition.loss, batch_size, Purpose::train),
          packed + plan_bytes(graph, definition.loss, batch, Purpose::predict)};
}

template MemoryUse memory_use<float>(const NetworkDefinition&, const Optimizer&, std::int64_t);
template MemoryUse memory_use<double>(const NetworkDefinition&, const Optimizer&, std::int64_t);

}  // namespace cnnbp
