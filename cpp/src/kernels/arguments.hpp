// What the kernels of convolutions and products are told: plain data, no functions, so that every instruction set's
// file may include it. map_arguments.hpp has it for what else is done to maps, learning_arguments.hpp for losses and
// updates.
//
// One alphabet for all loops: n sample; ic, ih, iw input channel, row, column; oc, oh, ow output channel,
// row, column; kh, kw kernel row, column. Pointers and strides count elements. A pixel is `lanes` elements.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cnnbp {

using Index = std::ptrdiff_t;

/// The taps of one kernel axis that touch data at one position: kernel indices first, first + step, …
/// (count of them), the first of which reads at `source`, each next one `source_step` further.
/// Taps that would read the padding are not among them, so no kernel needs a border of zeros.
struct Taps {
  Index first, step, count;
  Index source, source_step;
};

/// Positions begin, begin + step, … (count of them) whose taps are the same, but for the source, which
/// moves by `advance` from one to the next.
struct Run {
  Index begin, step, count;
  Taps taps;
  Index advance;
};

/// Positions [begin, end) of the output that one tap of the kernel serves.
struct Span {
  Index begin, end;
};

/// u(oc, oh, ow) = b(oc) + Σ_ic Σ_kh Σ_kw w(oc, ic, kh, kw) · x(ic, …) for rows of one block and one tile of
/// target channels. With the taps of the delta and the weights packed for it, the same sum is
/// δ(ic, ih, iw) = Σ_oc Σ_kh Σ_kw w(oc, ic, kh, kw) · δ(oc, …).
template <class T>
struct Correlation {
  const T* source;
  T* target;
  const T* weight;  // [source channel][kernel row][kernel column][channel of the tile]
  const T* bias;    // [channel of the tile], or null for zero
  bool accumulate;  // add to what the target holds instead of the bias
  Index source_channels, kernel_height, kernel_width;
  Index source_channel_stride, source_row_stride;
  Index target_channel_stride, target_row_stride;
  const Taps* rows;  // one per target row
  Index row_begin, row_end;
  const Run* columns;
  Index column_runs;
  Index tile;  // channels in the tile, 1 to 6
  Index lanes;
};

/// sums(ic, kh, kw, oc) += Σ_oh Σ_ow δ(oc, oh, ow) · x(ic, oh·stride − pad + kh·dilation, …), lane by lane,
/// over rows of one block, a tile of output channels and a range of input channels and kernel rows. In a narrow block
/// 64 bytes hold some pixels; from the first column on, every pixel of so many has lanes of its own.
template <class T>
struct KernelGradient {
  const T* input;  // first input channel of the range
  const T* delta;  // first output channel of the tile
  T* sums;         // [ic][kh][kw][oc of the tile][64 bytes of lanes]
  Index input_channels, kernel_width;
  Index kernel_row_begin, kernel_row_end;
  Index input_channel_stride, input_row_stride, delta_channel_stride, delta_row_stride;
  Span rows, columns;          // of the delta
  const Span* kernel_rows;     // delta rows that each kernel row serves
  const Span* kernel_columns;  // delta columns that each kernel column serves
  Index stride_height, stride_width, pad_top, pad_left, dilation_height, dilation_width;
  Index tile;  // output channels, 1 or more
  Index lanes;
};

/// One channel of one block and a kernel of its own, 3×3 or 5×5, stride 1: u(oh, ow) = b + Σ_kh Σ_kw w(kh, kw) · x(oh −
/// pad_top + kh, ow − pad_left + kw), where pixels outside the map are 0. The delta is the same sum over the mirrored
/// kernel. The gradient, of 3×3 kernels, reads the target, which is δ then, and adds to lane-wide sums [kh][kw][lane].
template <class T>
struct Depthwise {
  const T* source;
  T* target;
  Index kernel;                 // 3 or 5
  const T* weight;              // of tap (0, 0)
  Index row_step, column_step;  // in the weights, from one tap to the next; below 0: mirrored
  T bias;
  Index source_height, source_width, source_row_stride;
  Index target_height, target_width, target_row_stride;
  Index pad_top, pad_left;
  Index lanes;
};

/// Elements of 64 bytes: the lanes of a full block, and columns that one tile of a product takes.
template <class T>
constexpr Index strip_width = 64 / sizeof(T);

/// Where the n-th element of a row lies whose strips are so far apart.
template <class T>
constexpr Index in_strips(Index n, Index strip_stride) {
  return n / strip_width<T> * strip_stride + n % strip_width<T>;
}

/// Columns of a product that are few: rows of `b` are no vectors then, but so many rows of it are.
constexpr Index few_columns = 4, few_rows = 8;

/// c(m, n) = Σ_k a(m, k) · b(k, n), k ascending, or, to accumulate, c(m, n) plus that.
template <class T>
struct MatrixProduct {
  const T* a;
  const T* b;
  T* c;
  Index rows, inner, columns;  // m, k, n
  Index a_stride, b_stride, c_stride;
  bool accumulate;
  Index a_step = 1;  // from one of a row's numbers to the next; a_stride is 1 instead where a is transposed
  /// Or more: each strip is a matrix of its own, and of more columns than one has, those that fill the last vector may
  /// be computed along.
  Index b_strip_stride = strip_width<T>, c_strip_stride = strip_width<T>;
  /// So many products of these sizes, each so far behind the one before.
  Index count = 1, next_a = 0, next_b = 0, next_c = 0;
};

