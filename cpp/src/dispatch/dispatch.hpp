// Which table of kernels this processor gets.
#pragma once

#include "kernels/table.hpp"

namespace cnnbp {

/// Chosen once, by CNNBP_ISA or else the best. Throws std::runtime_error when CNNBP_ISA asks for what is not
/// there.
const Kernels& kernels();

}  // namespace cnnbp
