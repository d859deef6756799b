// Gradient of a convolution's kernel: one register-tiled sum over the pixels of delta and input.
#pragma once

#include "kernels/gradient_windows.hpp"

namespace cnnbp {
namespace {

/// Output channels of a tile, and its taps, which are neighbouring input channels or neighbouring kernel columns: with
/// 16 registers 4 × 3 or, of wide kernels' columns, 2 × 5; with 32 registers 4 × 5. Sums, inputs and one delta stay
/// there.
constexpr int most_gradient_taps = 5, most_gradient_tile = 4;
constexpr int taps_of_tile(int tile) {
  const int taps = (vector_registers - 1) / (tile + 1);
  return taps < most_gradient_taps ? taps : most_gradient_taps;
}

/// How a vector meets the inputs of pixels that are neighbours in the delta.
enum class Inputs {
  together,  // one pixel, or some that lie side by side
  moving,    // one pixel, and each tap reads at it what the tap before it reads at the next
  halves,    // two pixels that a stride parts
  quarters,  // four
  apart,     // as many as there are lanes, of a single sample
};

/// Where one tile reads and adds: `Tile` output channels × `TapCount` taps. It is changed where it lies and never
/// copied: a copy would read 64 bytes that were written as eights, and wait for them to reach the cache.
template <class T>
struct GradientTile {
  const KernelGradient<T>& all;
  const T* delta;  // row 0, column 0
  const T* input;  // what the first tap reads for delta row 0, column 0
  T* sums;
  Index input_step = 0, sums_step = 0;   // from one tap to the next
  Span rows = {0, 0}, columns = {0, 0};  // of the delta
  Index group = 1;                       // columns whose lanes have sums of their own

