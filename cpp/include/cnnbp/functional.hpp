/// The operations of the layers on plain arrays, (N, C, H, W), C-contiguous. T is float or double.
/// Options are a layer's definition; where sizes do not fit, std::invalid_argument names both.
#pragma once

#include <cnnbp/definition.hpp>

namespace cnnbp::functional {

/// N samples of one shape.
template <class T>
struct Array {
  T* data;
  std::int64_t count;
  Shape shape;
};

/// u = x ⋆ weight + bias; `bias` may be null.
template <class T>
void conv2d(Array<const T> x, const T* weight, const T* bias, const Conv2d& options, Array<T> output);

/// Σ_j conv2(δ_j, rot180(k_ij), 'full') of the notes, for any stride, padding, dilation and groups.
template <class T>
void conv2d_delta(Array<const T> output_delta, const T* weight, const Conv2d& options, Array<T> delta);

/// Adds to ∂E/∂weight and ∂E/∂bias, summed over the samples.
template <class T>
void conv2d_gradients(Array<const T> x, Array<const T> output_delta, const Conv2d& options, T* weight, T* bias);

template <class T>
void avg_pool2d(Array<const T> x, const AvgPool2d& options, Array<T> output);
template <class T>
void avg_pool2d_delta(Array<const T> output_delta, const AvgPool2d& options, Array<T> delta);

/// `positions` gets the flat place of each maximum in its plane, as PyTorch's return_indices.
template <class T>
void max_pool2d(Array<const T> x, const MaxPool2d& options, Array<T> output, std::int64_t* positions);
/// Adds each delta at its position. Throws std::invalid_argument for a position outside its plane.
template <class T>
void max_pool2d_delta(Array<const T> output_delta, const std::int64_t* positions, Array<T> delta);

template <class T>
void linear(Array<const T> x, const T* weight, const T* bias, const Linear& options, Array<T> output);
template <class T>
void linear_delta(Array<const T> output_delta, const T* weight, const Linear& options, Array<T> delta);
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
