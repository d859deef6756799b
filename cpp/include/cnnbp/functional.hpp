/// The operations of the layers on plain arrays, (N, C, H, W), C-contiguous. T is float or double.
/// Options are a layer's definition; where sizes do not fit, std::invalid_argument names both. What they compute ends
/// before the activation, so an `activation` other than the identity is refused. Arrays may be null only where it says
/// so. The result of a convolution may lie where its input or output delta does.
#pragma once

#include <cnnbp/definition.hpp>

namespace cnnbp::functional {

/// N samples of one shape: `data` points to `count` · channels · height · width numbers.
template <class T>
struct Array {
  T* data;
  std::int64_t count;
  Shape shape;
};

/// u = x ⋆ weight + bias, with weight (out_channels, in_channels / groups, kh, kw) and bias (out_channels,) or null,
/// whatever `options.bias` says. Weights between channels without a connection are taken for 0.
template <class T>
void conv2d(Array<const T> x, const T* weight, const T* bias, const Conv2d& options, Array<T> output);

/// Σ_j conv2(δ_j, rot180(k_ij), 'full') of the notes, for any stride, padding, dilation and groups.
template <class T>
void conv2d_delta(Array<const T> output_delta, const T* weight, const Conv2d& options, Array<T> delta);

/// Adds to ∂E/∂weight and ∂E/∂bias, summed over the samples, of the shapes of weight and bias; `bias` may be null.
template <class T>
void conv2d_gradients(Array<const T> x, Array<const T> output_delta, const Conv2d& options, T* weight, T* bias);

/// u = the mean of x over each window.
template <class T>
void avg_pool2d(Array<const T> x, const AvgPool2d& options, Array<T> output);
/// Each delta in equal shares to the pixels of its window.
template <class T>
void avg_pool2d_delta(Array<const T> output_delta, const AvgPool2d& options, Array<T> delta);

/// u = the maximum of x over each window. `positions`, of the output's shape, gets the place of each maximum in its
/// plane, row · width + column, as PyTorch's return_indices.
template <class T>
void max_pool2d(Array<const T> x, const MaxPool2d& options, Array<T> output, std::int64_t* positions);
/// Adds each delta at its position, from `max_pool2d`. Throws std::invalid_argument for a position outside its plane.
template <class T>
void max_pool2d_delta(Array<const T> output_delta, const std::int64_t* positions, Array<T> delta);

/// u = weight · x + bias, with weight (out_features, features of x), bias (out_features,) or null, whatever
/// `options.bias` says, and output (N, out_features, 1, 1).
template <class T>
void linear(Array<const T> x, const T* weight, const T* bias, const Linear& options, Array<T> output);
/// weightᵀ · δ
template <class T>
void linear_delta(Array<const T> output_delta, const T* weight, const Linear& options, Array<T> delta);
/// Adds to ∂E/∂weight and ∂E/∂bias, summed over the samples, of the shapes of weight and bias; `bias` may be null.
template <class T>
void linear_gradients(Array<const T> x, Array<const T> output_delta, const Linear& options, T* weight, T* bias);

/// f(x), softmax over the channels.
template <class T>
void activation(Array<const T> x, Function function, Array<T> output);
/// f'(u) ∘ δ from the output f(u), or, for gelu, silu and hardswish, from u, as f(u) does not tell the slope.
template <class T>
void activation_delta(Array<const T> output_delta, Array<const T> output, Function function, Array<T> delta);
/// e^x
template <class T>
void exp(Array<const T> x, Array<T> output);

}  // namespace cnnbp::functional
