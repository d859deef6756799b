/// A network that trains.
#pragma once

#include <cnnbp/definition.hpp>
#include <cnnbp/optimizer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace cnnbp {

/// Images (N, C, H, W), C-contiguous: floating point as it is, uint8 scaled to [0, 1]. `data` points to all
/// `count` · C · H · W numbers, which stay there during the call.
struct Images {
  enum class Type { uint8, float32, float64 };
  const void* data;
  std::int64_t count;
  Type type;

  Images(const std::uint8_t* d, std::int64_t n) : data(d), count(n), type(Type::uint8) {}
  Images(const float* d, std::int64_t n) : data(d), count(n), type(Type::float32) {}
  Images(const double* d, std::int64_t n) : data(d), count(n), type(Type::float64) {}
};

/// Class numbers (N,), or target values (N, features), and what each sample weighs in the mean: (N,), or empty for
/// 1 each. `data` points to all `count` class numbers or `count` · features values, which stay there during the call.
struct Targets {
  enum class Type { labels, float32, float64 };
  using Weights = std::span<const double>;
  const void* data;
  std::int64_t count;
  Type type;
  Weights weights;

  Targets(const std::int64_t* d, std::int64_t n, Weights w = {}) : data(d), count(n), type(Type::labels), weights(w) {}
  Targets(const float* d, std::int64_t n, Weights w = {}) : data(d), count(n), type(Type::float32), weights(w) {}
  Targets(const double* d, std::int64_t n, Weights w = {}) : data(d), count(n), type(Type::float64), weights(w) {}

  /// The class numbers, or null.
  const std::int64_t* labels() const { return type == Type::labels ? static_cast<const std::int64_t*>(data) : nullptr; }
};

/// Mean loss, and the share of the samples' weight that is right: the largest output is at the class, or at a largest
/// target. With one output: it is above ½, or with BCEWithLogits above 0, where the target is above ½; with several
/// and BCEWithLogits' targets, the share of a sample's outputs of which that is true. MSE, L1 and Huber have none with
/// targets that are not all 0 or 1.
struct Evaluation {
  double loss;
  std::optional<double> accuracy = {};
};

/// Of the batches of an epoch: each one's mean loss, and what its samples weigh together, with their classes' weights.
struct BatchLosses {
  std::vector<double> losses, weights;
};

/// How far a network has come: updates since the optimizer's state was zero, and training passes.
struct Counts {
  std::int64_t optimizer_steps, training_passes;
};

/// Bytes that a network asks for.
struct MemoryUse {
  std::int64_t parameters;  ///< with their gradients, what layers make of them, and what the optimizer keeps
  std::int64_t training;    ///< further ones, of steps with one batch size
  std::int64_t prediction;  ///< further ones, of predictions and evaluations by one thread
};

/// Of a network of T, float or double, found out without any of it. Throws as `summarize` does, and for batches that
/// no machine's memory holds.
template <class T>
MemoryUse memory_use(const NetworkDefinition& definition, const Optimizer& optimizer, std::int64_t batch_size);

/// One array of parameters and its companions, in the field's shape: (out, in, kh, kw), (out, in) or (out,).
template <class T>
struct Parameter {
  std::string name;  ///< "0.weight": the layer's place in the list first
  std::vector<std::int64_t> shape;
  std::span<T> value, gradient;                             ///< no gradient, where it is not trained
  std::vector<std::pair<std::string, std::span<T>>> state;  ///< what the optimizer keeps: "exp_avg", …
};

/// An array of a trace.
template <class T>
struct TracedArray {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<T> values;
};

/// T is float or double. Calls that change the network exclude each other and every other call; any number of
/// threads may call the const ones at once. Arguments are checked first: std::invalid_argument names what was
/// given and what is expected, and nothing has changed. One that has been moved from may be assigned to or destroyed.
template <class T>
class Network {
 public:
  /// First weights and the masks of Dropout are drawn from `seed`; the order of samples is the caller's, as drawn by
  /// `permutation`. To go on later, save definition, optimizer and seed, `parameters()` with their state, and both
  /// counts: a network made of the first three that is given the others goes on with the same bits.
  explicit Network(NetworkDefinition definition, Optimizer optimizer = SGD{}, std::uint64_t seed = 0);
  ~Network();
  Network(Network&&) noexcept;
  Network& operator=(Network&&) noexcept;

  const NetworkDefinition& definition() const;
  const std::vector<LayerSummary>& summary() const;

  /// Gives one parameter, such as "0.weight", new first values: those of a network that began with this initializer.
  void initialize(const std::string& name, const Initializer& initializer);
  /// Gives one parameter these values, in the order of its shape.
  void set_parameter(const std::string& name, std::span<const T> values);

  Optimizer optimizer() const;
  /// A rule of the same kind goes on with the state that is there, another starts at zero.
  void set_optimizer(Optimizer optimizer);
  /// Updates since the state was zero, which Adam and Adagrad count.
  std::int64_t optimizer_steps() const;
  void set_optimizer_steps(std::int64_t steps);

  /// Training passes so far, which the masks of Dropout depend on.
  std::int64_t training_passes() const;
  void set_training_passes(std::int64_t passes);

  /// One step on one batch: gradients of the mean loss, then the update. Returns the loss before it.
  double train_step(Images x, Targets y);

  /// Steps over the samples that `order` names, batch by batch; the last batch may be smaller. `on_batch` gets
  /// the number of batches done and the last loss; the epoch ends when it returns false. `lr` has a rate for
  /// every batch; without it, the optimizer's is used. A batch is read while the one before it trains.
  BatchLosses train_epoch(Images x, Targets y, std::span<const std::int64_t> order, std::int64_t batch_size,
                          const std::function<bool(std::int64_t, double)>& on_batch = {},
                          std::span<const double> lr = {});

  /// Adds the gradients of the mean loss, times `scale`, to what `zero_gradients` or earlier calls left. Returns the
  /// loss without it. Parts of n of N samples with scale n / N come to the gradients of the mean over all N.
  double accumulate_gradients(Images x, Targets y, double scale = 1.0);
  void apply_gradients();
  void zero_gradients();

  /// Throws what the calls with these samples would throw, but for one: to train on a batch of 1 sample is refused
  /// where a BatchNorm2d has maps of one pixel.
  void check(Images x, Targets y) const;

  /// Over any number of samples. `go_on` is asked now and then; false ends the call with std::runtime_error. It may
  /// call const functions of the network; those that change it throw std::logic_error there.
  Evaluation evaluate(Images x, Targets y, const std::function<bool()>& go_on = {}) const;

  /// Outputs (N, features) of the last layer. `go_on` is as in `evaluate`.
  void predict(Images x, std::span<T> output, const std::function<bool()>& go_on = {}) const;

  /// Every layer's input, pre-activation, output, delta (of the pre-activation) and gradients for one batch.
  std::vector<TracedArray<T>> trace(Images x, Targets y) const;

  /// Views into the network, valid as long as it lives. Where several threads use it, read them inside `read`;
  /// write to values inside `change` always.
  std::vector<Parameter<T>> parameters();
  std::vector<Parameter<const T>> parameters() const;
  /// Calls `reader` while nothing changes the network: what it reads is of one moment, between two steps. Neither it
  /// nor a `writer` may call the network, which they would wait for.
  void read(const std::function<void(const Counts&)>& reader) const;
  /// Calls `writer` while no other call is under way. Afterwards, even if it throws, the weights that a Conv2d's
  /// connections hold at 0 are 0 again, and so is their state.
  void change(const std::function<void()>& writer);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

extern template class Network<float>;
extern template class Network<double>;

}  // namespace cnnbp
