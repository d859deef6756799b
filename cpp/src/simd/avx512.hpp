// The lane vector of AVX-512: one 64-byte register holds a whole block of samples. Narrower blocks use
// the vectors of AVX2, which the same processors have.
#pragma once

#include <cstddef>

#define CNNBP_SIMD_WIDEST 64
#include "simd/avx2.hpp"

namespace cnnbp {
namespace {

template <>
struct Vec<float, 16> {
  using Scalar = float;
  static constexpr int width = 16;
  __m512 v;

  static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
  /// For what several multiply-adds read: GCC would make it an operand in memory of each, and loads are what a tile of
  /// the gradient waits for then. It ran a fifth faster by this.
  static Vec load_to_register(const float* p) {
    Vec loaded = load(p);
    asm("" : "+v"(loaded.v));
    return loaded;
  }
  static Vec load_halves(const float* low, const float* high) {
    return {_mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(low)), _mm256_loadu_ps(high), 1)};
  }
  /// Four parts, so far from each other.
  static Vec load_quarters(const float* p, std::ptrdiff_t step) {
    using Half = Vec<float, 8>;  // Clang's intrinsics are macros, to which a comma within <> is one between arguments
    const __m512 half = _mm512_castps256_ps512(Half::load_halves(p, p + step).v);
    return {_mm512_insertf32x8(half, Half::load_halves(p + 2 * step, p + 3 * step).v, 1)};
  }
  static Vec load_first(const float* p, int count) { return {_mm512_maskz_loadu_ps(Mask((1u << count) - 1), p)}; }
  static Vec load_between(const float* p, int begin, int end) {
    return {_mm512_maskz_loadu_ps(Mask(((1u << end) - 1) & ~((1u << begin) - 1)), p)};
  }
  void store_first(float* p, int count) const { _mm512_mask_storeu_ps(p, Mask((1u << count) - 1), v); }
  /// All lanes or none; nothing is read then, and the sum stays as it is.
  using Mask = __mmask16;
  static Mask mask(bool all) { return all ? Mask(~Mask{0}) : Mask{0}; }
  static Vec load_where(Mask mask, const float* p) { return {_mm512_maskz_loadu_ps(mask, p)}; }
  friend Vec multiply_add_where(Mask mask, Vec a, Vec b, Vec c) { return {_mm512_mask3_fmadd_ps(a.v, b.v, c.v, mask)}; }
  static Vec broadcast(float s) { return {_mm512_set1_ps(s)}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store_halves(float* low, float* high) const {
    _mm256_storeu_ps(low, _mm512_castps512_ps256(v));
    _mm256_storeu_ps(high, _mm512_extractf32x8_ps(v, 1));
  }
  float sum() const {
    const __m512d bits = _mm512_castps_pd(v);
    const __m256 low = _mm256_castpd_ps(_mm512_castpd512_pd256(bits));
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(bits, 1));
    return Vec<float, 8>{_mm256_add_ps(low, high)}.sum();
  }
  friend Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
  friend Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  friend Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ), no.v, yes.v)};
  }
  friend Vec select_nan(Vec a, Vec yes, Vec no) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), no.v, yes.v)};
  }
  friend Vec select_equal(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ), no.v, yes.v)};
  }
  friend Vec maximum(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
  friend Vec minimum(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
  friend Vec square_root(Vec a) { return {_mm512_sqrt_ps(a.v)}; }
  friend Vec absolute(Vec a) { return {_mm512_abs_ps(a.v)}; }
  friend Vec copy_sign(Vec magnitude, Vec sign) {
    const __m512i sign_bit = _mm512_set1_epi32(static_cast<int>(0x80000000u));
    const __m512i bits = _mm512_and_si512(_mm512_castps_si512(sign.v), sign_bit);
    return {_mm512_castsi512_ps(_mm512_or_si512(_mm512_castps_si512(absolute(magnitude).v), bits))};
  }
  friend Vec exp2_of_shifted(Vec t) { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(t.v), 23))}; }
};

template <>
struct Vec<double, 8> {
  using Scalar = double;
  static constexpr int width = 8;
  __m512d v;

