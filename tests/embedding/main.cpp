// What a program may rely on beside the numbers: what is refused, and what a call that fails leaves behind. Prints a
// line for each claim: its name, and "holds" or "fails".
#include <cmath>
#include <cnnbp/cnnbp.hpp>
#include <cstdio>
#include <limits>
#include <map>
#include <stdexcept>
#include <vector>

#ifdef _OPENMP
#error "programs are compiled for OpenMP, which the headers do not need"
#endif

namespace {

using namespace cnnbp;

using Values = std::map<std::string, std::vector<float>>;

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max(), batch = 8, batches = 3;
constexpr std::int64_t samples = batch * batches;
constexpr Shape shape{.channels = 2, .height = 6, .width = 6};

std::vector<float> noise(std::uint32_t key) {
  std::vector<float> numbers(std::size_t(samples * shape.features()));
  for (std::uint32_t i = 0; i < numbers.size(); ++i)
    numbers[i] = float(philox({i, 0, 0, 0}, {key, 0})[0]) * 0x1p-32f - 0.5f;
  return numbers;
}

const std::vector<float> images = noise(1), others = noise(2);
const std::vector<std::int64_t> labels(samples, 1), order = permutation(samples, 1, 0);

Network<float> network(std::vector<LayerDefinition> layers, const Shape& input = shape) {
  return Network<float>({.input = input, .layers = std::move(layers), .loss = CrossEntropy{}}, SGD{.lr = 0.1});
}

Network<float> small() { return network({Conv2d{.out_channels = 3, .kernel_size = 3}, Linear{3}}); }

Values values_of(Network<float>& net) {
  Values values;
  for (const Parameter<float>& p : net.parameters()) values[p.name] = {p.value.begin(), p.value.end()};
  return values;
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

bool activations_without_a_parameter_are_given_none() {
  return refuses_activation(Function::softmax, 1.0) && refuses_activation(Function::relu, 0.1);
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
  return refused([] { permutation(-1, 0, 0); }) && refused([] { normal_quantile(0.0); }) &&
         refused([] { normal_quantile(1.0); }) && refused([] { normal_quantile(std::nan("")); }) &&
         refused([] { network({BatchNorm2d{.eps = std::numeric_limits<double>::infinity()}}); }) &&
         refused([&] { memory_use<float>(one, SGD{}, most); });
}

bool arrays_are_given() {
  Network<float> net = small();
  const float* const none = nullptr;
  const Targets y(labels.data(), batch);
  std::vector<float> out(batch * 3), x(16);
  const functional::Array<const float> given{x.data(), 1, {1, 4, 4}}, no_numbers{nullptr, 1, {1, 4, 4}};
  const functional::Array<float> made{out.data(), 1, {1, 4, 4}}, pooled{out.data(), 1, {1, 2, 2}};
  return refused([&] { net.predict({none, batch}, out); }) && refused([&] { net.train_step({none, batch}, y); }) &&
         refused([&] { net.train_step({images.data(), batch}, {none, batch}); }) &&
         refused([&] { net.set_parameter("2.bias", {none, 3}); }) &&
         refused([&] { functional::activation<float>(no_numbers, Function::relu, made); }) &&
         refused([&] { functional::conv2d<float>(given, nullptr, nullptr, {1, 1}, made); }) &&
         refused([&] { functional::max_pool2d<float>(given, {.kernel_size = 2}, pooled, nullptr); });
}

bool counts_do_not_overflow() {
  Network<float> net = small();
  std::vector<float> x(16);
  const functional::Array<float> many{x.data(), most, {1, 4, 4}};
  return refused([&] { net.predict({images.data(), most}, {}); }) && refused([&] { net.set_optimizer_steps(most); }) &&
         refused([&] { net.set_training_passes(most); }) &&
         refused([&] { time_conv2d({.out_channels = 1, .kernel_size = 1}, shape, most, Pass::forward, 1); }) &&
         refused([&] { functional::activation<float>({x.data(), most, {1, 4, 4}}, Function::relu, many); });
}

std::string message_of(const LayerDefinition& layer, const Optimizer& optimizer) {
  try {
    Network<float>({.input = shape, .layers = {layer}}, optimizer);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

bool messages_show_what_was_given() {
  const auto says = [](const std::string& message, const char* what) { return message.find(what) != message.npos; };
  return says(message_of(Linear{1}, SGD{.lr = -1e-9}), "lr is -1e-09,") &&
         says(message_of(Linear{1}, SGD{.momentum = 1.00000001}), "momentum is 1.00000001,") &&
         says(message_of(BatchNorm2d{.eps = -1e-9}, SGD{}), "eps is -1e-09,") &&
         says(message_of(Dropout{.p = 1.00000001}, SGD{}), "p is 1.00000001,");
}

/// As in a network, up to the activation.
bool functions_on_arrays_obey_connections() {
  const Conv2d layer{.out_channels = 1, .kernel_size = 1, .bias = false, .connections = {{true, false}}};
  const std::vector<float> x{1, 2}, weight{3, 10};
  std::vector<float> y(1), delta(2);
  functional::conv2d<float>({x.data(), 1, {2, 1, 1}}, weight.data(), nullptr, layer, {y.data(), 1, {}});
  functional::conv2d_delta<float>({y.data(), 1, {}}, weight.data(), layer, {delta.data(), 1, {2, 1, 1}});
  return y[0] == 3 && delta == std::vector<float>{9, 0};
}

/// Also of kernels of one pixel and of one channel each, which otherwise read and write arrays where these lie.
bool convolutions_may_lie_where_their_input_does() {
  constexpr Shape two{.channels = 2, .height = 9, .width = 10};
  const std::int64_t count = 3, numbers = count * two.features();
  std::vector<float> x(std::size_t(numbers), 0), weight(36);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = float(i % 7) - 3;
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = float(i % 5) - 2;
  const auto same = [&](const Conv2d& layer) {
    std::vector<float> apart(x.size()), together = x;
    const functional::Array<float> made{apart.data(), count, two}, in_place{together.data(), count, two};
    functional::conv2d<float>({x.data(), count, two}, weight.data(), nullptr, layer, made);
    functional::conv2d<float>({together.data(), count, two}, weight.data(), nullptr, layer, in_place);
    bool equal = apart == together;
    together = x;
    functional::conv2d_delta<float>({x.data(), count, two}, weight.data(), layer, made);
    functional::conv2d_delta<float>({together.data(), count, two}, weight.data(), layer, in_place);
    return equal && apart == together;
  };
  return same({.out_channels = 2, .kernel_size = 1}) &&
         same({.out_channels = 2, .kernel_size = 3, .padding = 1, .groups = 2}) &&
         same({.out_channels = 2, .kernel_size = 3, .padding = 1});
}

bool functions_on_arrays_end_before_the_activation() {
  const float x = 1, weight = 1;
  float y = 0;
  return refused([&] {
           const Conv2d layer{.out_channels = 1, .kernel_size = 1, .activation = Function::relu};
           functional::conv2d<float>({&x, 1, {}}, &weight, nullptr, layer, {&y, 1, {}});
         }) &&
         refused([&] {
           const AvgPool2d layer{.kernel_size = 1, .activation = Function::relu};
           functional::avg_pool2d<float>({&x, 1, {}}, layer, {&y, 1, {}});
         });
}

bool the_last_layer_is_the_callers() {
  const NetworkDefinition one{.input = {}, .layers = {Linear{1}}};
  return !std::is_reference_v<decltype(last_layer(summarize(one)))> && last_layer(summarize(one)).name == "0" &&
         refused([] { last_layer({}); });
}

/// Bytes of this process in memory; 0 where the system does not say.
std::int64_t resident() {
  long pages = 0;
  if (std::FILE* said = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(said, "%*d %ld", &pages) != 1) pages = 0;
    std::fclose(said);
  }
  return std::int64_t{pages} * 4096;
}

bool networks_that_are_gone_leave_no_memory() {
  constexpr Shape input{.channels = 3, .height = 32, .width = 32};
  const Conv2d conv{.out_channels = 32, .kernel_size = 3, .padding = 1};
  const NetworkDefinition definition{.input = input,
                                     .layers = {conv, BatchNorm2d{}, MaxPool2d{.kernel_size = 2},
                                                Conv2d{.out_channels = 64, .kernel_size = 5}, Linear{10}},
                                     .loss = CrossEntropy{}};
  const std::vector<float> x(std::size_t(32 * input.features()), 0.3f);
  const std::vector<std::int64_t> y(32, 3);
  std::vector<float> out(320);
  const auto use = [&] {
    Network<float> net(definition, Adam{});
    net.train_step({x.data(), 32}, {y.data(), 32});
    net.predict({x.data(), 32}, out);
  };
  use();
  const std::int64_t before = resident();
  for (int i = 0; i < 20; ++i) use();
  return resident() - before < memory_use<float>(definition, Adam{}, 32).training / 2;
}

/// A byte a sample would be 2 GB.
bool memory_is_known_without_any() {
  const std::int64_t count = std::numeric_limits<std::int32_t>::max();
  return memory_use<float>({.input = {}, .layers = {Linear{1}}}, SGD{}, count).training > count;
}

bool any_batch_size_may_exceed_the_samples() {
  Network<float> net = small(), same = small();
  const std::vector<double> rate{0.2};
  net.train_epoch({images.data(), samples}, {labels.data(), samples}, order, most, {}, rate);
  same.train_epoch({images.data(), samples}, {labels.data(), samples}, order, samples, {}, rate);
  return values_of(net) == values_of(same);
}

bool epochs_of_nothing_have_no_batches() {
  Network<float> net = network({BatchNorm2d{}, Linear{3}}, {4, 1, 1});
  return net.train_epoch({images.data(), 2}, {labels.data(), 2}, {}, 2).losses.empty();
}

bool held_statistics_train_on_one_sample() {
  Network<float> held = network({BatchNorm2d{.affine = false, .trainable = false}, Linear{3}}, {4, 1, 1});
  Network<float> measured = network({BatchNorm2d{.affine = false}, Linear{3}}, {4, 1, 1});
  const Targets y(labels.data(), 1);
  held.train_step({images.data(), 1}, y);
  return refused([&] { measured.train_step({images.data(), 1}, y); });
}

bool weights_without_a_connection_stay_zero() {
  const Conv2d layer{.out_channels = 1, .kernel_size = 1, .connections = {{true, false}}};
  Network<float> net = network({layer, Linear{3}});
  const Parameter<float> weight = net.parameters()[0];
  try {
    net.change([&] {
      weight.value[0] = weight.value[1] = 1.0f;
      throw std::runtime_error("no more");
    });
  } catch (const std::runtime_error&) {
    return weight.value[0] == 1.0f && weight.value[1] == 0.0f;
  }
  return false;
}

void step(Network<float>& net, const std::vector<float>& from, std::int64_t number) {
  net.train_epoch({from.data(), samples}, {labels.data(), samples}, std::span(order).subspan(number * batch, batch),
                  batch);
}

/// An epoch that another one interrupts, over other images in the same order.
bool epochs_keep_to_their_samples() {
  Network<float> net = small(), same = small();
  const auto interrupt = [&](std::int64_t done, double) {
    if (done == 1)
      net.train_epoch({others.data(), samples}, {labels.data(), samples}, order, batch,
                      [](std::int64_t, double) { return false; });
    return true;
  };
  net.train_epoch({images.data(), samples}, {labels.data(), samples}, order, batch, interrupt);
  step(same, images, 0);
  step(same, others, 0);
  for (std::int64_t number = 1; number < batches; ++number) step(same, images, number);
  return values_of(net) == values_of(same);
}

/// One that predicts while it is read needs no more than a const network.
bool parameters_are_copied_from_a_const_network() {
  const Network<float> net = small();
  Network<float> same = network({Conv2d{.out_channels = 3, .kernel_size = 3}, Linear{3}});
  same.train_step({images.data(), batch}, {labels.data(), batch});
  std::vector<float> wanted(batch * 3), got(batch * 3);
  net.predict({images.data(), batch}, wanted);
  same.predict({images.data(), batch}, got);
  if (wanted == got) return false;
  for (const Parameter<const float>& p : net.parameters()) same.set_parameter(p.name, p.value);
  same.predict({images.data(), batch}, got);
  return wanted == got;
}

bool parameters_keep_their_names_and_sizes() {
  Network<float> net = small();
  const Values before = values_of(net);
  const std::vector<float> numbers(3);
  return refused([&] { net.set_parameter("1.weight", numbers); }) &&
         refused([&] { net.set_parameter("2.bias", numbers); }) && values_of(net) == before;
}

struct Claim {
  const char* name;
  bool (*holds)();
};

constexpr Claim claims[] = {
    {"activations_have_slopes", activations_have_slopes},
    {"activations_without_a_parameter_are_given_none", activations_without_a_parameter_are_given_none},
    {"shapes_have_pixels", shapes_have_pixels},
    {"arrays_have_samples", arrays_have_samples},
    {"numbers_are_in_range", numbers_are_in_range},
    {"arrays_are_given", arrays_are_given},
    {"counts_do_not_overflow", counts_do_not_overflow},
    {"messages_show_what_was_given", messages_show_what_was_given},
    {"functions_on_arrays_obey_connections", functions_on_arrays_obey_connections},
    {"convolutions_may_lie_where_their_input_does", convolutions_may_lie_where_their_input_does},
    {"functions_on_arrays_end_before_the_activation", functions_on_arrays_end_before_the_activation},
    {"the_last_layer_is_the_callers", the_last_layer_is_the_callers},
    {"networks_that_are_gone_leave_no_memory", networks_that_are_gone_leave_no_memory},
    {"memory_is_known_without_any", memory_is_known_without_any},
    {"any_batch_size_may_exceed_the_samples", any_batch_size_may_exceed_the_samples},
    {"epochs_of_nothing_have_no_batches", epochs_of_nothing_have_no_batches},
    {"held_statistics_train_on_one_sample", held_statistics_train_on_one_sample},
    {"weights_without_a_connection_stay_zero", weights_without_a_connection_stay_zero},
    {"epochs_keep_to_their_samples", epochs_keep_to_their_samples},
    {"parameters_are_copied_from_a_const_network", parameters_are_copied_from_a_const_network},
    {"parameters_keep_their_names_and_sizes", parameters_keep_their_names_and_sizes},
};

}  // namespace

int main() {
  for (const auto& [name, holds] : claims) try {
      std::printf("%s %s\n", name, holds() ? "holds" : "fails");
    } catch (const std::exception& error) {
      std::printf("%s fails by %s\n", name, error.what());
    }
}
