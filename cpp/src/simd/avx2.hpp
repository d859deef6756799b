// The lane vector of AVX2 with FMA: one 32-byte register, or 16 bytes for a narrow last block.
#pragma once

#include <immintrin.h>

#include <cstddef>

namespace cnnbp {
namespace {

template <class T, int Lanes>
struct Vec;

constexpr bool fused = true;

}  // namespace
}  // namespace cnnbp

#include "simd/single.hpp"

namespace cnnbp {
namespace {

/// Negative numbers of 4 bytes, the first `count` of 8; the others are 0.
inline __m256i first_of(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/// Those from `begin` to `end`, likewise.
inline __m256i between(int begin, int end) { return _mm256_andnot_si256(first_of(begin), first_of(end)); }

template <>
struct Vec<float, 4> {
  using Scalar = float;
  static constexpr int width = 4;
  __m128 v;

  static Vec load(const float* p) { return {_mm_loadu_ps(p)}; }
  /// Loaded once, not by each instruction that reads it; see simd/avx512.hpp.
  static Vec load_to_register(const float* p) {
    Vec loaded = load(p);
    asm("" : "+x"(loaded.v));
    return loaded;
  }
  /// The numbers from `begin` to `end`, in their lanes, and 0 in the others, which are not read.
  static Vec load_between(const float* p, int begin, int end) {
    return {_mm_maskload_ps(p, _mm256_castsi256_si128(between(begin, end)))};
  }
  static Vec broadcast(float s) { return {_mm_set1_ps(s)}; }
  void store(float* p) const { _mm_storeu_ps(p, v); }
  /// Numbers so far from each other.
  static Vec load_apart(const float* p, std::ptrdiff_t step) {
    return {_mm_setr_ps(p[0], p[step], p[2 * step], p[3 * step])};
  }
  void store_apart(float* p, std::ptrdiff_t step) const {
    for (int i = 0; i < width; ++i) p[i * step] = v[i];
  }
  /// (0 + 2) + (1 + 3): lanes fold in halves, on every instruction set.
  float sum() const {
    const __m128 halves = _mm_add_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_add_ss(halves, _mm_movehdup_ps(halves)));
  }
  friend Vec operator+(Vec a, Vec b) { return {_mm_add_ps(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm_sub_ps(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm_mul_ps(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm_div_ps(a.v, b.v)}; }
  friend Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm_fmadd_ps(a.v, b.v, c.v)}; }
  friend Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm_blendv_ps(no.v, yes.v, _mm_cmp_ps(a.v, b.v, _CMP_GT_OQ))};
  }
  friend Vec select_nan(Vec a, Vec yes, Vec no) {
    return {_mm_blendv_ps(no.v, yes.v, _mm_cmp_ps(a.v, a.v, _CMP_UNORD_Q))};
  }
  friend Vec select_equal(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm_blendv_ps(no.v, yes.v, _mm_cmp_ps(a.v, b.v, _CMP_EQ_OQ))};
  }
  friend Vec maximum(Vec a, Vec b) { return {_mm_max_ps(a.v, b.v)}; }
  friend Vec minimum(Vec a, Vec b) { return {_mm_min_ps(a.v, b.v)}; }
  friend Vec square_root(Vec a) { return {_mm_sqrt_ps(a.v)}; }
  friend Vec absolute(Vec a) { return {_mm_andnot_ps(_mm_set1_ps(-0.0f), a.v)}; }
  friend Vec copy_sign(Vec magnitude, Vec sign) {
    return {_mm_or_ps(absolute(magnitude).v, _mm_and_ps(_mm_set1_ps(-0.0f), sign.v))};
  }
  /// 2^n from t = n + 127 + 1.5·2^23, n whole: the low bits of t are the exponent.
  friend Vec exp2_of_shifted(Vec t) { return {_mm_castsi128_ps(_mm_slli_epi32(_mm_castps_si128(t.v), 23))}; }
};

/// rows[i][j] ↔ rows[j][i]
inline void transpose(Vec<float, 4> (&rows)[4]) { _MM_TRANSPOSE4_PS(rows[0].v, rows[1].v, rows[2].v, rows[3].v); }

template <>
struct Vec<float, 8> {
  using Scalar = float;
  static constexpr int width = 8;
  __m256 v;

