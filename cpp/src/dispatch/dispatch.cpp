#include "dispatch/dispatch.hpp"

#include <cnnbp/system.hpp>
#include <cstdlib>
#include <stdexcept>

namespace cnnbp {

extern const KernelTable<float> portable_float32;
extern const KernelTable<double> portable_float64;
#if defined(CNNBP_X86)
extern const KernelTable<float> avx2_float32, avx512_float32;
extern const KernelTable<double> avx2_float64, avx512_float64;
#endif

namespace {

constexpr Kernels portable_kernels{"portable", portable_float32, portable_float64};
#if defined(CNNBP_X86)
constexpr Kernels avx2_kernels{"avx2", avx2_float32, avx2_float64};
constexpr Kernels avx512_kernels{"avx512", avx512_float32, avx512_float64};
#endif

/// Best first.
std::vector<const Kernels*> available() {
  std::vector<const Kernels*> found;
#if defined(CNNBP_X86)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    found.push_back(&avx512_kernels);
  if (avx2) found.push_back(&avx2_kernels);
#endif
  found.push_back(&portable_kernels);
  return found;
}

const Kernels& choose() {
  const std::vector<const Kernels*> found = available();
  const char* wanted = std::getenv("CNNBP_ISA");
  if (wanted == nullptr || *wanted == '\0') return *found.front();
  std::string names;
  for (const Kernels* k : found) {
    if (std::string(k->name) == wanted) return *k;
    names += (names.empty() ? "" : ", ") + std::string(k->name);
  }
  throw std::runtime_error("CNNBP_ISA is '" + std::string(wanted) +
                           "', expected one that this processor has: " + names);
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

std::string isa() { return kernels().name; }

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Kernels* k : available()) names.emplace_back(k->name);
  return names;
}

}  // namespace cnnbp
