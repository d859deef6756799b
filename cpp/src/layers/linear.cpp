#include "layers/linear.hpp"

#include <algorithm>

#include "layers/channel_sum.hpp"
#include "layers/gradient_sum.hpp"

namespace cnnbp {
namespace {

/// What a task of the gradient reads of the input again and again, for each tile of outputs, stays in the first cache
/// (32 KB). It is a whole number of lane vectors.
constexpr Index gradient_bytes = 24 * 1024;

/// The gradient's tasks, at least, if there are as many tiles.
constexpr Index wanted_tasks = 16;

/// Rows of a register tile of the gradient, and outputs of a task of the forward pass: two tiles.
/// Products of few columns have tiles of up to 32 rows.
constexpr Index tile_rows = 6, product_outputs = 12, few_outputs = 32;

/// With so many tasks each takes its outputs through all blocks, so that its weights are read once; with fewer, through
/// so many blocks as fill a register tile.
constexpr Index enough_tasks = 16, least_blocks = 4;

/// Weights that stay in the first cache (32 KB) are multiplied block by block, up to so many outputs a task: a thread
/// then finds in its own caches what it left there of a block, which took longer to fetch from another's than to
/// multiply. Steps of the toolbox's network and LeNet take 1 to 2 percent less.
constexpr Index small_bytes = 32 * 1024, most_outputs = 96;

/// So many features each, and what is left.
std::vector<Span> parts_of(Index features, Index size) {
  std::vector<Span> spans;
  for (Index first = 0; first < features; first += size) spans.push_back({first, std::min(first + size, features)});
  return spans;
}

/// Maps as the features that they are.
template <class T>
Tensor<T> vector(const Tensor<T>& maps) {
  return maps.viewed_as({maps.shape.features(), 1, 1});
}

}  // namespace

template <class T>
LinearLayer<T>::LinearLayer(const Linear& definition, const Shape& input)
    : in_features_(input.features()), out_features_(definition.out_features) {
  this->parameters.push_back(
      {.name = "weight", .shape = {out_features_, in_features_}, .fan_in = in_features_, .fan_out = out_features_});
  if (definition.bias) this->parameters.push_back({.name = "bias", .shape = {out_features_}});
}

/// target = W' · source + b, where number k of row m is weight[m · row_stride + k · row_step]: W itself or its
/// transpose, read where it lies. Full blocks are columns side by side, strips of one product.
template <class T>
Loop LinearLayer<T>::product(const Tensor<T>& source, const Tensor<T>& target, Index row_stride, Index row_step,
                             T* const* bias, Finish finish) const {
  const bool small = in_features_ * out_features_ * Index{sizeof(T)} <= small_bytes;
  const Index channels = target.shape.channels;
  const bool transposed = row_step > 1;
  const bool few = source.blocks.all_lanes() <= few_columns;
  // A task of the transpose has the lines of weights for itself: the delta of 500 × 800 weights takes a fifth less by
  // this, and by asking for them, than with twelve outputs a task.
  const std::vector<Span> outputs = small        ? even_parts(channels, most_outputs)
                                    : transposed ? parts_of(channels, strip_width<T>)
                                    : few        ? parts_of(channels, few_outputs)
                                                 : even_parts(channels, product_outputs);
  const Index count = static_cast<Index>(outputs.size()), full = source.blocks.full();
  const Index together = count < enough_tasks ? least_blocks : std::max<Index>(1, full);
  std::vector<Span> blocks = even_parts(full, small ? 1 : together);
  if (source.blocks.count() > full) blocks.push_back({full, full + 1});
  return {count * static_cast<Index>(blocks.size()), [=, this](Index task, std::byte*) {
            const Span rows = outputs[static_cast<std::size_t>(task % count)];
            const Span span = blocks[static_cast<std::size_t>(task / count)];
            const Index lanes = source.blocks.lanes(span.begin);
            for (Index b = span.begin; b < span.end; ++b)
              for (Index row = rows.begin; row < rows.end; ++row)
                std::fill_n(target.channel(b, row), lanes, bias ? (*bias)[row] : T(0));
            this->kernel.multiply({.a = this->parameters[0].value + rows.begin * row_stride,
                                   .b = source.block(span.begin),
                                   .c = target.channel(span.begin, rows.begin),
                                   .rows = rows.end - rows.begin,
                                   .inner = source.shape.channels,
                                   .columns = (span.end - span.begin) * lanes,
                                   .a_stride = row_stride,
                                   .b_stride = lanes,
                                   .c_stride = lanes,
                                   .accumulate = true,
                                   .a_step = row_step,
                                   .b_strip_stride = source.block(1) - source.block(0),
                                   .c_strip_stride = target.block(1) - target.block(0)});
            for (Index b = span.begin; b < span.end; ++b) finish(b, rows);
          }};
}

template <class T>
Loop LinearLayer<T>::forward(const Signal<T>& input, const Signal<T>& output) {
  T* const* bias = this->parameters.size() > 1 ? &this->parameters[1].value : nullptr;
  const Tensor<T> y = output.value;
  return product(vector(input.value), y, in_features_, 1, bias, [=, this](Index block, Span rows) {
    this->kernel.activate(output.function, y.channel(block, rows.begin),
                          (rows.end - rows.begin) * y.blocks.lanes(block));
  });
}

/// fvd = f'(u) ∘ Wᵀ·od
template <class T>
Loop LinearLayer<T>::propagate_delta(const Signal<T>& input, const Signal<T>& output) {
  const Tensor<T> x = vector(input.value), delta = vector(input.delta);
  return product(output.delta, delta, 1, in_features_, nullptr, [=, this](Index block, Span rows) {
    this->kernel.multiply_by_derivative(input.function, x.channel(block, rows.begin), delta.channel(block, rows.begin),
                                        (rows.end - rows.begin) * delta.blocks.lanes(block));
  });
}

template <class T>
Index LinearLayer<T>::gradient_workspace(const Blocks<T>& blocks) const {
  return blocks.all_lanes() * whole_vectors<T>(in_features_) + blocks.samples() * out_features_;
}

/// ∂E/∂W = od·fvᵀ and ∂E/∂b = Σ_n od. First input and delta leave the lanes, the input as a row a sample: then a
/// gradient is a sum over samples, with no lanes to be added up at its end.
template <class T>
Schedule LinearLayer<T>::accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) {
  const Tensor<T> x = vector(input.value), delta = output.delta;
  const Index samples = x.blocks.samples(), stride = whole_vectors<T>(in_features_);
  T* const deltas = workspace + x.blocks.all_lanes() * stride;
  const Loop to_rows{x.blocks.count(), [=, this](Index b, std::byte*) { leave_lanes(x, delta, b, workspace, deltas); }};
  constexpr Index lanes = Blocks<T>::full_lanes;
  const Index most = std::max<Index>(1, gradient_bytes / (samples * Index{sizeof(T)} * lanes));
  const std::vector<Span> features = even_parts(stride / lanes, most);
  const Index tiles = (out_features_ + tile_rows - 1) / tile_rows, parts = static_cast<Index>(features.size());
  const Index shares = std::clamp<Index>((wanted_tasks + parts - 1) / parts, 1, tiles);
  const Loop sum{parts * shares, [=, this](Index task, std::byte*) {
                   const Span part = features[static_cast<std::size_t>(task % parts)];
                   const Span columns{part.begin * lanes, std::min(part.end * lanes, in_features_)};
                   const Index share = task / parts;
                   for (Index tile = tiles * share / shares; tile < tiles * (share + 1) / shares; ++tile) {
                     const Span outputs{out_features_ * tile / tiles, out_features_ * (tile + 1) / tiles};
                     accumulate(workspace, deltas, samples, outputs, columns);
                   }
                 }};
  Schedule schedule{{to_rows}, {sum}};
  if (this->parameters.size() > 1) schedule[0].push_back(bias_gradient<T>({delta}, this->parameters[1].gradient));
  return schedule;
}

