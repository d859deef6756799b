#include "layers/winograd.hpp"

namespace cnnbp {
namespace {

/// With few patches the targets are split among tasks, at least so many to a task: each transforms all sources. (With
/// 32, one image of VGG-small took 1.1 times as long.) A single patch is two tasks, at least: one image of ResNet-20
/// and of LeNet takes a tenth to a sixth less on two threads by it, and up to an eighth more on one.
constexpr Index wanted_tasks = 16, least_task_channels = 64;

/// Fewer patches than this wait for the longest: a batch of 50 would be three and a quarter. They are half as wide
/// then, if the weights are so few numbers (128 KB) that reading them twice as often costs nothing. So are those of
/// many channels with a stride, whose phases are summed together: 8 percent of 128 channels.
constexpr Index least_patches = 8, few = Index{1} << 15;

}  // namespace

template <class T>
Index WinogradSum<T>::vectors(const Blocks<T>& blocks) const {
  const bool many_points = this->has_many_points() && this->shape_.phases() > 1;
  const bool few_patches =
      this->packed_size(any_samples) <= few && std::ssize(patches(blocks, patch_vectors)) < least_patches;
  return many_points || few_patches ? patch_vectors / 2 : patch_vectors;
}

/// The targets of a patch.
template <class T>
Pixels WinogradSum<T>::pixels_of(const Patch& patch, Index number) const {
  const WinogradSide& side = this->shape_.target;
  const auto pixels = [&](Span tiles, Index first, Index size) {
    return Span{std::max<Index>(first + tiles.begin * side.step, 0), std::min(first + tiles.end * side.step, size)};
  };
  return {patch.block, 0, pixels(patch.rows, side.first_row, this->shape_.target_height),
          pixels(patch.columns, side.first_column, this->shape_.target_width), number};
}

template <class T>
void WinogradSum<T>::sum_patch(const Source<T>& source, const Tensor<T>& target, const Weights& weights,
                               const Patch& patch, Index number, Span channels, const Memory& memory,
                               const Finish& finish) const {
  Pixels pixels = pixels_of(patch, number);
  this->multiply({source, target, weights, patch, channels, this->kernel_->winograd->input}, memory.points,
                 [&](WinogradTiles<T> to, Span group) {
                   const Planes planes = this->planes(target, patch.block, group.begin, pixels.rows, memory.rows);
                   if (!target.data) {
                     to.map = planes.first;
                     to.channel_stride = planes.channel_stride;
                   }
                   this->kernel_->winograd->output(to, weights.bias_from(group.begin));
                   for (pixels.channel = group.begin; pixels.channel < group.end; ++pixels.channel)
                     finish(pixels, planes.first + (pixels.channel - group.begin) * planes.channel_stride);
                 });
}

template <class T>
Loop WinogradSum<T>::sum(const Source<T>& source, const Tensor<T>& target, const Weights& weights,
                         Finish finish) const {
  const Index vectors = this->vectors(source.map.blocks);
  const std::vector<Patch> patches = this->patches(source.map.blocks, vectors);
  const Index count = static_cast<Index>(patches.size());
  Index rows = 0;  // of the highest patch
  for (const Patch& patch : patches)
    rows = std::max(rows, (patch.rows.end - patch.rows.begin) * this->shape_.target.step);
  const Index targets = this->shape_.target_channels;
  const Index least = count == 1 ? std::min(least_task_channels, (targets + 1) / 2) : least_task_channels;
  const Index most = std::max(least, targets / std::max<Index>(1, wanted_tasks / count));
  const std::vector<Span> parts = even_parts(targets, most);
  const Index points = this->scratch(most, vectors, weights);
  return {count * static_cast<Index>(parts.size()),
          [=, this](Index task, std::byte* memory) {
            sum_patch(source, target, weights, patches[static_cast<std::size_t>(task % count)], task % count,
                      parts[static_cast<std::size_t>(task / count)],
                      {reinterpret_cast<T*>(memory), reinterpret_cast<T*>(memory) + points}, finish);
          },
          static_cast<std::size_t>(points + this->scratch_for(target, this->most_grouped(), rows)) * sizeof(T)};
}

template class WinogradSum<float>;
template class WinogradSum<double>;

}  // namespace cnnbp