/// Rows of memory that will be read or written soon.
template <class T>
struct Asking {
  const T* first;
  Index rows, row_stride;
  Index elements;  // of a row
};

/// target(m, e) = b(m) + Σ_c weight(c, m) · source(c, e), c ascending, or, to accumulate, target(m, e) plus that,
/// for the elements e of pixels side by side.
template <class T>
struct PixelProduct {
  const T* weight;  // [source channel][target channel of the tile]
  const T* source;
  T* target;
  const T* bias;  // or null: 0
  bool accumulate;
  Index tile, source_channels, elements;  // source_channels: 1 or more
  Index source_stride, target_stride;
  Asking<T> targets_ahead, sources_ahead;  // as many elements of a row
};

/// panel(c, p, lane) = source(c, pixels[p] + lane) for the pixels of a panel's columns, or 0 where pixels[p] is below
/// 0.
template <class T>
struct Gathering {
  const T* source;
  const Index* pixels;
  Index pixel_count;
  T* panel;
  Index channels, channel_stride, panel_stride;
  Index lanes;
};

/// What readers of a map take instead of its x: z = max(0, (x − mean_c) · scale_c + shift_c).
template <class T>
struct Normalizing {
  const T* mean = nullptr;  // by channel, as the others; null: they take x
  const T* scale = nullptr;
  const T* shift = nullptr;

  Normalizing from(Index channel) const {
    return mean ? Normalizing{mean + channel, scale + channel, shift + channel} : Normalizing{};
  }
};

/// Which tap of a window held the maximum, in two bytes: as numbers of T they would be as much memory as the maxima.
using TapNumber = std::uint16_t;
constexpr Index most_window_taps = Index{1} << 16;

/// Deltas behind max pooling of 2 × 2 pixels, of which readers of the map before it make its own: each lies at its tap,
/// and all others are 0.
template <class T>
struct Unpooling {
  const T* delta = nullptr;  // row 0, column 0 of the first channel; null: readers take what the map holds
  const TapNumber* taps = nullptr;
  Index delta_channel_stride = 0, taps_channel_stride = 0, row_stride = 0;

  Unpooling from(Index channel) const {
    Unpooling some = *this;
    some.delta += channel * delta_channel_stride;
    some.taps += channel * taps_channel_stride;
    return some;
  }
};

/// Outputs of Winograd's tiles along an axis.
constexpr Index winograd_outputs = 4;

/// A rectangle of Winograd's tiles (kernels/winograd.hpp) in all channels of one block: pixels of a map on one side,
/// size × size points on the other. What a tile reads outside the map is 0, what it would write there is left out.
template <class T>
struct WinogradTiles {
  T* map;     // pixel (0, 0) of the first channel
  T* points;  // [point][phase][channel][tile row][tile column][lane]; the last three may be in strips before the
              // phase
  Index channels, height, width;
  Index channel_stride, row_stride;  // of the map
  Index row, column;                 // where the first tile starts
  Index size;                        // points along an axis, which tell the transform
  Index step;                        // pixels from one tile to the next
  Index tile_rows, tile_columns;
  Index point_stride, point_phase_stride, point_channel_stride, point_strip_stride;
  Index lanes;
  Normalizing<T> normalizing = {};  // pixels go to the points as it makes them
  Unpooling<T> unpooling = {};      // or as it does
};

/// to(k, m) = from(m, k).
template <class T>
struct Transposition {
  const T* from;
  T* to;
  Index rows, columns;  // of `from`
  Index from_stride, to_stride;
};

/// The kernels of a range of target channels and of all source channels at Winograd's points.
template <class T>
struct WinogradWeights {
  const T* weight;  // [kernel × kernel] of the first pair of channels
  T* points;        // [point][phase][target][source] or, of a source with phases, [point][target][phase][source]
  Index targets, sources;
  Index size;    // points along an axis, which tell the kernel
  bool flipped;  // kernels are read from their last tap on: rot180(w)
  Index weight_target_stride, weight_source_stride;
  Index point_stride, point_phase_stride, point_target_stride;
  T* turned;  // room for [target][source][kernel × kernel], or null: sources are read where they lie
};

/// From sums at Winograd's points to the gradient of the kernels of one input or output channel and some of the other
/// side, which is added to.
template <class T>
struct WinogradGradient {
  const T* points;  // [point][phase][channel]
  T* gradient;      // [kernel × kernel] of the first channel
  Index point_stride, point_phase_stride;
  Index channels, channel_stride;  // from one channel's kernel to the next
  Index size;                      // points along an axis, which tell the kernel
};

/// gradient(o, k) += Σ_n δ(o, n) · x(n, k) for o < tile and k < features.
template <class T>
struct OuterProduct {
  const T* input_rows;  // [sample][row_stride]
  const T* delta;       // [o][sample]
  T* gradient;          // [o][gradient_stride]
  Index samples, row_stride, features, gradient_stride;
  Index tile;  // 1 to 6
};

}  // namespace cnnbp
