// Compiled with instruction-set flags (cpp/CMakeLists.txt): includes intrinsics and kernel headers alone, exports one
// table.
#include "simd/avx2.hpp"

#include "kernels/make_table.hpp"

namespace cnnbp {

extern const WinogradTable<double> avx2_winograd_float64;
extern const KernelTable<double> avx2_float64;
constinit const KernelTable<double> avx2_float64 = make_table<double>(avx2_winograd_float64);

}  // namespace cnnbp
