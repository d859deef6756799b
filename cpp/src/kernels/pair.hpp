// Two lane vectors that go through a function side by side.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

/// While one waits for a result, the other computes: a function is a chain of twenty operations or more, and what a
/// processor looks ahead does not reach enough of the vectors after it to fill its units. Sigmoid takes 8 percent less,
/// tanh and gelu 10 to 12, the toolbox's step 2. Members are named, as GCC 12 leaves arrays of vectors in memory.
template <class V>
struct Pair {
  using Scalar = typename V::Scalar;
  static constexpr int width = 2 * V::width;
  V first, second;

  static Pair load(const Scalar* p) { return {V::load(p), V::load(p + V::width)}; }
  static Pair broadcast(Scalar s) { return {V::broadcast(s), V::broadcast(s)}; }
  void store(Scalar* p) const {
    first.store(p);
    second.store(p + V::width);
  }
  friend Pair operator+(Pair a, Pair b) { return {a.first + b.first, a.second + b.second}; }
  friend Pair operator-(Pair a, Pair b) { return {a.first - b.first, a.second - b.second}; }
  friend Pair operator*(Pair a, Pair b) { return {a.first * b.first, a.second * b.second}; }
  friend Pair operator/(Pair a, Pair b) { return {a.first / b.first, a.second / b.second}; }
  friend Pair multiply_add(Pair a, Pair b, Pair c) {
    return {multiply_add(a.first, b.first, c.first), multiply_add(a.second, b.second, c.second)};
  }
  friend Pair select_greater(Pair a, Pair b, Pair yes, Pair no) {
    return {select_greater(a.first, b.first, yes.first, no.first),
            select_greater(a.second, b.second, yes.second, no.second)};
  }
  friend Pair maximum(Pair a, Pair b) { return {maximum(a.first, b.first), maximum(a.second, b.second)}; }
  friend Pair minimum(Pair a, Pair b) { return {minimum(a.first, b.first), minimum(a.second, b.second)}; }
  friend Pair absolute(Pair a) { return {absolute(a.first), absolute(a.second)}; }
  friend Pair copy_sign(Pair magnitude, Pair sign) {
    return {copy_sign(magnitude.first, sign.first), copy_sign(magnitude.second, sign.second)};
  }
  friend Pair exp2_of_shifted(Pair t) { return {exp2_of_shifted(t.first), exp2_of_shifted(t.second)}; }
};

/// As for_each_vector, the widest in pairs as long as they fit.
template <class T, class Body>
inline void for_each_pair(Index count, Body body) {
  using Both = Pair<Vec<T, widest<T>>>;
  const Index even = count / Both::width * Both::width;
  for (Index i = 0; i < even; i += Both::width) body(Both{}, i);
  for_each_vector<T>(count, body, even);
}

}  // namespace
}  // namespace cnnbp
