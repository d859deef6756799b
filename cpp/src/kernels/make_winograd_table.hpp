// Winograd's transforms, instantiated for the lane vector that was included before this file.
#pragma once

#include "kernels/table.hpp"
#include "kernels/winograd.hpp"

namespace cnnbp {
namespace {

template <class T>
constexpr WinogradTable<T> make_winograd_table() {
  return {
      .weights = winograd_weights<T>,
      .input = winograd_input<T>,
      .delta = winograd_delta<T>,
      .gradient = winograd_gradient<T>,
      .output = winograd_output<T>,
      .input_delta = winograd_input_delta<T>,
  };
}

}  // namespace
}  // namespace cnnbp
