// A network as Python holds it.
#pragma once

#include <cnnbp/network.hpp>
#include <functional>
#include <optional>
#include <variant>

#include "arrays.hpp"

namespace cnnbp::bindings {

/// The arrays that belong to every parameter.
enum class Kind { value, gradient, state };

/// (K,) or (C, H, W)
std::vector<std::int64_t> shape_after(const LayerSummary& layer);

/// A network of either type. Long calls leave the interpreter to others, and look for Ctrl-C.
class PyNetwork {
 public:
  using OnBatch = std::optional<std::function<void(std::int64_t, double)>>;

  PyNetwork(NetworkDefinition definition, const std::string& dtype, std::uint64_t seed, const Optimizer& optimizer);

  const NetworkDefinition& definition();
  std::vector<std::int64_t> output_shape();

  void check(const py::array& x, const py::array& y, const Numbers& sample_weight);
  double train_step(const py::array& x, const py::array& y, const Numbers& sample_weight);
  /// Losses and weights of the batches.
  py::tuple train_epoch(const py::array& x, const py::array& y, const py::array_t<std::int64_t>& order,
                        std::int64_t batch_size, const OnBatch& on_batch, const Numbers& lr,
                        const Numbers& sample_weight);
  double accumulate_gradients(const py::array& x, const py::array& y, const Numbers& sample_weight, double scale);
  void apply_gradients();
  void zero_gradients();
  /// Loss and accuracy, if there is one.
  std::pair<double, std::optional<double>> evaluate(const py::array& x, const py::array& y,
                                                    const Numbers& sample_weight);
  py::array predict(const py::array& x);
  py::dict trace(const py::array& x, const py::array& y, const Numbers& sample_weight);

  py::dict copies(Kind kind);
  /// Values, state, the optimizer's steps and training passes, all of one moment.
  py::tuple snapshot();
  /// Writes all of the arrays, or, when one does not fit, none.
  void load(const py::dict& given, Kind kind);
  void load_optimizer_state(const py::dict& state, std::int64_t steps);
  std::int64_t optimizer_steps();
  void set_training_passes(std::int64_t passes);
  void initialize(const std::string& name, const Initializer& initializer);
  void set_optimizer(const Optimizer& optimizer);

 private:
  /// Calls body(network) for the type at hand.
  template <class Body>
  auto visit(Body body) {
    return std::visit(
        [&](auto& network) {
          if constexpr (std::is_same_v<std::decay_t<decltype(network)>, std::monostate>)
            return decltype(body(std::declval<Network<float>&>()))();
          else return body(network);
        },
        network_);
  }
  /// The same without the interpreter's lock.
  template <class Body>
  auto visit_unlocked(Body body) {
    const py::gil_scoped_release unlocked;
    return visit(body);
  }
  const std::vector<LayerSummary>& summary();
  std::pair<std::vector<py::dict>, Counts> copies_of(std::initializer_list<Kind> kinds);
  Images read(const py::array& x);
  Targets read_targets(const py::array& y, const Numbers& weights);

  std::variant<std::monostate, Network<float>, Network<double>> network_;
};

}  // namespace cnnbp::bindings
