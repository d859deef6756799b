#include "layers/axis.hpp"

#include <algorithm>
#include <numeric>

namespace cnnbp {
namespace {

/// ⌈a / b⌉ and ⌊a / b⌋ for b > 0 and any a.
Index ceil_div(Index a, Index b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }
Index floor_div(Index a, Index b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

bool same_taps(const Taps& a, const Taps& b) {
  return a.first == b.first && a.step == b.step && a.count == b.count && a.source_step == b.source_step;
}

/// Groups positions p, p + step, … with equal taps and an even advance of the source.
std::vector<Run> runs(const std::vector<Taps>& taps, Index step) {
  const Index size = static_cast<Index>(taps.size());
  const auto at = [&](Index i) -> const Taps& { return taps[static_cast<std::size_t>(i)]; };
  std::vector<Run> found;
  for (Index phase = 0; phase < std::min(step, size); ++phase)
    for (Index begin = phase, end; begin < size; begin = end) {
      Run run{begin, 1, 1, at(begin), 1};
      end = begin + step;
      if (end < size && same_taps(at(begin), at(end))) {
        run.step = step;
        run.advance = at(end).source - at(begin).source;
        for (; end < size && same_taps(at(begin), at(end)) && at(end).source - at(end - step).source == run.advance;
             end += step)
          ++run.count;
      }
      found.push_back(run);
    }
  return found;
}

}  // namespace

std::vector<Taps> forward_taps(const Axis& axis) {
  std::vector<Taps> all;
  for (Index o = 0; o < axis.output; ++o) {
    const Index start = o * axis.stride - axis.pad;
    const Index first = std::max<Index>(0, ceil_div(-start, axis.dilation));
    const Index last = std::min(axis.kernel - 1, floor_div(axis.input - 1 - start, axis.dilation));
    if (first > last) all.push_back({0, 1, 0, 0, axis.dilation});
    else all.push_back({first, 1, last - first + 1, start + first * axis.dilation, axis.dilation});
  }
  return all;
}

std::vector<Taps> adaptive_taps(Index input, Index output) {
  std::vector<Taps> all;
  for (Index o = 0; o < output; ++o) {
    const Index begin = o * input / output, end = ceil_div((o + 1) * input, output);
    all.push_back({0, 1, end - begin, begin, 1});
  }
  return all;
}

std::vector<Taps> delta_taps(const Axis& axis) {
  // Taps with i + pad − k·dilation = o·stride are every (stride / g)-th, and their outputs (dilation / g) apart.
  const Index g = std::gcd(axis.stride, axis.dilation);
  const Index tap_step = axis.stride / g, output_step = axis.dilation / g;
  std::vector<Taps> all;
  for (Index i = 0; i < axis.input; ++i) {
    const Index place = i + axis.pad;
    Taps taps{0, tap_step, 0, 0, -output_step};
    for (Index k = 0; k < std::min(axis.kernel, tap_step); ++k) {
      if ((place - k * axis.dilation) % axis.stride != 0) continue;
      const Index output = floor_div(place - k * axis.dilation, axis.stride);  // of tap k, if it exists
      const Index skip = std::max<Index>(0, ceil_div(output - (axis.output - 1), output_step));
      const Index last = std::min((axis.kernel - 1 - k) / tap_step, floor_div(output, output_step));
      if (skip <= last)
        taps = {k + skip * tap_step, tap_step, last - skip + 1, output - skip * output_step, -output_step};
      break;
    }
    all.push_back(taps);
  }
  return all;
}

std::vector<Run> forward_runs(const std::vector<Taps>& taps) { return runs(taps, 1); }

std::vector<Run> forward_runs(const Axis& axis) { return forward_runs(forward_taps(axis)); }

std::vector<Run> delta_runs(const Axis& axis) { return runs(delta_taps(axis), axis.stride); }

std::vector<Span> tap_spans(const Axis& axis) {
  std::vector<Span> spans;
  for (Index k = 0; k < axis.kernel; ++k) {
    const Index offset = k * axis.dilation - axis.pad;
    const Index begin = std::max<Index>(0, ceil_div(-offset, axis.stride));
    const Index end = std::min(axis.output, floor_div(axis.input - 1 - offset, axis.stride) + 1);
    spans.push_back({begin, std::max(begin, end)});
  }
  return spans;
}

}  // namespace cnnbp
