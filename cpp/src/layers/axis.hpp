// One axis of a window that slides over a map: which taps meet data, at every position.
#pragma once

#include <vector>

#include "kernels/arguments.hpp"

namespace cnnbp {

/// Output position o reads, with tap k, input position o·stride − pad + k·dilation.
struct Axis {
  Index input, output, kernel, stride = 1, pad = 0, dilation = 1;
};

/// For every output position, the taps that read data.
std::vector<Taps> forward_taps(const Axis& axis);

/// For every output position, the taps of windows that share the input evenly: from ⌊o · input / output⌋ to ⌈(o + 1) ·
/// input / output⌉ − 1.
std::vector<Taps> adaptive_taps(Index input, Index output);

/// For every input position, the taps through which an output reads it; their source is that output. With a
/// stride, these are every stride-th tap or fewer: no tap is visited that has no output.
std::vector<Taps> delta_taps(const Axis& axis);

/// Positions with equal taps, taken together: neighbours at forward, every stride-th position at the delta.
std::vector<Run> forward_runs(const Axis& axis);
std::vector<Run> forward_runs(const std::vector<Taps>& taps);
std::vector<Run> delta_runs(const Axis& axis);

/// For every tap, the output positions where it reads data.
std::vector<Span> tap_spans(const Axis& axis);

}  // namespace cnnbp
