// What a program may rely on beside the numbers: what is refused, and what a call that fails leaves behind. Prints a
// line for each claim: its name, and "holds" or "fails".
#include <cmath>
#include <cnnbp/cnnbp.hpp>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <vector>

#ifdef _OPENMP
#error "programs are compiled for OpenMP, which the headers do not need"
#endif

namespace {

using namespace cnnbp;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr Shape shape{.channels = 2, .height = 6, .width = 6};

Network<float> network(std::vector<LayerDefinition> layers, const Shape& input = shape) {
  return Network<float>({.input = input, .layers = std::move(layers), .loss = CrossEntropy{}}, SGD{.lr = 0.1});
}

template <class Call>
bool refused(Call call) {
  try {
    call();
  } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

bool refuses_activation(Function::Kind kind, double parameter) {
  const Function function(kind, parameter);
  return refused([&] { network({Linear{.out_features = 3, .activation = function}}); }) &&
         refused([&] { network({Residual{.body = {Linear{3}}, .shortcut = {Linear{3}}, .activation = function}}); }) &&
         refused([&] {
           float x = 1;
           functional::activation<float>({&x, 1, {}}, function, {&x, 1, {}});
         });
}

bool activations_have_slopes() {
  return refuses_activation(Function::leaky_relu, -0.5) && refuses_activation(Function::elu, -1.0) &&
         refuses_activation(Function::softplus, 0.0) && refuses_activation(Function::softplus, std::nan(""));
}

bool shapes_have_pixels() {
  const Conv2d layer{.out_channels = 2, .kernel_size = 1};
  bool holds = true;
  for (const Shape& none : {Shape{0, 4, 4}, Shape{-2, 4, 4}, Shape{2, -4, -4}}) {
    holds = holds && refused([&] { output_shape(layer, none); });
    holds = holds && refused([&] { output_shape(Linear{3}, none); });
    holds = holds && refused([&] { time_conv2d(layer, none, 1, Pass::forward, 1); });
  }
  return holds;
}

bool arrays_have_samples() {
  std::vector<float> x(64), y(64), weight(64);
  const Conv2d layer{.out_channels = 1, .kernel_size = 1};
  return refused([&] {
    functional::conv2d<float>({x.data(), -1, {1, 4, 4}}, weight.data(), nullptr, layer, {y.data(), -1, {1, 4, 4}});
  });
}

bool numbers_are_in_range() {
  const NetworkDefinition one{.input = {}, .layers = {Linear{1}}};
  return refused([] { permutation(-1, 0, 0); }) &&
         refused([] { network({BatchNorm2d{.eps = std::numeric_limits<double>::infinity()}}); }) &&
         refused([&] { memory_use<float>(one, SGD{}, most); });
}

/// A byte a sample would be 2 GB.
bool memory_is_known_without_any() {
  const std::int64_t count = std::numeric_limits<std::int32_t>::max();
  return memory_use<float>({.input = {}, .layers = {Linear{1}}}, SGD{}, count).training > count;
}

struct Claim {
  const char* name;
  bool (*holds)();
};

constexpr Claim claims[] = {
    {"activations_have_slopes", activations_have_slopes},
    {"shapes_have_pixels", shapes_have_pixels},
    {"arrays_have_samples", arrays_have_samples},
    {"numbers_are_in_range", numbers_are_in_range},
    {"memory_is_known_without_any", memory_is_known_without_any},
};

}  // namespace

int main() {
  for (const auto& [name, holds] : claims) try {
      std::printf("%s %s\n", name, holds() ? "holds" : "fails");
    } catch (const std::exception& error) {
      std::printf("%s fails by %s\n", name, error.what());
    }
}
