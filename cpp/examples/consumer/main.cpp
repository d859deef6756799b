// Trains a small network to tell bright upper halves from bright lower halves, through the public headers alone.
#include <cnnbp/cnnbp.hpp>
#include <cstdio>
#include <exception>
#include <vector>

namespace {

constexpr std::int64_t samples = 512, side = 8;

/// Noise in [0, 1), and half of the picture brighter by ½: class 0 the upper half, class 1 the lower.
void draw(std::vector<float>& images, std::vector<std::int64_t>& labels) {
  for (std::int64_t n = 0; n < samples; ++n) {
    const auto counter = static_cast<std::uint32_t>(n);
    labels[static_cast<std::size_t>(n)] = cnnbp::philox({counter, 0, 0, 0}, {1, 0})[0] & 1;
    for (std::int64_t i = 0; i < side * side; ++i) {
      const auto bits = cnnbp::philox({counter, static_cast<std::uint32_t>(i), 1, 0}, {1, 0});
      const bool lower = i >= side * side / 2, bright = lower == (labels[static_cast<std::size_t>(n)] == 1);
      images[static_cast<std::size_t>(n * side * side + i)] = float(bits[0]) * 0x1p-32f + (bright ? 0.5f : 0.0f);
    }
  }
}

}  // namespace

int main() try {
  using namespace cnnbp;
  std::vector<float> images(samples * side * side);
  std::vector<std::int64_t> labels(samples);
  draw(images, labels);

  Network<float> net({.input = {1, side, side},
                      .layers = {Conv2d{.out_channels = 4, .kernel_size = 3, .activation = Function::relu},
                                 MaxPool2d{.kernel_size = 2}, Linear{.out_features = 2}},
                      .loss = CrossEntropy{}},
                     SGD{.lr = 0.1, .momentum = 0.9}, /*seed=*/1);

  for (std::uint64_t epoch = 0; epoch < 5; ++epoch) {
    const BatchLosses batches =
        net.train_epoch({images.data(), samples}, {labels.data(), samples}, permutation(samples, 1, epoch), 32);
    std::printf("epoch %d: loss %.4f\n", static_cast<int>(epoch) + 1, batches.losses.back());
  }
  const Evaluation result = net.evaluate({images.data(), samples}, {labels.data(), samples});
  std::printf("cnnbp %s on %s: accuracy %.3f\n", version().c_str(), isa().c_str(), *result.accuracy);
  return *result.accuracy > 0.95 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
