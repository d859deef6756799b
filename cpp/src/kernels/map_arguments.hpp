// What the kernels of pooling, functions of a number, normalization and other layers that keep their maps apart are
// told, as arguments.hpp has it for convolutions.
#pragma once

#include "kernels/arguments.hpp"

namespace cnnbp {

/// One channel of one block: the plane below and the pooled map. `rows` and `columns` are the windows of the
/// pooled pixels, in both directions.
template <class T>
struct Pooling {
  T* plane;         // forward reads it, the delta overwrites it
  T* pooled;        // forward writes it, the delta reads it
  TapNumber* taps;  // max pooling: of each maximum, written by forward (null: not kept), read by the delta
  Index plane_height, plane_row_stride, pooled_row_stride;
  const Taps* rows;
  Index pooled_height;
  const Run* columns;
  Index column_runs;
  Index kernel_width;
  const T* row_divisor;  // mean pooling: divisor(oh, ow) = row_divisor[oh] · column_divisor[ow]
  const T* column_divisor;
  bool multiply;   // the divisors are powers of two and hold their reciprocals: exact, and no division
  bool partition;  // every pixel of the plane is in exactly one window
  Index lanes;
};

/// One channel of one block: u(oh, ow) = β · d(oh, ow) + b with d = Σ x over the window. The windows tile the plane.
template <class T>
struct Subsampling {
  Pooling<T> windows;  // without divisors and taps
  T* sums;             // d, as large as the pooled map; null: not kept
  T beta, bias;
};

/// beta += Σ δ · d and bias += Σ δ over the pixels and lanes of one plane.
template <class T>
struct SubsamplingGradient {
  const T* delta;
  const T* sums;  // d
  T* beta;
  T* bias;
  Index pixels, lanes;
};

/// A position between two others: (1 − share) · x(first) + share · x(second).
template <class T>
struct Between {
  Index first, second;
  T share;
};

/// One channel of one block, and the larger map whose rows and columns lie between those of the small one; the delta
/// goes the other way, and overwrites the small one.
template <class T>
struct Interpolation {
  T* small;
  T* large;
  T* row;  // scratch, a row of the small map
  const Between<T>* rows;
  const Between<T>* columns;
  Index small_height, small_width, large_height, large_width;
  Index lanes;
};

enum class FunctionKind {
  identity,
  sigmoid,
  tanh,
  relu,
  exp,
  leaky_relu,
  elu,
  softplus,
  scaled_tanh,
  gelu,
  gelu_tanh,
  silu,
  hardswish
};

/// A function of one number; definition.hpp has the equations.
struct Elementwise {
  FunctionKind kind;
  double parameter;
};

/// Over the channels of every pixel of one block: p = exp(x − max) / Σ exp(x − max).
template <class T>
struct Softmax {
  const T* input;  // forward: x; delta: unused
  T* output;       // forward: p
  const T* value;  // delta: p
  T* delta;        // delta: δ, from ∂E/∂p to ∂E/∂x = p ∘ (δ − Σ δ p), in place
  Index channels, channel_stride, pixels, lanes;
};

/// Lane by lane over the pixels of one plane: without `delta`, first += Σ (x − mean) and second += Σ (x − mean)²;
/// with it, first += Σ δ and second += Σ δ (x − mean).
template <class T>
struct PlaneMoments {
  const T* input;
  const T* delta;
  const T* mean;  // a number a lane
  T* first;
  T* second;
  Index pixels, lanes;
};

/// Of so many numbers x their mean and Σ (x − mean)².
template <class T>
struct Moments {
  T count, mean, squares;
};

/// Some pixels of one plane, in rows.
template <class T>
struct Measuring {
  const T* input;
  Index rows, row_stride, pixels;  // pixels of a row
  Index lanes, samples;            // the first lanes, so many, hold a sample
};

/// One plane, with numbers a lane: y = scale (x − mean) + shift;  δ ← scale δ − delta_shift − delta_scale (x − mean).
template <class T>
struct Normalization {
  const T* input;
  const T* mean;
  const T* scale;
  T* output = nullptr;             // y
  T shift = 0;                     // the same for all lanes
  const T* delta = nullptr;        // of y
  T* input_delta = nullptr;        // of x, overwritten
  const T* delta_shift = nullptr;  // what mean and variance send back
  const T* delta_scale = nullptr;
  Index pixels, lanes;
};

/// y = m ∘ x over features of one block, first_feature a multiple of 4, with m = 0 where a random word is below
/// `threshold`, and `scale` elsewhere. Word f mod 4 of Philox4x32-10 at the counter {⌊f / 4⌋ in two halves, n, stream}
/// is that of feature f of sample n.
template <class T>
struct Dropping {
  const T* input;
  T* output;
  T* mask;  // m
  Index first_feature, features, first_sample, lanes;
  std::uint32_t key[2];
  std::uint32_t stream, threshold;
  T scale;
};

}  // namespace cnnbp
