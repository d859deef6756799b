// Gradient of a convolution's kernel, where all taps of a kernel row fit the registers: 3 columns of 3 input channels,
// as the first layers of networks on colour images have them. With 32 registers and masks, that is AVX-512, alone; see
// kernel_gradient.hpp.
#pragma once

#include "kernels/vectors.hpp"

namespace cnnbp {
namespace {

inline Span intersection(Span a, Span b) {
  return {a.begin > b.begin ? a.begin : b.begin, a.end < b.end ? a.end : b.end};
}

/// Neighbouring columns of the delta that the same kernel columns serve.
template <int Columns>
struct Stretch {
  Span columns;
  bool serves[Columns];
};

/// All of them, side by side: each kernel column begins one and ends one.
template <int Columns>
struct Stretches {
  Stretch<Columns> all[2 * Columns + 1];
  int count = 0;

  template <class T>
  explicit Stretches(const KernelGradient<T>& a) {
    for (Index begin = a.columns.begin; begin < a.columns.end; begin = all[count++].columns.end) {
      Stretch<Columns>& stretch = all[count] = {{begin, a.columns.end}, {}};
      for (int kw = 0; kw < Columns; ++kw) {
        const Span of = intersection(a.kernel_columns[kw], a.columns);
        stretch.serves[kw] = of.begin <= begin && begin < of.end;
        const Index change = begin < of.begin ? of.begin : begin < of.end ? of.end : stretch.columns.end;
        if (change < stretch.columns.end) stretch.columns.end = change;
      }
    }
  }
};

/// Calls body(ic, kw) for some columns of all channels. With loops that are not unrolled by name GCC 12 leaves sums in
/// memory, and the gradient takes twice as long.
template <int Channels, int Columns, class Body>
[[gnu::always_inline]] inline void for_each_in_window(Body body) {
  unrolled<Channels>([&](int ic) { unrolled<Columns>([&](int kw) { body(ic, kw); }); });
}

/// A kernel row of 3 input channels × 3 columns and `Tile` output channels, 2 of which fill the registers: an input is
/// loaded once and moves through its channel's taps. 5 loads for 18 multiply-adds, where a tile of 4 × 3 has 7 for 12;
/// maps of 32 × 32 take a tenth to a fifth less. Taps that meet no data at a map's sides are masked, so every sum
/// has the order that it has in a gradient_tile.
template <int Tile, class T>
[[gnu::noinline]] void gradient_window(const KernelGradient<T>& a, const Stretches<3>& stretches, const T* input,
                                       const T* delta, T* sums, Index kh) {
  using V = Vec<T, widest<T>>;
  constexpr int channels = 3, columns = 3, last = columns - 1;
  const Index input_stride = a.input_channel_stride, column_sums = a.tile * strip_width<T>;
  const Index channel_sums = (a.kernel_row_end - a.kernel_row_begin) * columns * column_sums;
  const auto place = [&](int ic, int kw) { return sums + ic * channel_sums + kw * column_sums; };
  V sum[channels][columns][Tile];
  for_each_in_window<channels, columns>([&](int ic, int kw) {
    unrolled<Tile>([&](int oc) { sum[ic][kw][oc] = V::load(place(ic, kw) + oc * V::width); });
  });
  const Span rows = intersection(a.kernel_rows[kh], a.rows);
  for (Index oh = rows.begin; oh < rows.end; ++oh)
    for (int i = 0; i < stretches.count; ++i) {
      const Stretch<columns>& stretch = stretches.all[i];
      Index column = stretch.columns.begin;
      const T* d = delta + oh * a.delta_row_stride + column * V::width;
      const T* x = input + oh * a.stride_height * a.input_row_stride + column * V::width;
      typename V::Mask serves[columns];
      for (int kw = 0; kw < columns; ++kw) serves[kw] = V::mask(stretch.serves[kw]);
      V in[channels][columns];
      const auto load = [&](int ic, int kw) {
        in[ic][kw] = V::load_where(serves[kw], x + ic * input_stride + kw * V::width);
      };
      for_each_in_window<channels, last>(load);
      for (; column < stretch.columns.end; ++column, d += V::width, x += V::width) {
        for_each_in_window<channels, 1>([&](int ic, int) { load(ic, last); });
        unrolled<Tile>([&](int oc) {
          const V pixel = V::load_to_register(d + oc * a.delta_channel_stride);
          for_each_in_window<channels, columns>([&](int ic, int kw) {
            sum[ic][kw][oc] = multiply_add_where(serves[kw], pixel, in[ic][kw], sum[ic][kw][oc]);
          });
        });
        for_each_in_window<channels, last>([&](int ic, int kw) { in[ic][kw] = in[ic][kw + 1]; });
      }
    }
  for_each_in_window<channels, columns>(
      [&](int ic, int kw) { unrolled<Tile>([&](int oc) { sum[ic][kw][oc].store(place(ic, kw) + oc * V::width); }); });
}

/// Whether kernel rows of 3 × 3 taps are windows, whose columns follow each other as the delta's do.
template <class T>
inline bool takes_windows(const KernelGradient<T>& a) {
  return a.kernel_width == 3 && a.input_channels % 3 == 0 && a.lanes == strip_width<T> && a.stride_width == 1 &&
         a.dilation_width == 1;
}

/// All output channels, two at a time.
template <class T>
void accumulate_windows(const KernelGradient<T>& a) {
  const Index kernel_rows = a.kernel_row_end - a.kernel_row_begin, column_sums = a.tile * strip_width<T>;
  const Stretches<3> stretches(a);
  for (Index oc = 0, next; oc < a.tile; oc = next) {
    next = oc + (a.tile - oc < 2 ? 1 : 2);
    for (Index ic = 0; ic < a.input_channels; ic += 3)
      for (Index kh = a.kernel_row_begin; kh < a.kernel_row_end; ++kh) {
        const T* input = a.input + ic * a.input_channel_stride +
                         (kh * a.dilation_height - a.pad_top) * a.input_row_stride - a.pad_left * a.lanes;
        const T* delta = a.delta + oc * a.delta_channel_stride;
        T* sums = a.sums + (ic * kernel_rows + kh - a.kernel_row_begin) * 3 * column_sums + oc * strip_width<T>;
        with_count<2>(next - oc, [&]<int Tile>() { gradient_window<Tile>(a, stretches, input, delta, sums, kh); });
      }
  }
}

}  // namespace
}  // namespace cnnbp
