// Compiled with its own instruction-set flags (cpp/CMakeLists.txt): includes intrinsics and kernel headers
// alone, keeps everything in an unnamed namespace, exports one table.
#include "simd/avx2.hpp"

#include "kernels/make_table.hpp"

namespace cnnbp {

extern const Kernels avx2_kernels;
const Kernels avx2_kernels{"avx2", make_table<float>(), make_table<double>()};

}  // namespace cnnbp
