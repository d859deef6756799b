// The lane vector without an instruction set of its own: 16 bytes by the compiler's vector extension,
// which every target lowers to its baseline registers (SSE2 on x86-64, NEON on AArch64).
// A lane vector has only the operations that the kernels use. Multiply-adds round twice here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cnnbp {
namespace {

template <class T, int Lanes>
struct Vec;

constexpr bool fused = false;

}  // namespace
}  // namespace cnnbp

#include "simd/single.hpp"

namespace cnnbp {
namespace {

template <class T, class Bits, int Lanes>
struct PortableVec {
  using Scalar = T;
  static constexpr int width = Lanes;
  typedef T Native __attribute__((vector_size(16)));
  typedef Bits NativeBits __attribute__((vector_size(16)));
  using Self = Vec<T, Lanes>;

  Native v;

  static Self load(const T* p) {
    Self r;
    __builtin_memcpy(&r.v, p, sizeof r.v);
    return r;
  }
  static Self load_to_register(const T* p) { return load(p); }
  static Self broadcast(T s) { return Self{{Native{} + s}}; }
  void store(T* p) const { __builtin_memcpy(p, &v, sizeof v); }
  /// Numbers so far from each other.
  static Self load_apart(const T* p, std::ptrdiff_t step) {
    Self r;
    for (int i = 0; i < Lanes; ++i) r.v[i] = p[i * step];
    return r;
  }
  void store_apart(T* p, std::ptrdiff_t step) const {
    for (int i = 0; i < Lanes; ++i) p[i * step] = v[i];
  }
  /// The first `count` numbers; nothing after them is read or written.
  static Self load_first(const T* p, int count) {
    Self r{};
    for (int i = 0; i < count; ++i) r.v[i] = p[i];
    return r;
  }
  /// The numbers from `begin` to `end`, in their lanes, and 0 in the others, which are not read.
  static Self load_between(const T* p, int begin, int end) {
    Self r{};
    for (int i = begin; i < end; ++i) r.v[i] = p[i];
    return r;
  }
  void store_first(T* p, int count) const {
    for (int i = 0; i < count; ++i) p[i] = v[i];
  }

  friend Self operator+(Self a, Self b) { return Self{{a.v + b.v}}; }
  friend Self operator-(Self a, Self b) { return Self{{a.v - b.v}}; }
  friend Self operator*(Self a, Self b) { return Self{{a.v * b.v}}; }
  friend Self operator/(Self a, Self b) { return Self{{a.v / b.v}}; }
  friend Self multiply_add(Self a, Self b, Self c) { return Self{{a.v * b.v + c.v}}; }
  friend Self select_greater(Self a, Self b, Self yes, Self no) { return Self{{choose(a.v > b.v, yes.v, no.v)}}; }
  friend Self select_nan(Self a, Self yes, Self no) { return Self{{choose(a.v != a.v, yes.v, no.v)}}; }
  friend Self select_equal(Self a, Self b, Self yes, Self no) { return Self{{choose(a.v == b.v, yes.v, no.v)}}; }
  /// The second one if they are equal or one is NaN, as on x86.
  friend Self maximum(Self a, Self b) { return Self{{choose(a.v > b.v, a.v, b.v)}}; }
  friend Self minimum(Self a, Self b) { return Self{{choose(a.v < b.v, a.v, b.v)}}; }
  /// A float's root, rounded from the double's, is the one rounded once.
  friend Self square_root(Self a) {
    Self r;
    for (int i = 0; i < Lanes; ++i) r.v[i] = T(__builtin_sqrt(a.v[i]));
    return r;
  }
  friend Self absolute(Self a) { return Self{{Native(NativeBits(a.v) & ~sign_bits())}}; }
  friend Self copy_sign(Self magnitude, Self sign) {
    return Self{{Native((NativeBits(magnitude.v) & ~sign_bits()) | (NativeBits(sign.v) & sign_bits()))}};
  }
  /// 2^n from t = n + bias + 1.5·2^mantissa_bits, n whole: the low bits of t are the exponent.
  friend Self exp2_of_shifted(Self t) { return Self{{Native(NativeBits(t.v) << mantissa_bits)}}; }

 private:
  static constexpr int mantissa_bits = sizeof(T) == 4 ? 23 : 52;
  static NativeBits sign_bits() { return NativeBits{} + (Bits(1) << (8 * sizeof(T) - 1)); }
  static Native choose(NativeBits mask, Native yes, Native no) {
    return Native((mask & NativeBits(yes)) | (~mask & NativeBits(no)));
  }
};

template <>
struct Vec<float, 4> : PortableVec<float, std::int32_t, 4> {
  /// (0 + 2) + (1 + 3): lanes fold in halves, on every instruction set.
  float sum() const { return (v[0] + v[2]) + (v[1] + v[3]); }
};
template <>
struct Vec<double, 2> : PortableVec<double, std::int64_t, 2> {
  double sum() const { return v[0] + v[1]; }
};

/// rows[i][j] ↔ rows[j][i]
template <class T, int Lanes>
inline void transpose(Vec<T, Lanes> (&rows)[Lanes]) {
  for (int i = 0; i < Lanes; ++i)
    for (int j = 0; j < i; ++j) {
      const T above = rows[j].v[i];
      rows[j].v[i] = rows[i].v[j];
      rows[i].v[j] = above;
    }
}

template <class T>
constexpr int widest = 16 / sizeof(T);
constexpr int vector_registers = 16;

}  // namespace
}  // namespace cnnbp
