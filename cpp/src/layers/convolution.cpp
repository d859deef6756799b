#include "layers/convolution.hpp"

#include <utility>

namespace cnnbp {

std::vector<Span> Convolution::absent_weights() const {
  std::vector<Span> absent;
  for (Index oc = 0; oc < groups * out_channels; ++oc)
    for (Index ic = 0; ic < in_channels; ++ic) {
      const Index kernel = oc * in_channels + ic;
      if (!connected(oc, ic)) absent.push_back({kernel * taps(), (kernel + 1) * taps()});
    }
  return absent;
}

CorrelatorShape Convolution::forward_sum() const {
  const Axis &rows = window.rows, &columns = window.columns;
  return {{.groups = groups,
           .source_channels = in_channels,
           .target_channels = out_channels,
           .source_height = rows.input,
           .source_width = columns.input,
           .target_height = rows.output,
           .target_width = columns.output,
           .kernel_height = rows.kernel,
           .kernel_width = columns.kernel,
           .weight_source_stride = taps(),
           .weight_target_stride = in_channels * taps(),
           .weight_group_stride = out_channels * in_channels * taps()},
          forward_taps(rows),
          forward_runs(columns)};
}

CorrelatorShape Convolution::delta_sum() const {
  CorrelatorShape shape = forward_sum();
  std::swap(shape.source_channels, shape.target_channels);
  std::swap(shape.source_height, shape.target_height);
  std::swap(shape.source_width, shape.target_width);
  std::swap(shape.weight_source_stride, shape.weight_target_stride);
  shape.rows = delta_taps(window.rows);
  shape.columns = delta_runs(window.columns);
  return shape;
}

}  // namespace cnnbp
