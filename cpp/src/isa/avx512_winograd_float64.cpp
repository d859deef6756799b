// Compiled with instruction-set flags (cpp/CMakeLists.txt): includes intrinsics and kernel headers alone, exports one
// table.
#include "simd/avx512.hpp"

#include "kernels/make_winograd_table.hpp"

namespace cnnbp {

extern const WinogradTable<double> avx512_winograd_float64;
constinit const WinogradTable<double> avx512_winograd_float64 = make_winograd_table<double>();

}  // namespace cnnbp
