// Compiled with instruction-set flags (cpp/CMakeLists.txt): includes intrinsics and kernel headers alone, exports one
// table.
#include "simd/avx2.hpp"

#include "kernels/make_table.hpp"

namespace cnnbp {

extern const WinogradTable<float> avx2_winograd_float32;
extern const KernelTable<float> avx2_float32;
constinit const KernelTable<float> avx2_float32 = make_table<float>(avx2_winograd_float32);

}  // namespace cnnbp