  static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vec load_to_register(const float* p) {
    Vec loaded = load(p);
    asm("" : "+x"(loaded.v));
    return loaded;
  }
  static Vec load_halves(const float* low, const float* high) { return {_mm256_loadu2_m128(high, low)}; }
  static Vec load_apart(const float* p, std::ptrdiff_t step) {
    return {_mm256_setr_m128(Vec<float, 4>::load_apart(p, step).v, Vec<float, 4>::load_apart(p + 4 * step, step).v)};
  }
  void store_apart(float* p, std::ptrdiff_t step) const {
    Vec<float, 4>{_mm256_castps256_ps128(v)}.store_apart(p, step);
    Vec<float, 4>{_mm256_extractf128_ps(v, 1)}.store_apart(p + 4 * step, step);
  }
  /// The first `count` numbers; nothing after them is read or written.
  static Vec load_first(const float* p, int count) { return {_mm256_maskload_ps(p, first_of(count))}; }
  static Vec load_between(const float* p, int begin, int end) { return {_mm256_maskload_ps(p, between(begin, end))}; }
  /// In parts, as some processors take twenty cycles for a masked store.
  void store_first(float* p, int count) const {
    __m128 part = _mm256_castps256_ps128(v);
    if (count == 8) return store(p);
    if ((count & 4) != 0) {
      _mm_storeu_ps(p, part);
      part = _mm256_extractf128_ps(v, 1);
      p += 4;
    }
    if ((count & 2) != 0) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
      part = _mm_movehl_ps(part, part);
      p += 2;
    }
    if ((count & 1) != 0) _mm_store_ss(p, part);
  }
  static Vec broadcast(float s) { return {_mm256_set1_ps(s)}; }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  void store_halves(float* low, float* high) const { _mm256_storeu2_m128(high, low, v); }
  float sum() const { return Vec<float, 4>{_mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1))}.sum(); }
  friend Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
  friend Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  friend Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ))};
  }
  friend Vec select_nan(Vec a, Vec yes, Vec no) {
    return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q))};
  }
  friend Vec select_equal(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ))};
  }
  friend Vec maximum(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
  friend Vec minimum(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
  friend Vec square_root(Vec a) { return {_mm256_sqrt_ps(a.v)}; }
  friend Vec absolute(Vec a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
  friend Vec copy_sign(Vec magnitude, Vec sign) {
    return {_mm256_or_ps(absolute(magnitude).v, _mm256_and_ps(_mm256_set1_ps(-0.0f), sign.v))};
  }
  friend Vec exp2_of_shifted(Vec t) { return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(t.v), 23))}; }
};

template <>
struct Vec<double, 2> {
  using Scalar = double;
  static constexpr int width = 2;
  __m128d v;

  static Vec load(const double* p) { return {_mm_loadu_pd(p)}; }
  static Vec load_to_register(const double* p) {
    Vec loaded = load(p);
    asm("" : "+x"(loaded.v));
    return loaded;
  }
  static Vec load_between(const double* p, int begin, int end) {
    return {_mm_maskload_pd(p, _mm256_castsi256_si128(between(2 * begin, 2 * end)))};
  }
  static Vec broadcast(double s) { return {_mm_set1_pd(s)}; }
  void store(double* p) const { _mm_storeu_pd(p, v); }
  static Vec load_apart(const double* p, std::ptrdiff_t step) { return {_mm_setr_pd(p[0], p[step])}; }
  void store_apart(double* p, std::ptrdiff_t step) const {
    for (int i = 0; i < width; ++i) p[i * step] = v[i];
  }
  double sum() const { return _mm_cvtsd_f64(_mm_add_sd(v, _mm_unpackhi_pd(v, v))); }
  friend Vec operator+(Vec a, Vec b) { return {_mm_add_pd(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm_sub_pd(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm_mul_pd(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm_div_pd(a.v, b.v)}; }
  friend Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm_fmadd_pd(a.v, b.v, c.v)}; }
  friend Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm_blendv_pd(no.v, yes.v, _mm_cmp_pd(a.v, b.v, _CMP_GT_OQ))};
  }
  friend Vec select_nan(Vec a, Vec yes, Vec no) {
    return {_mm_blendv_pd(no.v, yes.v, _mm_cmp_pd(a.v, a.v, _CMP_UNORD_Q))};
  }
  friend Vec select_equal(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm_blendv_pd(no.v, yes.v, _mm_cmp_pd(a.v, b.v, _CMP_EQ_OQ))};
  }
  friend Vec maximum(Vec a, Vec b) { return {_mm_max_pd(a.v, b.v)}; }
  friend Vec minimum(Vec a, Vec b) { return {_mm_min_pd(a.v, b.v)}; }
  friend Vec square_root(Vec a) { return {_mm_sqrt_pd(a.v)}; }
  friend Vec absolute(Vec a) { return {_mm_andnot_pd(_mm_set1_pd(-0.0), a.v)}; }
  friend Vec copy_sign(Vec magnitude, Vec sign) {
    return {_mm_or_pd(absolute(magnitude).v, _mm_and_pd(_mm_set1_pd(-0.0), sign.v))};
  }
  /// 2^n from t = n + 1023 + 1.5·2^52, n whole: the low bits of t are the exponent.
  friend Vec exp2_of_shifted(Vec t) { return {_mm_castsi128_pd(_mm_slli_epi64(_mm_castpd_si128(t.v), 52))}; }
};

