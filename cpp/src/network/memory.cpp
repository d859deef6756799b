#include <limits>
#include <stdexcept>

#include "layers/geometry.hpp"
#include "network/checks.hpp"
#include "network/engine.hpp"

namespace cnnbp {
namespace {

constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();

template <class T>
std::int64_t parameter_bytes(const Graph<T>& graph, const Optimizer& optimizer) {
  const std::size_t averages = options_of(optimizer).ema_decay ? 1 : 0;
  const auto kept = static_cast<std::int64_t>(2 + state_names(optimizer).size() + averages);  // 2: values, gradients
  std::int64_t numbers = 0;
  for (const auto& [name, layer] : graph.layers())
    for (const LayerParameter<T>& p : layer->parameters) numbers += p.size() * (p.trained ? kept : 1);
  return numbers * std::int64_t{sizeof(T)};
}

/// As large as options may be, and no map of more numbers than any machine holds.
void check_batch_size(std::int64_t size, const Shape& input, const std::vector<LayerSummary>& summary) {
  const std::string given = "batch_size is " + std::to_string(size);
  if (size < 1 || size > most) throw std::invalid_argument(given + ", expected 1 to " + std::to_string(most));
  checked_product({size, input.features()}, given + ", so x");
  for (const LayerSummary& layer : summary)
    checked_product({size, layer.output_shape.features()}, given + ", so the output of layer " + layer.name);
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
  const std::vector<LayerSummary> summary = summarize(checked<T>(definition));
  checked<T>(optimizer);
  check_batch_size(batch_size, definition.input, summary);
  const DryRun dry;
  const Graph<T> graph(definition, Fusing::on);
  const auto made_of_parameters = static_cast<std::int64_t>(dry.bytes());  // what layers keep besides
  const auto packed = static_cast<std::int64_t>(packed_size(graph)) * std::int64_t{sizeof(T)};
  const Index batch = forward_batch<T>(definition.input, summary);
  return {made_of_parameters + parameter_bytes(graph, optimizer),
          plan_bytes(graph, definition.loss, batch_size, Purpose::train),
          packed + plan_bytes(graph, definition.loss, batch, Purpose::predict)};
}

template MemoryUse memory_use<float>(const NetworkDefinition&, const Optimizer&, std::int64_t);
template MemoryUse memory_use<double>(const NetworkDefinition&, const Optimizer&, std::int64_t);

}  // namespace cnnbp
