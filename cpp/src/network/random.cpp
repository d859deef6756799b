#include <cnnbp/random.hpp>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

namespace cnnbp {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  constexpr int rounds = 10;
  for (int r = 0; r < rounds; ++r) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0], b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

std::vector<std::int64_t> permutation(std::int64_t size, std::uint64_t seed, std::uint64_t epoch) {
  if (size < 0) throw std::invalid_argument("size is " + std::to_string(size) + ", expected at least 0");
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  for (std::int64_t i = size - 1; i > 0; --i) {  // Fisher and Yates
    const auto n = static_cast<std::uint64_t>(i);
    const auto bits = philox({static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32),
                              static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(epoch >> 32)},
                             key);
    const std::uint64_t draw = (std::uint64_t{bits[0]} << 32) | bits[1];
    const std::uint64_t j = draw % (n + 1);  // uniform over 0 … i, but for one part in 2^64 / i
    std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(j)]);
  }
  return order;
}

}  // namespace cnnbp
