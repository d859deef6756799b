// From the lanes of a block to the lane vector that serves it.
#pragma once

#include "kernels/arguments.hpp"

namespace cnnbp {
namespace {

/// Lanes of the next narrower vector: half as many or, after 16 bytes, one.
template <class T>
constexpr int narrower(int width) {
  return width > int(16 / sizeof(T)) ? width / 2 : 1;
}

/// The longest vector of numbers that lie apart: to put longer ones together takes the registers that sums are in.
template <class T>
constexpr int widest_apart = widest<T> < int(32 / sizeof(T)) ? widest<T> : int(32 / sizeof(T));

/// Calls body(Vec) with the widest lane vector that divides a block of `lanes` samples.
template <class T, int Width = widest<T>, int Narrowest = 1, class Body>
inline void with_vector(Index lanes, Body body) {
  if constexpr (Width > Narrowest)
    if (lanes % Width != 0) return with_vector<T, narrower<T>(Width), Narrowest>(lanes, body);
  body(Vec<T, Width>{});
}

/// Calls body(vector, offset) for the lane vectors that cover `count` elements: the widest as long as they fit, then
/// narrower ones.
template <class T, int Width = widest<T>, class Body>
inline void for_each_vector(Index count, Body body, Index begin = 0) {
  Index i = begin;
  for (; i + Width <= count; i += Width) body(Vec<T, Width>{}, i);
  if constexpr (Width > 1)
    if (i < count) for_each_vector<T, narrower<T>(Width)>(count, body, i);
}

/// One pixel of a block: `parts` vectors side by side.
template <class V, int Parts>
struct PixelVectors {
  using Vector = V;
  static constexpr int parts = Parts;
};

/// Calls body(PixelVectors) with what a pixel of `lanes` samples is. A plane that is walked once for each part instead
/// is fetched as often, if it is larger than the first cache.
template <class T, class Body>
inline void with_pixel(Index lanes, Body body) {
  with_vector<T>(lanes, [&](auto vector) {
    using V = decltype(vector);
    constexpr Index most = 64 / (V::width * sizeof(T));
    if constexpr (V::width == widest<T> && most >= 4)
      if (lanes == 4 * V::width) return body(PixelVectors<V, 4>{});
    if constexpr (V::width == widest<T> && most >= 2)
      if (lanes == 2 * V::width) return body(PixelVectors<V, 2>{});
    body(PixelVectors<V, 1>{});
  });
}

/// Calls body.operator()<Count>() for a count from 1 to `Most`.
template <int Most, class Body>
inline void with_count(Index count, Body body) {
  if constexpr (Most > 1)
    if (count < Most) return with_count<Most - 1>(count, body);
  body.template operator()<Most>();
}

/// Calls body(i) for i < Count, at most 8 times, each time in code of its own.
template <int Count, class Body>
[[gnu::always_inline]] inline void unrolled(Body body) {
#pragma GCC unroll 8
  for (int i = 0; i < Count; ++i) body(i);
}

/// As many numbers of another type as there are lanes.
template <class Number, int Count>
struct NumberVector {
  using type [[gnu::vector_size(Count * sizeof(Number))]] = Number;
};

/// Whole numbers from 0 on, that fit the type, to and from it.
template <class V, class Whole>
inline void store_whole(V v, Whole* to) {
  using Lanes = typename NumberVector<typename V::Scalar, V::width>::type;
  using Integers = typename NumberVector<int, V::width>::type;
  using Stored = typename NumberVector<Whole, V::width>::type;
  const auto integers = __builtin_convertvector(__builtin_bit_cast(Lanes, v), Integers);
  const auto stored = __builtin_convertvector(integers, Stored);
  __builtin_memcpy(to, &stored, sizeof stored);
}

template <class V, class Whole>
inline V load_whole(const Whole* from) {
  using Lanes = typename NumberVector<typename V::Scalar, V::width>::type;
  using Integers = typename NumberVector<int, V::width>::type;
  typename NumberVector<Whole, V::width>::type stored;
  __builtin_memcpy(&stored, from, sizeof stored);
  return __builtin_bit_cast(V, __builtin_convertvector(__builtin_convertvector(stored, Integers), Lanes));
}

template <class V>
inline V zero() {
  return V::broadcast(typename V::Scalar(0));
}

/// `Parts` vectors side by side, folded in halves until one is left, and that summed.
template <class V, int Parts>
inline typename V::Scalar sum_parts(const typename V::Scalar* pixel) {
  V part[Parts];
  for (int i = 0; i < Parts; ++i) part[i] = V::load(pixel + i * V::width);
  for (int count = Parts; count > 1; count /= 2)
    for (int i = 0; i < count / 2; ++i) part[i] = part[i] + part[i + count / 2];
  return part[0].sum();
}

/// The sum of one pixel's lanes, in the same order on every instruction set.
template <class V>
inline typename V::Scalar sum_pixel(const typename V::Scalar* pixel, Index lanes) {
  constexpr Index most = 64 / (V::width * sizeof(typename V::Scalar));
  if constexpr (most >= 4)
    if (lanes == 4 * V::width) return sum_parts<V, 4>(pixel);
  if constexpr (most >= 2)
    if (lanes == 2 * V::width) return sum_parts<V, 2>(pixel);
  return sum_parts<V, 1>(pixel);
}

}  // namespace
}  // namespace cnnbp