/// A block's samples as rows of features, filled up with zeros, and its deltas as a row an output.
template <class T>
void LinearLayer<T>::leave_lanes(const Tensor<T>& x, const Tensor<T>& delta, Index block, T* rows, T* deltas) const {
  const Index lanes = x.blocks.lanes(block), stride = whole_vectors<T>(in_features_), samples = x.blocks.samples();
  const Index first = block * Blocks<T>::full_lanes;
  rows += first * stride;
  this->kernel.transpose({.from = x.block(block),
                          .to = rows,
                          .rows = in_features_,
                          .columns = lanes,
                          .from_stride = lanes,
                          .to_stride = stride});
  for (Index n = 0; n < lanes; ++n) std::fill(rows + n * stride + in_features_, rows + (n + 1) * stride, T(0));
  for (Index o = 0; o < out_features_; ++o)
    std::copy_n(delta.block(block) + o * lanes, x.blocks.samples_in(block), deltas + o * samples + first);
}

template <class T>
void LinearLayer<T>::accumulate(const T* rows, const T* deltas, Index samples, Span outputs, Span features) const {
  this->kernel.accumulate_outer_product({
      .input_rows = rows + features.begin,
      .delta = deltas + outputs.begin * samples,
      .gradient = this->parameters[0].gradient + outputs.begin * in_features_ + features.begin,
      .samples = samples,
      .row_stride = whole_vectors<T>(in_features_),
      .features = features.end - features.begin,
      .gradient_stride = in_features_,
      .tile = outputs.end - outputs.begin,
  });
}

template class LinearLayer<float>;
template class LinearLayer<double>;

}  // namespace cnnbp