  explicit GradientTile(const KernelGradient<T>& gradient)
      : all(gradient), delta(gradient.delta), input(gradient.input), sums(gradient.sums) {}
  GradientTile(const GradientTile&) = delete;
};

/// All pixels of a vector, in a register: for 3 output channels, GCC 12 would read each from memory three times, and
/// their gradients took 16 to 29 percent longer.
template <class V, Inputs How, class T>
inline V load_inputs(const T* from, Index step) {
  if constexpr (How == Inputs::halves) return V::load_halves(from, from + step);
  else if constexpr (How == Inputs::quarters) return V::load_quarters(from, step);
  else if constexpr (How == Inputs::apart) return V::load_apart(from, step);
  else return V::load_to_register(from);
}

/// Sums stay in registers over all rows and all whole 64 bytes of delta, one part of them after the other. Where inputs
/// move through the taps, each is loaded once: of 2 output channels × 5 kernel columns that made the gradient of one
/// input map a fifth to a third faster.
template <class V, int Tile, int TapCount, Inputs How, class T>
[[gnu::noinline]] void gradient_tile(const GradientTile<T>& from) {
  const KernelGradient<T>& a = from.all;
  const Index input_pixel = a.stride_width * a.lanes, group = from.group * a.lanes;
  const Index delta_row = a.delta_row_stride, input_row = a.stride_height * a.input_row_stride;
  const Index columns = from.columns.end - from.columns.begin, height = from.rows.end - from.rows.begin;
  const T* first_delta = from.delta + from.rows.begin * delta_row + from.columns.begin * a.lanes;
  const T* first_input = from.input + from.rows.begin * input_row + from.columns.begin * input_pixel;
  for (Index part = 0, lane = 0; part < group; part += V::width) {
    V sum[TapCount][Tile];
    for (int t = 0; t < TapCount; ++t)
      for (int oc = 0; oc < Tile; ++oc)
        sum[t][oc] = V::load(from.sums + t * from.sums_step + oc * strip_width<T> + part);
    const T *row_delta = first_delta + part, *row_input = first_input + lane;
    for (Index oh = height; oh > 0; --oh, row_delta += delta_row, row_input += input_row) {
      const T *d = row_delta, *x = row_input;
      constexpr int kept = How == Inputs::moving ? TapCount - 1 : 0;
      V input[TapCount];
      for (int t = 0; t < kept; ++t) input[t] = V::load(x + t * from.input_step);
      for (Index left = columns; left > 0; left -= from.group) {
        for (int t = kept; t < TapCount; ++t) input[t] = load_inputs<V, How>(x + t * from.input_step, input_pixel);
        for (int oc = 0; oc < Tile; ++oc) {
          const V delta = V::load_to_register(d + oc * a.delta_channel_stride);
          for (int t = 0; t < TapCount; ++t) sum[t][oc] = multiply_add(delta, input[t], sum[t][oc]);
        }
        for (int t = 0; t < kept; ++t) input[t] = input[t + 1];
        d += group;
        x += from.group * input_pixel;
      }
    }
    for (lane += V::width; lane >= a.lanes; lane -= a.lanes) first_input += input_pixel;
    for (int t = 0; t < TapCount; ++t)
      for (int oc = 0; oc < Tile; ++oc) sum[t][oc].store(from.sums + t * from.sums_step + oc * strip_width<T> + part);
  }
}

/// Strided pixels of a single sample: a vector of them is put together in registers, so that fewer are left for sums.
template <class V, int Tile, class T>
inline void gradient_taps_apart(GradientTile<T>& from, Index taps) {
  const GradientTile<T>& tile = from;
  const T* const input = from.input;
  T* const sums = from.sums;
  for (Index t = 0; t < taps; t += 2) {
    from.input = input + t * from.input_step;
    from.sums = sums + t * from.sums_step;
    with_count<2>(taps - t < 2 ? taps - t : 2,
                  [&]<int TapCount>() { gradient_tile<V, Tile, TapCount, Inputs::apart>(tile); });
  }
  from.input = input;
  from.sums = sums;
}

template <class V, int Tile, class T>
inline void gradient_taps(GradientTile<T>& from, Index taps) {
  const KernelGradient<T>& a = from.all;
  if constexpr (V::width > 1)
    if (a.lanes == 1 && a.stride_width > 1)
      return gradient_taps_apart<Vec<T, (V::width < widest_apart<T> ? V::width : widest_apart<T>)>, Tile>(from, taps);
  with_count<taps_of_tile(Tile)>(taps, [&]<int TapCount>() {
    const Index apart = a.stride_width > 1 ? V::width / a.lanes : 1;  // pixels of a vector
    if constexpr (V::width * sizeof(T) > 32)
      if (apart == 4) return gradient_tile<V, Tile, TapCount, Inputs::quarters>(from);
    if constexpr (V::width * sizeof(T) > 16)
      if (apart == 2) return gradient_tile<V, Tile, TapCount, Inputs::halves>(from);
    if constexpr (V::width == widest<T> && TapCount > 1 && Tile * TapCount + TapCount < vector_registers)
      if (a.lanes == strip_width<T> && from.input_step == a.stride_width * a.lanes)  // inputs are kept beside a delta
        return gradient_tile<V, Tile, TapCount, Inputs::moving>(from);
    gradient_tile<V, Tile, TapCount, Inputs::together>(from);
  });
}

/// A rectangle of the delta: whole 64 bytes of its rows, then what is left of them, half as much at a time.
template <int Tile, class T>
inline void gradient_of_rectangle(GradientTile<T>& from, Span columns, Index taps) {
  if (from.rows.begin >= from.rows.end || columns.begin >= columns.end) return;
  const Index pixels = strip_width<T> / from.all.lanes;
  const Index whole = columns.begin + (columns.end - columns.begin) / pixels * pixels;
  T* const sums = from.sums;
  from.columns = {columns.begin, whole};
  from.group = pixels;
  if (columns.begin < whole) gradient_taps<Vec<T, widest<T>>, Tile>(from, taps);
  Index column = whole;
  for (from.group = pixels / 2; from.group > 0; from.group /= 2)
    if (column + from.group <= columns.end) {
      from.columns = {column, column + from.group};
      const Index elements = from.group * from.all.lanes;
      with_vector<T>(elements, [&](auto vector) { gradient_taps<decltype(vector), Tile>(from, taps); });
      column += from.group;
      from.sums += elements;
    }
  from.sums = sums;
}

/// Kernel columns side by side: together where all of them touch data, each alone at its borders.
template <int Tile, class T>
inline void gradient_of_columns(GradientTile<T>& from, Index kw, Index taps) {
  const auto columns = [&](Index t) { return intersection(from.all.kernel_columns[kw + t], from.all.columns); };
  Span shared = columns(0);
  for (Index t = 1; t < taps; ++t) shared = intersection(shared, columns(t));
  if (shared.begin >= shared.end) shared = {0, 0};
  gradient_of_rectangle<Tile>(from, shared, taps);
  if (shared.begin == from.all.columns.begin && shared.end == from.all.columns.end) return;
  for (Index t = 0; t < taps; ++t, from.input += from.input_step, from.sums += from.sums_step) {
    if (shared.begin < shared.end)
      gradient_of_rectangle<Tile>(from, intersection(columns(t), {columns(t).begin, shared.begin}), 1);
    gradient_of_rectangle<Tile>(from, intersection(columns(t), {shared.end, columns(t).end}), 1);
  }
}

/// Fewer input channels than a tile has taps: the tile's taps are kernel columns; otherwise input channels.
template <class T>
inline bool taps_are_columns(const KernelGradient<T>& a) {
  return a.input_channels < 3 && a.kernel_width > 1;
}

/// Of so many things, each with at most so many: as even as can be.
inline Index even_part(Index count, Index most) {
  const Index parts = (count + most - 1) / most;
  return (count + parts - 1) / parts;
}

/// Output channels [oc, oc + Tile).
template <int Tile, class T>
[[gnu::noinline]] void gradient_rows(const KernelGradient<T>& a, Index oc) {
  const Index kernel_rows = a.kernel_row_end - a.kernel_row_begin;
  const Index column_sums = a.tile * strip_width<T>, channel_sums = kernel_rows * a.kernel_width * column_sums;
  const bool by_column = taps_are_columns(a);
  const Index most = by_column ? 1 : taps_of_tile(Tile), groups = (a.input_channels + most - 1) / most;
  const Index width = by_column ? even_part(a.kernel_width, taps_of_tile(Tile)) : 1;
  GradientTile<T> from(a);
  from.delta += oc * a.delta_channel_stride;
  from.input_step = by_column ? a.dilation_width * a.lanes : a.input_channel_stride;
  from.sums_step = by_column ? column_sums : channel_sums;
  for (Index group = 0; group < groups; ++group) {
    const Index ic = a.input_channels * group / groups, channels = a.input_channels * (group + 1) / groups - ic;
    for (Index kh = a.kernel_row_begin; kh < a.kernel_row_end; ++kh)
      for (Index kw = 0; kw < a.kernel_width; kw += width) {
        const Index ih = kh * a.dilation_height - a.pad_top, iw = kw * a.dilation_width - a.pad_left;
        from.input = a.input + ic * a.input_channel_stride + ih * a.input_row_stride + iw * a.lanes;
        from.sums = a.sums + ic * channel_sums + ((kh - a.kernel_row_begin) * a.kernel_width + kw) * column_sums +
                    oc * strip_width<T>;
        from.rows = intersection(a.kernel_rows[kh], a.rows);
        if (by_column) {
          gradient_of_columns<Tile>(from, kw, a.kernel_width - kw < width ? a.kernel_width - kw : width);
        } else {
          gradient_of_rectangle<Tile>(from, intersection(a.kernel_columns[kw], a.columns), channels);
        }
      }
  }
}

template <class T>
void accumulate_kernel_gradient(const KernelGradient<T>& a) {
  if constexpr (requires { typename Vec<T, widest<T>>::Mask; })
    if (takes_windows(a)) return accumulate_windows(a);
  const bool wide = taps_are_columns(a) && a.kernel_width > 3;
  const Index most = wide && taps_of_tile(most_gradient_tile) < most_gradient_taps ? 2 : most_gradient_tile;
  const Index tiles = (a.tile + most - 1) / most;
  for (Index i = 0; i < tiles; ++i) {
    const Index oc = a.tile * i / tiles, next = a.tile * (i + 1) / tiles;
    with_count<most_gradient_tile>(next - oc, [&]<int Tile>() { gradient_rows<Tile>(a, oc); });
  }
}

template <class T>
void sum_lanes(const T* sums, Index count, Index lanes, T* out) {
  with_vector<T>(lanes, [&](auto vector) {
    for (Index i = 0; i < count; ++i) out[i] = sum_pixel<decltype(vector)>(sums + i * lanes, lanes);
  });
}

/// Four chains by pixel hide the latency of an addition; the order is the same on every instruction set. Of a single
/// sample 32 bytes of neighbours are a pixel, and what is left of them is added in its order.
template <class T>
T sum_plane(const T* plane, Index pixels, Index lanes) {
  constexpr Index neighbours = 32 / sizeof(T);
  if (lanes == 1 && pixels >= neighbours) {
    const Index whole = pixels / neighbours;
    T sum = sum_plane(plane, whole, neighbours);
    for (Index i = whole * neighbours; i < pixels; ++i) sum += plane[i];
    return sum;
  }
  T total[64 / sizeof(T)] = {};
  with_pixel<T>(lanes, [&](auto of) {
    using V = typename decltype(of)::Vector;
    constexpr int parts = of.parts;
    V chain[4][parts];
    for (int c = 0; c < 4; ++c)
      for (int p = 0; p < parts; ++p) chain[c][p] = zero<V>();
    const auto add = [&](Index pixel, int c) {
      for (int p = 0; p < parts; ++p) chain[c][p] = chain[c][p] + V::load(plane + pixel * lanes + p * V::width);
    };
    Index pixel = 0;
    for (; pixel + 4 <= pixels; pixel += 4)
      for (int c = 0; c < 4; ++c) add(pixel + c, c);
    for (int c = 0; c < 3; ++c)
      if (pixel + c < pixels) add(pixel + c, c);
    for (int p = 0; p < parts; ++p)
      ((chain[0][p] + chain[1][p]) + (chain[2][p] + chain[3][p])).store(total + p * V::width);
    total[0] = sum_pixel<V>(total, lanes);
  });
  return total[0];
}

}  // namespace
}  // namespace cnnbp
