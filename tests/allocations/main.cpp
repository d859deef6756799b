// Trains networks with one thread and with two. Prints for each: its name, the threads, and how often memory was asked
// for by its first step, by five more, and by an epoch more than by one of half as many batches.
#include <atomic>
#include <cnnbp/cnnbp.hpp>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <vector>

namespace {

std::atomic<long> asked = 0;

void* ask(std::size_t size, std::size_t alignment) {
  ++asked;
  if (void* memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return ask(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) { return ask(size, std::size_t(alignment)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace {

using namespace cnnbp;

constexpr std::int64_t batch = 20, most_batches = 16;
constexpr Shape shape{.channels = 16, .height = 16, .width = 16};
const std::vector<std::uint8_t> images(std::size_t(most_batches * batch * shape.features()), 77);
const std::vector<std::int64_t> labels(most_batches* batch, 3);

template <class Call>
long asked_by(Call call) {
  const long before = asked;
  call();
  return asked - before;
}

long asked_by_epoch(Network<float>& net, std::int64_t batches) {
  const std::int64_t samples = batches * batch - 7;  // the last batch is smaller
  const std::vector<std::int64_t> order = permutation(samples, 1, 0);
  return asked_by([&] { net.train_epoch({images.data(), samples}, {labels.data(), samples}, order, batch); });
}

void count(const char* name, std::vector<LayerDefinition> layers, Optimizer optimizer) {
  Network<float> net({.input = shape, .layers = std::move(layers), .loss = CrossEntropy{}}, optimizer);
  const auto step = [&] { net.train_step({images.data(), batch}, {labels.data(), batch}); };
  const long first = asked_by(step);
  const long further = asked_by([&] {
    for (int i = 0; i < 5; ++i) step();
  });
  asked_by_epoch(net, 2);
  const long shorter = asked_by_epoch(net, most_batches / 2);
  const long longer = asked_by_epoch(net, most_batches);
  std::printf("%s %d %ld %ld %ld\n", name, num_threads(), first, further, longer - shorter);
}

}  // namespace

int main() {
  const auto conv = [](Algorithm algorithm) {
    return Conv2d{.out_channels = 16, .kernel_size = 3, .padding = 1, .algorithm = algorithm};
  };
  const std::vector<LayerDefinition> body{conv(Algorithm::winograd), BatchNorm2d{}, Dropout{}};
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    count("direct", {conv(Algorithm::direct), AvgPool2d{.kernel_size = 2}, Linear{10}}, SGD{.lr = 0.1});
    count("winograd", {Residual{.body = body, .shortcut = {}}, MaxPool2d{.kernel_size = 2}, Linear{10}}, Adam{});
    count("linear", {Linear{32}, Activation{Function::tanh}, Linear{10}},
          SGD{.lr = 0.1, .options = {.clip_norm = 1.0}});
  }
}
