// The gradient of kernels as matrix products over pixels and samples, for any number of input channels: what a tap's
// outputs read is gathered into a panel, [tap][input channel][pixel][lane], and multiplied by deltas that are turned
// round to [pixel][lane][output channel].
#pragma once

#include "layers/convolution.hpp"
#include "layers/gradient_sum.hpp"

namespace cnnbp {

/// Whether the gradient of this convolution is summed so; decided by shapes alone.
template <class T>
bool takes_panel_gradient(const Convolution& convolution);

template <class T>
class PanelGradientSum : public WeightGradientSum<T> {
 public:
  explicit PanelGradientSum(const Convolution& convolution);

  Index workspace(const Blocks<T>& blocks) const override { return numbers(parts_of(blocks)) * sums_size(); }

 private:
  Schedule sum(const Tensor<T>& input, const Source<T>& delta, T* gradient, T* sums) override;
  /// Sums over some of the output's rows, all blocks' rows counted on, for a range of output channels: one task is
  /// their only writer.
  struct Part {
    Span rows, outputs;
    Index number;  // which of the sums over rows
  };
  /// Pixels of an output row that are worked on together.
  struct Stretch {
    Index block, row, lanes;
    Span columns;

    Index size() const { return (columns.end - columns.begin) * lanes; }
  };

  std::vector<Part> parts_of(const Blocks<T>& blocks) const;
  static Index numbers(const std::vector<Part>& parts) { return parts.back().number + 1; }
  /// `sums`: [tap][input channel][output channel], those of the part's number.
  void sum_part(const Tensor<T>& input, const Tensor<T>& delta, const Part& part, T* sums, T* scratch) const;
  void add_stretch(const Tensor<T>& input, const Tensor<T>& delta, const Part& part, const Stretch& stretch, T* sums,
                   T* scratch) const;
  void turn(const Tensor<T>& delta, const Part& part, const Stretch& stretch, T* turned) const;
  bool gather(const Tensor<T>& input, const Stretch& stretch, Index tap, T* panel) const;
  void finish(Index output, Index numbers, const T* sums, T* gradient) const;
  Index rows_of_weights() const { return convolution_.taps() * convolution_.in_channels; }
  Index sums_size() const { return rows_of_weights() * outputs_; }

  Convolution convolution_;
  Index outputs_;                     // output channels, in whole 32 bytes
  Index task_outputs_;                // those of a task
  Index stretch_;                     // pixels of a stretch, at most
  Index panel_taps_;                  // taps of a panel
  std::vector<Span> stretches_;       // columns of an output row
  std::vector<Taps> rows_, columns_;  // by output row and column
};

}  // namespace cnnbp
