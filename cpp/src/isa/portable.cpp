// Compiled with its own instruction-set flags (cpp/CMakeLists.txt): includes intrinsics and kernel headers
// alone, keeps everything in an unnamed namespace, exports one table.
#include "simd/portable.hpp"

#include "kernels/make_table.hpp"

namespace cnnbp {

extern const Kernels portable_kernels;
const Kernels portable_kernels{"portable", make_table<float>(), make_table<double>()};

}  // namespace cnnbp
