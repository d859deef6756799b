#include <cnnbp/timing.hpp>

#include <chrono>
#include <stdexcept>

#include "layers/conv2d.hpp"

namespace cnnbp {
namespace {

/// Memory for one signal, filled with small numbers that no run turns into denormals.
struct Maps {
  explicit Maps(std::int64_t batch, const Shape& shape)
      : tensor(nullptr, shape, Blocks<float>(batch), Spacing::spread), memory(static_cast<std::size_t>(tensor.size())) {
    tensor.data = memory.data();
    for (std::size_t i = 0; i < memory.size(); ++i) tensor.data[i] = float(i % 7) - 3.0f;
  }
  Tensor<float> tensor;
  Buffer<float> memory;
};

/// For the weights as forward or the delta reads them, or for what the gradient's phases leave.
Index memory_of(const Conv2dLayer<float>& layer, const Blocks<float>& blocks, Pass pass) {
  if (pass == Pass::gradient) return layer.gradient_workspace(blocks);
  return pass == Pass::forward ? layer.packed_for_forward(blocks.samples()) : layer.packed_for_delta(blocks.samples());
}

Schedule schedule_of(Conv2dLayer<float>& layer, const Signal<float>& input, const Signal<float>& output, Pass pass,
                     float* memory) {
  switch (pass) {
    case Pass::forward: return {{layer.pack_forward(memory)}, {layer.forward(input, output)}};
    case Pass::delta: return {{layer.pack_delta(memory)}, {layer.propagate_delta(input, output)}};
    case Pass::gradient: return layer.accumulate_gradients(input, output, memory);
  }
  throw std::invalid_argument("unknown pass");
}

}  // namespace

std::vector<double> time_conv2d(const Conv2d& definition, Shape input, std::int64_t batch, Pass pass, int repeats) {
  if (batch < 1) throw std::invalid_argument("batch is " + std::to_string(batch) + ", expected at least 1");
  if (repeats < 1 || repeats > 1'000'000)
    throw std::invalid_argument("repeats is " + std::to_string(repeats) + ", expected 1 to 1000000");
  const Shape output = output_shape(definition, input);
  for (const Shape& shape : {input, output})
    checked_product({batch, shape.features()}, "batch " + std::to_string(batch));
  const Maps x(batch, input), delta_in(batch, input), y(batch, output), delta_out(batch, output);
  Conv2dLayer<float> layer(definition, input);
  std::vector<Buffer<float>> memory;
  for (LayerParameter<float>& p : layer.parameters) {
    memory.emplace_back(static_cast<std::size_t>(2 * p.size()));
    p.value = memory.back().data();
    p.gradient = p.value + p.size();
    for (std::int64_t i = 0; i < p.size(); ++i) p.value[i] = float(i % 5) - 2.0f;
  }
  const Signal<float> below{.value = x.tensor, .delta = delta_in.tensor, .saved = {}};
  const Signal<float> above{.value = y.tensor, .delta = delta_out.tensor, .saved = {}};
  const Buffer<float> own(static_cast<std::size_t>(memory_of(layer, x.tensor.blocks, pass)));
  const Schedule schedule = schedule_of(layer, below, above, pass, own.data());
  run({&schedule});
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run({&schedule});
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return seconds;
}

}  // namespace cnnbp
