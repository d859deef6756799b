// Mean, variance and what they send back. A lane is a sample, so group normalisation uses sums of lanes as they are,
// and batch normalisation adds the lanes up.
#pragma once

#include "kernels/activations.hpp"

namespace cnnbp {
namespace {

/// Two chains by pixel and vector: with more, the sums of AVX2's two vectors would not fit the registers.
template <class T>
void accumulate_moments(const PlaneMoments<T>& a) {
  constexpr int chains = 2;
  with_pixel<T>(a.lanes, [&](auto of) {
    using V = typename decltype(of)::Vector;
    constexpr int parts = of.parts;
    V mean[parts], first[chains][parts], second[chains][parts];
    for (int p = 0; p < parts; ++p) mean[p] = V::load(a.mean + p * V::width);
    for (int c = 0; c < chains; ++c)
      for (int p = 0; p < parts; ++p) first[c][p] = second[c][p] = zero<V>();
    const auto add = [&](Index pixel, int chain) {
      for (int p = 0; p < parts; ++p) {
        const Index i = pixel * a.lanes + p * V::width;
        const V x = V::load(a.input + i) - mean[p];
        const V weight = a.delta ? V::load(a.delta + i) : x;
        first[chain][p] = first[chain][p] + weight;
        second[chain][p] = multiply_add(weight, x, second[chain][p]);
      }
    };
    Index pixel = 0;
    for (; pixel + chains <= a.pixels; pixel += chains)
      for (int c = 0; c < chains; ++c) add(pixel + c, c);
    if (pixel < a.pixels) add(pixel, 0);
    for (int p = 0; p < parts; ++p) {
      T *const to_first = a.first + p * V::width, *const to_second = a.second + p * V::width;
      (V::load(to_first) + (first[0][p] + first[1][p])).store(to_first);
      (V::load(to_second) + (second[0][p] + second[1][p])).store(to_second);
    }
  });
}

/// The first `samples` lanes of a pixel, added up as all are.
template <class V, class T>
inline T sum_samples(T* pixel, const Measuring<T>& a) {
  for (Index lane = a.samples; lane < a.lanes; ++lane) pixel[lane] = T(0);
  return sum_pixel<V>(pixel, a.lanes);
}

/// Every lane about its first pixel, as Σ x² would lose its digits to a large mean; then all lanes about their mean. In
/// a part of n pixels the first one's square is at most n times the variance, and mostly as good as nothing.
template <class T>
Moments<T> measure(const Measuring<T>& a) {
  constexpr int chains = 2;  // see accumulate_moments
  T means[strip_width<T>], squares[strip_width<T>];
  const T count = T(a.rows * a.pixels), samples = T(a.samples);
  T mean{}, sum{};
  with_pixel<T>(a.lanes, [&](auto of) {
    using V = typename decltype(of)::Vector;
    constexpr int parts = of.parts;
    V start[parts], first[chains][parts], second[chains][parts];
    for (int p = 0; p < parts; ++p) start[p] = V::load(a.input + p * V::width);
    for (int c = 0; c < chains; ++c)
      for (int p = 0; p < parts; ++p) first[c][p] = second[c][p] = zero<V>();
    const auto add = [&](const T* pixel, int chain) {
      for (int p = 0; p < parts; ++p) {
        const V x = V::load(pixel + p * V::width) - start[p];
        first[chain][p] = first[chain][p] + x;
        second[chain][p] = multiply_add(x, x, second[chain][p]);
      }
    };
    for (Index row = 0; row < a.rows; ++row) {
      const T* const pixels = a.input + row * a.row_stride;
      Index pixel = 0;
      for (; pixel + chains <= a.pixels; pixel += chains)
        for (int c = 0; c < chains; ++c) add(pixels + (pixel + c) * a.lanes, c);
      if (pixel < a.pixels) add(pixels + pixel * a.lanes, 0);
    }
    for (int p = 0; p < parts; ++p) {
      const V total = first[0][p] + first[1][p], offset = total * V::broadcast(T(1) / count);
      (start[p] + offset).store(means + p * V::width);
      relu(second[0][p] + second[1][p] - total * offset).store(squares + p * V::width);
    }
    mean = sum_samples<V>(means, a) / samples;
    for (int p = 0; p < parts; ++p) {
      const V apart = V::load(means + p * V::width) - V::broadcast(mean);
      multiply_add(apart * V::broadcast(count), apart, V::load(squares + p * V::width)).store(squares + p * V::width);
    }
    sum = sum_samples<V>(squares, a);
  });
  return {count * samples, mean, sum};
}

template <class V>
inline V normalized(V x, V mean, V scale, V shift) {
  return multiply_add(x - mean, scale, shift);
}

/// A pixel as its reader takes it.
template <class V, bool Normalizes>
struct Normalizer {
  V mean, scale, shift;

