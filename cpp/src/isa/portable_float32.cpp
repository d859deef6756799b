// Compiled with instruction-set flags (cpp/CMakeLists.txt): includes intrinsics and kernel headers alone, exports one
// table.
#include "simd/portable.hpp"

#include "kernels/make_table.hpp"

namespace cnnbp {

extern const WinogradTable<float> portable_winograd_float32;
extern const KernelTable<float> portable_float32;
constinit const KernelTable<float> portable_float32 = make_table<float>(portable_winograd_float32);

}  // namespace cnnbp
