#include "layers/winograd_delta.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// With few blocks the targets are split among tasks, at least so many to a task: each transforms all sources.
constexpr Index wanted_tasks = 4, least_task_channels = 16;

}  // namespace

template <class T>
void WinogradDelta<T>::add_patch(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights,
                                 const Patch& patch, Span channels, T* scratch) const {
  WinogradTiles<T> from = this->tiles(source, patch), to = this->tiles(target, patch);
  from.points = scratch;
  from.point_stride = point_stride<T>(from.channels, from.point_channel_stride);
  this->kernel_->winograd_delta(from);
  to.row += this->shape_.first_row;
  to.column += this->shape_.first_column;
  to.points = scratch + this->points() * from.point_stride;
  T* const map = to.map;
  this->for_each_group(channels, [&](Span group) {
    to.map = map + group.begin * to.channel_stride;
    to.channels = group.end - group.begin;
    to.point_stride = point_stride<T>(to.channels, to.point_channel_stride);
    this->multiply(from, to, group.begin, weights.packed);
    this->kernel_->winograd_input_delta(to);
  });
}

/// A task is one block and some target channels: tiles that overlap have one writer.
template <class T>
Loop WinogradDelta<T>::sum(const Tensor<T>& source, const Tensor<T>& target, const Weights& weights,
                           Finish finish) const {
  const std::vector<Patch> patches = patches_of(source.blocks, this->shape_.source_height, this->shape_.source_width);
  const Index blocks = source.blocks.count(), channels = this->shape_.target_channels;
  const std::vector<Span> parts =
      even_parts(channels, std::max(least_task_channels, channels / std::max<Index>(1, wanted_tasks / blocks)));
  return {blocks * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* memory) {
            const Index block = task % blocks, plane = target.shape.pixels() * target.blocks.lanes(block);
            const Span part = parts[static_cast<std::size_t>(task / blocks)];
            for (Index c = part.begin; c < part.end; ++c)
              std::fill_n(target.channel(block, c), plane, weights.bias ? *weights.bias_from(c) : T(0));
            for (const Patch& patch : patches)
              if (patch.block == block) add_patch(source, target, weights, patch, part, reinterpret_cast<T*>(memory));
            for (Index c = part.begin; c < part.end; ++c) finish(block, c * target.channel_stride(block), plane);
          },
          static_cast<std::size_t>(this->scratch()) * sizeof(T)};
}

template class WinogradDelta<float>;
template class WinogradDelta<double>;

}  // namespace cnnbp
