// Dropout: random words for the lanes of a block, and what they leave of its features.
#pragma once

#include "kernels/map_arguments.hpp"
#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// Philox4x32-10, as cnnbp/random.hpp has it for one counter, for the counters of all lanes at once: loops over lanes
/// of whole numbers, which compilers turn into vectors.
template <int Lanes>
inline void philox(std::uint32_t (&words)[4][Lanes], std::uint32_t key0, std::uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    for (int n = 0; n < Lanes; ++n) {
      const std::uint64_t a = std::uint64_t{0xD2511F53u} * words[0][n], b = std::uint64_t{0xCD9E8D57u} * words[2][n];
      words[0][n] = std::uint32_t(b >> 32) ^ words[1][n] ^ key0;
      words[1][n] = std::uint32_t(b);
      words[2][n] = std::uint32_t(a >> 32) ^ words[3][n] ^ key1;
      words[3][n] = std::uint32_t(a);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

template <class T>
void drop(const Dropping<T>& a) {
  constexpr int lanes = 64 / sizeof(T);
  for (Index first = 0; first < a.features; first += 4) {
    const auto group = static_cast<std::uint64_t>((a.first_feature + first) / 4);
    std::uint32_t words[4][lanes];
    for (int n = 0; n < lanes; ++n) {
      words[0][n] = std::uint32_t(group);
      words[1][n] = std::uint32_t(group >> 32);
      words[2][n] = std::uint32_t(a.first_sample + n);
      words[3][n] = a.stream;
    }
    philox(words, a.key[0], a.key[1]);
    for (Index f = first; f < first + 4 && f < a.features; ++f)
      for (Index n = 0; n < a.lanes; ++n) {
        const T m = words[f - first][n] < a.threshold ? T(0) : a.scale;
        a.mask[f * a.lanes + n] = m;
        a.output[f * a.lanes + n] = m * a.input[f * a.lanes + n];
      }
  }
}

}  // namespace
}  // namespace cnnbp
