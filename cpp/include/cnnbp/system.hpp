/// What the core runs on: instruction set and threads.
#pragma once

#include <string>
#include <vector>

namespace cnnbp {

std::string version();

/// The instruction set in use: "portable", "avx2" or "avx512". The best that the processor has, or what the
/// environment variable CNNBP_ISA names. Throws std::runtime_error when that one is unknown or not available.
std::string isa();

/// Instruction sets that this build holds and this processor has, best first.
std::vector<std::string> available_isas();

/// Threads of a step: the processors this process may use (or OMP_NUM_THREADS), until set.
int num_threads();

/// 1 to 1024. Results do not depend on it. Throws std::invalid_argument.
void set_num_threads(long long threads);

/// Multiply-adds that all threads together do in about `seconds` (0.001 to 60), in GFLOP/s of float32.
double fma_peak(double seconds);

}  // namespace cnnbp
