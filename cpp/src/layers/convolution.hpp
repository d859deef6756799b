// What the sums of a convolution run over. A layer takes them as they are, or, transposed, the other way round.
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/geometry.hpp"

namespace cnnbp {

/// With the taps that meet data, for each target row and run of columns.
struct CorrelatorShape : SumShape {
  std::vector<Taps> rows;
  std::vector<Run> columns;
};

/// Kernels between input and output channels, with a weight (out_channels, in_channels, kh, kw).
struct Convolution {
  Window window;
  Index groups, in_channels, out_channels;  // channels of one group
  /// As in the definition of Conv2d; of one group.
  std::vector<std::vector<bool>> connections = {};

  Index taps() const { return window.rows.kernel * window.columns.kernel; }
  bool connected(Index out_channel, Index in_channel) const {
    return connections.empty() ||
           connections[static_cast<std::size_t>(out_channel)][static_cast<std::size_t>(in_channel)];
  }

  /// Of kernels between channels that are not connected.
  std::vector<Span> absent_weights() const;

  /// From the input to the output.
  CorrelatorShape forward_sum() const;
  /// The same sum from the other end: sources are the output's channels, targets the input's.
  CorrelatorShape delta_sum() const;
};

}  // namespace cnnbp
