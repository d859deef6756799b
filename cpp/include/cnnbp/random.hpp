/// Random numbers from a counter: the same seed gives the same bits everywhere, and any place in the sequence
/// can be had without the ones before it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace cnnbp {

/// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// The number that a normal draw of mean 0 and variance 1 stays below with probability p, 0 < p < 1: algorithm AS 241
/// (Wichura 1988, "The percentage points of the normal distribution"), with the same bits everywhere. Throws
/// std::invalid_argument for another p.
double normal_quantile(double p);

/// The numbers 0 … size − 1 in an order drawn for this seed and epoch. Throws std::invalid_argument below 0.
std::vector<std::int64_t> permutation(std::int64_t size, std::uint64_t seed, std::uint64_t epoch);

}  // namespace cnnbp