inline void transpose(Vec<double, 2> (&rows)[2]) {
  const __m128d first = rows[0].v;
  rows[0].v = _mm_unpacklo_pd(first, rows[1].v);
  rows[1].v = _mm_unpackhi_pd(first, rows[1].v);
}

template <>
struct Vec<double, 4> {
  using Scalar = double;
  static constexpr int width = 4;
  __m256d v;

  static Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static Vec load_to_register(const double* p) {
    Vec loaded = load(p);
    asm("" : "+x"(loaded.v));
    return loaded;
  }
  static Vec load_halves(const double* low, const double* high) { return {_mm256_loadu2_m128d(high, low)}; }
  static Vec load_apart(const double* p, std::ptrdiff_t step) {
    return {_mm256_setr_pd(p[0], p[step], p[2 * step], p[3 * step])};
  }
  void store_apart(double* p, std::ptrdiff_t step) const {
    Vec<double, 2>{_mm256_castpd256_pd128(v)}.store_apart(p, step);
    Vec<double, 2>{_mm256_extractf128_pd(v, 1)}.store_apart(p + 2 * step, step);
  }
  static Vec load_first(const double* p, int count) { return {_mm256_maskload_pd(p, first_of(2 * count))}; }
  static Vec load_between(const double* p, int begin, int end) {
    return {_mm256_maskload_pd(p, between(2 * begin, 2 * end))};
  }
  void store_first(double* p, int count) const {
    __m128d part = _mm256_castpd256_pd128(v);
    if (count == 4) return store(p);
    if ((count & 2) != 0) {
      _mm_storeu_pd(p, part);
      part = _mm256_extractf128_pd(v, 1);
      p += 2;
    }
    if ((count & 1) != 0) _mm_store_sd(p, part);
  }
  static Vec broadcast(double s) { return {_mm256_set1_pd(s)}; }
  void store(double* p) const { _mm256_storeu_pd(p, v); }
  void store_halves(double* low, double* high) const { _mm256_storeu2_m128d(high, low, v); }
  double sum() const {
    return Vec<double, 2>{_mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1))}.sum();
  }
  friend Vec operator+(Vec a, Vec b) { return {_mm256_add_pd(a.v, b.v)}; }
  friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_pd(a.v, b.v)}; }
  friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_pd(a.v, b.v)}; }
  friend Vec operator/(Vec a, Vec b) { return {_mm256_div_pd(a.v, b.v)}; }
  friend Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
  friend Vec select_greater(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm256_blendv_pd(no.v, yes.v, _mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ))};
  }
  friend Vec select_nan(Vec a, Vec yes, Vec no) {
    return {_mm256_blendv_pd(no.v, yes.v, _mm256_cmp_pd(a.v, a.v, _CMP_UNORD_Q))};
  }
  friend Vec select_equal(Vec a, Vec b, Vec yes, Vec no) {
    return {_mm256_blendv_pd(no.v, yes.v, _mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ))};
  }
  friend Vec maximum(Vec a, Vec b) { return {_mm256_max_pd(a.v, b.v)}; }
  friend Vec minimum(Vec a, Vec b) { return {_mm256_min_pd(a.v, b.v)}; }
  friend Vec square_root(Vec a) { return {_mm256_sqrt_pd(a.v)}; }
  friend Vec absolute(Vec a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
  friend Vec copy_sign(Vec magnitude, Vec sign) {
    return {_mm256_or_pd(absolute(magnitude).v, _mm256_and_pd(_mm256_set1_pd(-0.0), sign.v))};
  }
  friend Vec exp2_of_shifted(Vec t) { return {_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(t.v), 52))}; }
};

/// Two squares side by side, each half of the rows on its own.
inline void transpose(Vec<float, 8> (&rows)[4]) {
  const __m256 a = _mm256_unpacklo_ps(rows[0].v, rows[1].v), b = _mm256_unpackhi_ps(rows[0].v, rows[1].v);
  const __m256 c = _mm256_unpacklo_ps(rows[2].v, rows[3].v), d = _mm256_unpackhi_ps(rows[2].v, rows[3].v);
  rows[0].v = _mm256_shuffle_ps(a, c, 0x44);
  rows[1].v = _mm256_shuffle_ps(a, c, 0xee);
  rows[2].v = _mm256_shuffle_ps(b, d, 0x44);
  rows[3].v = _mm256_shuffle_ps(b, d, 0xee);
}

inline void transpose(Vec<double, 4> (&rows)[2]) {
  const __m256d first = rows[0].v;
  rows[0].v = _mm256_unpacklo_pd(first, rows[1].v);
  rows[1].v = _mm256_unpackhi_pd(first, rows[1].v);
}

#ifndef CNNBP_SIMD_WIDEST  // simd/avx512.hpp builds on this file and has wider ones
template <class T>
constexpr int widest = 32 / sizeof(T);
constexpr int vector_registers = 16;
#endif

}  // namespace
}  // namespace cnnbp
