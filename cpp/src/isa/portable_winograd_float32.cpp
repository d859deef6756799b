// Compiled with instruction-set flags (cpp/CMakeLists.txt): includes intrinsics and kernel headers alone, exports one
// table.
#include "simd/portable.hpp"

#include "kernels/make_winograd_table.hpp"

namespace cnnbp {

extern const WinogradTable<float> portable_winograd_float32;
constinit const WinogradTable<float> portable_winograd_float32 = make_winograd_table<float>();

}  // namespace cnnbp
