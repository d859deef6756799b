// One number in place of a lane vector: a block of a single sample, and what whole vectors leave of a row. The same on
// every instruction set, which says before whether its multiply-adds are `fused`, rounded once.
#pragma once

#include <cstdint>

namespace cnnbp {
namespace {

/// The whole number that has a number's bits.
template <class T>
struct BitsOf {
  using type = std::uint32_t;
};
template <>
struct BitsOf<double> {
  using type = std::uint64_t;
};

template <class T>
struct Vec<T, 1> {
  using Scalar = T;
  static constexpr int width = 1;
  T v;

  static Vec load(const T* p) { return {*p}; }
  static Vec load_to_register(const T* p) { return {*p}; }
  static Vec broadcast(T s) { return {s}; }
  void store(T* p) const { *p = v; }
  T sum() const { return v; }
  friend Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
  friend Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
  friend Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
  friend Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
  friend Vec multiply_add(Vec a, Vec b, Vec c) {
    if constexpr (!fused) return {a.v * b.v + c.v};
    else if constexpr (sizeof(T) == 4) return {__builtin_fmaf(a.v, b.v, c.v)};
    else return {__builtin_fma(a.v, b.v, c.v)};
  }
  friend Vec select_greater(Vec a, Vec b, Vec yes, Vec no) { return a.v > b.v ? yes : no; }
  friend Vec select_nan(Vec a, Vec yes, Vec no) { return a.v != a.v ? yes : no; }
  friend Vec select_equal(Vec a, Vec b, Vec yes, Vec no) { return a.v == b.v ? yes : no; }
  /// The second one if they are equal or one is NaN, as of vectors.
  friend Vec maximum(Vec a, Vec b) { return a.v > b.v ? a : b; }
  friend Vec minimum(Vec a, Vec b) { return a.v < b.v ? a : b; }
  friend Vec square_root(Vec a) {
    if constexpr (sizeof(T) == 4) return {__builtin_sqrtf(a.v)};
    else return {__builtin_sqrt(a.v)};
  }
  friend Vec absolute(Vec a) { return of(bits(a) & ~sign_bit); }
  friend Vec copy_sign(Vec magnitude, Vec sign) { return of((bits(magnitude) & ~sign_bit) | (bits(sign) & sign_bit)); }
  /// 2^n from t = n + bias + 1.5·2^mantissa_bits, n whole: the low bits of t are the exponent.
  friend Vec exp2_of_shifted(Vec t) { return of(bits(t) << (sizeof(T) == 4 ? 23 : 52)); }

 private:
  using Bits = typename BitsOf<T>::type;
  static constexpr Bits sign_bit = Bits(1) << (8 * sizeof(T) - 1);
  static Bits bits(Vec a) { return __builtin_bit_cast(Bits, a.v); }
  static Vec of(Bits bits) { return {__builtin_bit_cast(T, bits)}; }
};

}  // namespace
}  // namespace cnnbp
