// What every layer is: forward, propagate_delta and accumulate_gradients, each as loops over tasks.
#pragma once

#include <algorithm>
#include <cnnbp/network.hpp>
#include <limits>
#include <memory>
#include <optional>

#include "dispatch/dispatch.hpp"
#include "lanes/tensor.hpp"
#include "threads/team.hpp"

namespace cnnbp {

/// Writes some rows of one channel of a block to `to`; `spare` has room for as many.
template <class T>
using MakeRows = std::function<void(Index block, Index channel, Span rows, T* to, T* spare)>;

/// What max pooling of 2 × 2 pixels sends back: the deltas of its output, and where they go.
template <class T>
struct Unpooled {
  Tensor<T> delta, taps;
};

/// The delta of a layer's output: in memory or, where that has a shape alone, as it comes back through a pooling layer.
template <class T>
struct Source {
  Tensor<T> map;
  MakeRows<T> rows = {};
  Unpooled<T> unpooled = {};  // without memory: only rows are made
};

/// A rectangle of one channel of a block.
struct Pixels {
  Index block, channel;
  Span rows, columns;
  Index part = 0;  // its number among those of its channel in all blocks, see `Layer::pixel_parts`
};

/// Calls body(offset in the plane, elements) for the stretches of a map that the pixels are.
template <class T, class Body>
void over_stretches(const Tensor<T>& map, const Pixels& pixels, Body body) {
  const Index lanes = map.blocks.lanes(pixels.block), row = map.row_stride(pixels.block);
  const Index width = (pixels.columns.end - pixels.columns.begin) * lanes, height = pixels.rows.end - pixels.rows.begin;
  const Index together = width == row ? height : 1;  // rows that are one stretch
  for (Index r = pixels.rows.begin; r < pixels.rows.end; r += together)
    body(r * row + pixels.columns.begin * lanes, together * width);
}

/// Called with pixels that have their values, while these are still in the cache. They lie where they would if their
/// channel, with the map's rows, started at `plane`.
template <class T>
using TakePixels = std::function<void(const Pixels&, T* plane)>;

/// Maps between two layers. `value` is f(u), with f the activation attached to them; `delta` is ∂E/∂u. So
/// whoever writes a value ends with f, and whoever writes a delta ends with f'(u).
template <class T>
struct Signal {
  Tensor<T> value, delta;
  Tensor<T> saved;  // what a layer's forward pass keeps for its delta
  Elementwise function = {};
  MakeRows<T> delta_rows = {};    // where `delta` has a shape but no memory
  Unpooled<T> unpooled = {};      // there, too, if the layer reads it
  TakePixels<T> take = {};        // the reader's, if it goes along with who writes; that may have no memory then
  Moments<T>* moments = nullptr;  // of the value's parts, [channel][part], if its reader measures them as they are made
  Index parts = 0;
  /// Terms that u and ∂E/∂f have beside what their writer makes; without memory there are none. See `Layer::adds`.
  Tensor<T> added = {}, added_delta = {};
};

/// Rows that `MakeRows` makes at once, and rows and columns that `TakePixels` takes at once, or a multiple of them.
constexpr Index rows_together = 2;

/// A task for each of `parts` parts of every block: run(block, part).
template <class T, class Run>
Loop over_parts(const Blocks<T>& blocks, Index parts, Run run) {
  return {blocks.count() * parts, [=](Index task, std::byte*) { run(task / parts, task % parts); }};
}

/// A task for every plane: run(block, channel).
template <class T, class Run>
Loop over_planes(const Tensor<T>& tensor, Run run) {
  return over_parts(tensor.blocks, tensor.shape.channels, run);
}

/// An array of numbers; a layer says what it needs, the network gives the memory.
template <class T>
struct LayerParameter {
  std::string name;  // "weight"
  std::vector<std::int64_t> shape;
  bool trained = true;                   // no: it has no gradient
  std::int64_t fan_in = 0, fan_out = 0;  // of the initial distribution; both 0: starts at `constant`
  double constant = 0.0;
  std::vector<Span> zeros = {};  // stretches of the array that stay at 0; their gradients must be 0
  T* value = nullptr;
  T* gradient = nullptr;

  std::int64_t size() const {
    std::int64_t n = 1;
    for (const std::int64_t extent : shape) n *= extent;
    return n;
  }
};

/// What the random numbers of a training pass depend on, beside the layer that draws them.
struct Draws {
  std::uint64_t seed = 0;
  std::uint64_t passes = 0;  // training passes before this one
};

/// Values that a layer's backward pass is made of.
struct Reads {
  bool input = true, output = false;
  bool slope = true;  // the input's, for its f'(u)
};

/// Parameters that are packed for so many samples serve any number.
constexpr Index any_samples = std::numeric_limits<Index>::max();

/// The first phases of a layer's gradients, so many, may use the workspace; after them that memory may be another's.
constexpr Index gradient_phases = 2;

/// Made for one input shape, used with any batch. The loops that a layer returns hold on to the signals' memory
/// and to the layer, and may run any number of times.
template <class T>
class Layer {
 public:
  virtual ~Layer() = default;

  /// Its place among the network's layers, which keeps its draws apart from theirs.
  std::uint32_t number = 0;

  /// weight, then bias; empty for a layer without.
  std::vector<LayerParameter<T>> parameters;
  bool learns() const {
    return std::any_of(parameters.begin(), parameters.end(), [](const auto& p) { return p.trained; });
  }

