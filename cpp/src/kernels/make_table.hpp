// All kernels but Winograd's, instantiated for the lane vector that was included before this file.
#pragma once

#include "kernels/activations.hpp"
#include "kernels/correlate.hpp"
#include "kernels/depthwise.hpp"
#include "kernels/depthwise_gradient.hpp"
#include "kernels/dropout.hpp"
#include "kernels/interpolation.hpp"
#include "kernels/kernel_gradient.hpp"
#include "kernels/losses.hpp"
#include "kernels/matrix_product.hpp"
#include "kernels/normalization.hpp"
#include "kernels/outer_product.hpp"
#include "kernels/pixel_product.hpp"
#include "kernels/pooling.hpp"
#include "kernels/subsampling.hpp"
#include "kernels/table.hpp"
#include "kernels/update.hpp"

namespace cnnbp {
namespace {

template <class T>
constexpr KernelTable<T> make_table(const WinogradTable<T>& winograd) {
  return {
      .correlate = correlate<T>,
      .accumulate_kernel_gradient = accumulate_kernel_gradient<T>,
      .depthwise = depthwise<T>,
      .accumulate_depthwise_gradient = accumulate_depthwise_gradient<T>,
      .sum_lanes = sum_lanes<T>,
      .sum_plane = sum_plane<T>,
      .accumulate_outer_product = accumulate_outer_product<T>,
      .multiply = multiply<T>,
      .multiply_pixels = multiply_pixels<T>,
      .gather = gather<T>,
      .ask = ask<T>,
      .transpose = transpose<T>,
      .winograd = &winograd,
      .avg_pool = avg_pool<T>,
      .avg_pool_delta = avg_pool_delta<T>,
      .max_pool = max_pool<T>,
      .max_pool_delta = max_pool_delta<T>,
      .subsample = subsample<T>,
      .subsample_delta = subsample_delta<T>,
      .accumulate_subsampling_gradient = accumulate_subsampling_gradient<T>,
      .interpolate = interpolate<T>,
      .interpolate_delta = interpolate_delta<T>,
      .activate = activate<T>,
      .multiply_by_derivative = multiply_by_derivative<T>,
      .multiply_by_normalized_derivative = multiply_by_normalized_derivative<T>,
      .add_normalized = add_normalized<T>,
      .multiply_by_slope = multiply_by_slope<T>,
      .sum = sum<T>,
      .product = product<T>,
      .drop = drop<T>,
      .softmax = softmax<T>,
      .softmax_delta = softmax_delta<T>,
      .accumulate_moments = accumulate_moments<T>,
      .measure = measure<T>,
      .normalize = normalize<T>,
      .normalize_delta = normalize_delta<T>,
      .huber = huber<T>,
      .l1 = l1<T>,
      .binary_cross_entropy = binary_cross_entropy<T>,
      .cross_entropy = cross_entropy<T>,
      .hinge = hinge<T>,
      .sgd = sgd<T>,
      .adagrad = adagrad<T>,
      .rmsprop = rmsprop<T>,
      .adam = adam<T>,
      .lion = lion<T>,
      .multiply_adds = multiply_adds<T>,
  };
}

}  // namespace
}  // namespace cnnbp
