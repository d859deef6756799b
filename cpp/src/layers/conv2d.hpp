// u_j = Σ_i x_i ⋆ k_ij + b_j
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/geometry.hpp"

namespace cnnbp {

template <class T>
class Conv2dLayer : public Layer<T> {
 public:
  Conv2dLayer(const Conv2d& definition, const Shape& input);

  Schedule pack_parameters(bool training) override;
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output) override;

 private:
  void make_sums(const Conv2d& definition);
  SumShape forward_sum() const;

  /// One task's share of the kernel's gradient: it visits all blocks in order and is its only writer.
  struct GradientTask {
    Index group;
    Span output_channels, input_channels;  // of the group
    Span kernel_rows;
  };
  std::vector<GradientTask> gradient_tasks() const;
  Index sums_of(const GradientTask& task) const;
  void accumulate(const Signal<T>& input, const Signal<T>& output, const GradientTask& task, T* sums) const;
  void sum_blocks(const Tensor<T>& input, const Tensor<T>& delta, const GradientTask& task, Span blocks, T* sums) const;
  void add_to_weight(const GradientTask& task, T* sums, Index lanes) const;
  void add_to_bias(const Tensor<T>& delta, const GradientTask& task) const;

  /// Channels of one group; without connections, all are.
  bool connected(Index out_channel, Index in_channel) const;
  std::vector<Span> zeros() const;

  Window window_;
  std::vector<std::vector<bool>> connections_;
  Index groups_, in_channels_, out_channels_;  // channels of one group
  std::vector<Span> row_spans_, column_spans_;
  std::unique_ptr<ChannelSum<T>> forward_, delta_;
};

}  // namespace cnnbp
