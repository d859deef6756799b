// Compiled with its own instruction-set flags (cpp/CMakeLists.txt): includes intrinsics and kernel headers
// alone, keeps everything in an unnamed namespace, exports one table.
#include "simd/avx512.hpp"

#include "kernels/make_table.hpp"

namespace cnnbp {

extern const Kernels avx512_kernels;
const Kernels avx512_kernels{"avx512", make_table<float>(), make_table<double>()};

}  // namespace cnnbp