  Normalizer(const Normalizing<typename V::Scalar>& by, Index channel) {
    if constexpr (!Normalizes) return;
    mean = V::broadcast(by.mean[channel]);
    scale = V::broadcast(by.scale[channel]);
    shift = V::broadcast(by.shift[channel]);
  }
  V operator()(V x) const {
    if constexpr (Normalizes) return relu(normalized(x, mean, scale, shift));
    else return x;
  }
};

/// From x instead of z: relu' = 1 where z > 0.
template <class T>
void multiply_by_normalized_derivative(const Normalizing<T>& by, const T* x, T* delta, Index count) {
  apply_slope(x, delta, count, [&](auto v, auto d) {
    using V = decltype(v);
    return select_greater(Normalizer<V, true>(by, 0)(v), zero<V>(), d, zero<V>());
  });
}

template <class T>
void add_normalized(const Normalizing<T>& by, const T* x, T* y, Index count) {
  const T mean = *by.mean, scale = *by.scale, shift = *by.shift;  // locals: y might be where `by` points
  for_each_vector<T>(count, [&](auto vector, Index i) {
    using V = decltype(vector);
    const V z = normalized(V::load(x + i), V::broadcast(mean), V::broadcast(scale), V::broadcast(shift));
    (V::load(y + i) + relu(z)).store(y + i);
  });
}

template <class T>
void normalize(const Normalization<T>& a) {
  if (a.lanes == 1) {
    const T mean = *a.mean, scale = *a.scale, shift = a.shift;  // locals: the output might be where `a` points
    return for_each_vector<T>(a.pixels, [&, x = a.input, y = a.output](auto vector, Index i) {
      using V = decltype(vector);
      normalized(V::load(x + i), V::broadcast(mean), V::broadcast(scale), V::broadcast(shift)).store(y + i);
    });
  }
  with_pixel<T>(a.lanes, [&](auto of) {
    using V = typename decltype(of)::Vector;
    constexpr int parts = of.parts;
    const V shift = V::broadcast(a.shift);
    V mean[parts], scale[parts];
    for (int p = 0; p < parts; ++p) {
      mean[p] = V::load(a.mean + p * V::width);
      scale[p] = V::load(a.scale + p * V::width);
    }
    for (Index pixel = 0; pixel < a.pixels * a.lanes; pixel += a.lanes)
      for (int p = 0; p < parts; ++p) {
        const Index i = pixel + p * V::width;
        normalized(V::load(a.input + i), mean[p], scale[p], shift).store(a.output + i);
      }
  });
}

template <class T>
void normalize_delta(const Normalization<T>& a) {
  with_pixel<T>(a.lanes, [&](auto of) {
    using V = typename decltype(of)::Vector;
    constexpr int parts = of.parts;
    V mean[parts], scale[parts], shift[parts], slope[parts];
    for (int p = 0; p < parts; ++p) {
      mean[p] = V::load(a.mean + p * V::width);
      scale[p] = V::load(a.scale + p * V::width);
      shift[p] = zero<V>() - V::load(a.delta_shift + p * V::width);
      slope[p] = zero<V>() - V::load(a.delta_scale + p * V::width);
    }
    for (Index pixel = 0; pixel < a.pixels * a.lanes; pixel += a.lanes)
      for (int p = 0; p < parts; ++p) {
        const Index i = pixel + p * V::width;
        const V direct = multiply_add(V::load(a.delta + i), scale[p], shift[p]);
        multiply_add(V::load(a.input + i) - mean[p], slope[p], direct).store(a.input_delta + i);
      }
  });
}

}  // namespace
}  // namespace cnnbp