  /// What the layer computes of its parameters before they are packed; it holds until they change.
  virtual Loop prepare() { return {}; }
  /// Elements of the parameters in the order that forward reads, for so many samples; 0 if it reads them as they are.
  virtual Index packed_for_forward(Index /*samples*/) const { return 0; }
  /// Brings them into that order. Loops of forward that are asked for from then on find them in `packed`, or do without
  /// if that is null.
  virtual Loop pack_forward(T* /*packed*/) { return {}; }
  /// Elements that they take in the order that the delta reads, in the same way.
  virtual Index packed_for_delta(Index /*samples*/) const { return 0; }
  /// Brings them into that order, in memory that is theirs until the delta has been sent back. The loop runs after
  /// pack_forward's; those of propagate_delta read what the one asked for last has left.
  virtual Loop pack_delta(T* /*packed*/) { return {}; }
  /// What the parameters themselves, as last packed, add to the loss.
  virtual double penalty() const { return 0.0; }
  /// What its slopes are multiplied by where gradients get them, as deltas are before they come.
  double penalty_scale = 1.0;
  /// Numbers made of the parameters, as last packed, that a trace shows beside them.
  virtual std::optional<TracedArray<T>> traced() const { return {}; }
  /// Shape of what forward leaves in `saved` for the delta.
  virtual std::optional<Shape> saves(const Shape& /*output*/) const { return {}; }

  /// Other values' memory may be another's by then. `function` is attached to the output.
  virtual Reads backward_reads(const Elementwise& /*function*/) const { return {}; }

  /// Whether forward adds `output.added` before f, and propagate_delta `input.added_delta` before f'. Then nobody walks
  /// the map again for the sum. Such a layer does not read its output's value in the backward pass.
  virtual bool adds() const { return false; }
  /// The numbers with which readers of the input make this layer's output with a ReLU, if it can leave that to them:
  /// where `output.value` has them, it is the input, and forward only finds them.
  virtual Normalizing<T> normalizing() const { return {}; }
  /// Whether the input may be one that this layer normalizes.
  virtual bool normalizes_input() const { return false; }
  /// Whether `output.added` may be.
  virtual bool normalizes_added() const { return false; }
  /// Whether samples that have a block of one lane each, as arrays have them, take about as long as in lanes.
  virtual bool suits_samples_apart() const { return false; }
  /// output = f(u(input))
  virtual Loop forward(const Signal<T>& input, const Signal<T>& output) = 0;
  /// The same in training, for layers that do something else then. One training pass runs at a time.
  virtual Loop forward_training(const Signal<T>& input, const Signal<T>& output, const Draws& /*draws*/) {
    return forward(input, output);
  }
  /// Whether a batch of one sample has enough values.
  virtual bool trains_on_one() const { return true; }
  /// Whether a ReLU may be attached to the output instead of the input: the same numbers and deltas.
  virtual bool passes_relu() const { return false; }
  /// Whether forward, after forward_training, makes the same output once more and changes nothing else.
  virtual bool repeats() const { return false; }
  /// Whether forward calls `output.take`, and does without memory for the output's value.
  virtual bool makes_pixels() const { return false; }
  /// Whether propagate_delta calls `input.take`, and does without memory for the input's delta.
  virtual bool makes_delta_pixels() const { return false; }
  /// Whether the layer can go forward from pixels as they are made, in training or otherwise, and how.
  virtual bool takes_pixels(bool /*in_training*/) const { return false; }
  virtual TakePixels<T> take_pixels(const Signal<T>& /*input*/, const Signal<T>& /*output*/) { return {}; }
  /// In how many parts, which have numbers, forward makes a channel of such a batch; 0: they have none.
  virtual Index pixel_parts(const Blocks<T>& /*blocks*/) const { return 0; }
  /// Whether the layer takes moments of its input in training, and how, if they are taken as pixels are made.
  virtual bool measures_pixels() const { return false; }
  virtual TakePixels<T> measure_pixels(const Signal<T>& /*input*/) { return {}; }
  /// Whether the gradients of a layer that sends no delta back may be made of rows of its output's delta.
  virtual bool reads_delta_rows() const { return false; }
  /// Whether the layer can make rows of its input's delta, and how.
  virtual bool makes_delta_rows() const { return false; }
  virtual MakeRows<T> delta_rows(const Signal<T>& /*input*/, const Signal<T>& /*output*/) { return {}; }
  /// Whether the gradients and, where the layer `sends_back` one, the delta may be made of an unpooled one.
  virtual bool reads_unpooled(bool /*sends_back*/) const { return false; }
  /// Whether the layer is max pooling of 2 × 2 pixels; then `output.delta` and `output.saved` are the unpooled delta,
  /// if no function is attached to the input.
  virtual bool unpools() const { return false; }
  /// input.delta is overwritten: f'(u) ∘ what output.delta sends back.
  virtual Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) = 0;
  /// Whether input.delta may lie where output.delta does.
  virtual bool overwrites_delta() const { return false; }
  /// The first phases of the gradients, so many, read signals.
  virtual Index reading_phases() const { return gradient_phases; }
  /// Whether input.delta may lie where input.value does, when gradients no longer read it.
  virtual bool overwrites_input() const { return false; }
  /// Elements that the gradients' first phase leaves for the second.
  virtual Index gradient_workspace(const Blocks<T>& /*blocks*/) const { return 0; }
  /// Adds to every parameter's gradient; asked for only if the layer learns. `workspace` holds whatever was left there;
  /// see `gradient_phases`.
  virtual Schedule accumulate_gradients(const Signal<T>& /*input*/, const Signal<T>& /*output*/, T* /*workspace*/) {
    return {};
  }

 protected:
  const KernelTable<T>& kernel = kernels().of<T>();  // here, as choosing them may throw and loops may not
};

}  // namespace cnnbp
