#include "layers/winograd_delta.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// With few blocks the targets are split among tasks, at least so many to a task: each transforms all sources.
constexpr Index wanted_tasks = 4, least_task_channels = 16;

}  // namespace

/// A task is one block and some target channels: tiles that overlap have one writer.
template <class T>
Loop WinogradDelta<T>::sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights,
                           Finish finish) const {
  const Index vectors = delta_vectors(this->shape_.source.size, this->shape_.source_channels);
  const std::vector<Patch> patches =
      patches_of(source.map.blocks, this->shape_.tiles_down, this->shape_.tiles_across, vectors);
  const Index blocks = source.map.blocks.count(), channels = this->shape_.target_channels;
  const Index most = std::max(least_task_channels, channels / std::max<Index>(1, wanted_tasks / blocks));
  const std::vector<Span> parts = even_parts(channels, most);
  return {blocks * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* memory) {
            const Index block = task % blocks, plane = target.shape.pixels() * target.blocks.lanes(block);
            const Span part = parts[static_cast<std::size_t>(task / blocks)];
            for (Index c = part.begin; c < part.end; ++c)
              std::fill_n(target.channel(block, c), plane, weights.bias ? *weights.bias_from(c) : T(0));
            for (const Patch& patch : patches)
              if (patch.block == block)
                this->multiply({source, target, weights, patch, part, this->kernel_->winograd->delta},
                               reinterpret_cast<T*>(memory), [this](const WinogradTiles<T>& group, Span) {
                                 this->kernel_->winograd->input_delta(group);
                               });
            for (Index c = part.begin; c < part.end; ++c)
              finish({block, c, {0, target.shape.height}, {0, target.shape.width}}, target.channel(block, c));
          },
          static_cast<std::size_t>(this->scratch(most, vectors, weights)) * sizeof(T)};
}

template class WinogradDelta<float>;
template class WinogradDelta<double>;

}  // namespace cnnbp