  static Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
  static Vec load_to_register(const double* p) {
    Vec loaded = load(p);
    asm("" : "+v"(loaded.v));
    return loaded;
  }
  static Vec load_halves(const double* low, const double* high) {
    return {_mm512_insertf64x4(_mm512_castpd256_pd512(_mm256_loadu_pd(low)), _mm256_loadu_pd(high), 1)};
  }
  static Vec load_quarters(const double* p, std::ptrdiff_t step) {
    using Half = Vec<double, 4>;  // Clang's intrinsics are macros, to which a comma within <> is one between arguments
    const __m512d half = _mm512_castpd256_pd512(Half::load_halves(p, p + step).v);
    return {_mm512_insertf64x4(half, Half::load_halves(p + 2 * step, p + 3 * step).v, 1)};
  }
  static Vec load_first(const double* p, int count) { return {_mm512_maskz_loadu_pd(Mask((1u << count) - 1), p)}; }
  static Vec load_between(const double* p, int begin, int end) {
    return {_mm512_maskz_loadu_pd(Mask(((1u << end) - 1) & ~((1u << begin) - 1)), p)};
  }
  void store_first(double* p, int count) const { _mm512_mask_storeu_pd(p, Mask((1u << count) - 1), v); }
  /// All lanes or none; nothing is read then, and the sum stays as it is.
  using Mask = __mmask8;
  static Mask mask(bool all) { return all ? Mask(~Mask{0}) : Mask{0}; }
  static Vec load_where(Mask mask, const double* p) { return {_mm512_maskz_loadu_pd(mask, p)}; }
  friend Vec multiply_add_where(Mask mask, Vec a, Vec b, Vec c) { return {_mm512_mask3_fmadd_pd(a.v, b.v, c.v, mask)}; }
  static Vec broadcast(double s) { return {_mm512_set1_pd(s)}; }
  void store(double* p) const { _mm512_storeu_pd(p, v); }
  void store_halves(double* low, double* high) const {
    _mm256_storeu_pd(low, _mm512_castpd512_pd256(v));
    _mm256_storeu_pd(high, _mm512_extractf64x4_pd(v, 1));
  }
  double sum() const {
    const __m256d low = _mm512_castpd512_pd256(v), high = _mm512_extractf64x4_pd(v, 1);
    return Vec<double, 4>{_mm256_add_pd(low, high)}.sum();
  }
  friend Vec operator+(Vec a, Vec b) { return {_mm512_add_pd(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_pd(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_pd(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm512_div_pd(a.v, b.v)}; }
  friend Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
  friend Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm512_mask_blend_pd(_mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ), no.v, yes.v)};
  }
  friend Vec select_nan(Vec a, Vec yes, Vec no) {
    return {_mm512_mask_blend_pd(_mm512_cmp_pd_mask(a.v, a.v, _CMP_UNORD_Q), no.v, yes.v)};
  }
  friend Vec select_equal(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm512_mask_blend_pd(_mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ), no.v, yes.v)};
  }
  friend Vec maximum(Vec a, Vec b) { return {_mm512_max_pd(a.v, b.v)}; }
  friend Vec minimum(Vec a, Vec b) { return {_mm512_min_pd(a.v, b.v)}; }
  friend Vec square_root(Vec a) { return {_mm512_sqrt_pd(a.v)}; }
  friend Vec absolute(Vec a) { return {_mm512_abs_pd(a.v)}; }
  friend Vec copy_sign(Vec magnitude, Vec sign) {
    const __m512i sign_bit = _mm512_set1_epi64(static_cast<long long>(0x8000000000000000ull));
    const __m512i bits = _mm512_and_si512(_mm512_castpd_si512(sign.v), sign_bit);
    return {_mm512_castsi512_pd(_mm512_or_si512(_mm512_castpd_si512(absolute(magnitude).v), bits))};
  }
  friend Vec exp2_of_shifted(Vec t) { return {_mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(t.v), 52))}; }
};

/// Four squares side by side, each quarter of the rows on its own.
inline void transpose(Vec<float, 16> (&rows)[4]) {
  const __m512 a = _mm512_unpacklo_ps(rows[0].v, rows[1].v), b = _mm512_unpackhi_ps(rows[0].v, rows[1].v);
  const __m512 c = _mm512_unpacklo_ps(rows[2].v, rows[3].v), d = _mm512_unpackhi_ps(rows[2].v, rows[3].v);
  rows[0].v = _mm512_shuffle_ps(a, c, 0x44);
  rows[1].v = _mm512_shuffle_ps(a, c, 0xee);
  rows[2].v = _mm512_shuffle_ps(b, d, 0x44);
  rows[3].v = _mm512_shuffle_ps(b, d, 0xee);
}

inline void transpose(Vec<double, 8> (&rows)[2]) {
  const __m512d first = rows[0].v;
  rows[0].v = _mm512_unpacklo_pd(first, rows[1].v);
  rows[1].v = _mm512_unpackhi_pd(first, rows[1].v);
}

template <class T>
constexpr int widest = 64 / sizeof(T);
constexpr int vector_registers = 32;

}  // namespace
}  // namespace cnnbp
