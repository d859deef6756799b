// u_j = Σ_i α_ij z_i + b_j with α_ij = exp(c_ij) / Σ_k exp(c_kj). The maps z_i = x_i ⋆ k_i are those of a Conv2d of
// one kernel a channel, which a graph puts before this layer.
#pragma once

#include "layers/convolution_sums.hpp"

namespace cnnbp {

template <class T>
class CombineConv2dLayer : public Layer<T> {
 public:
  /// `maps`: the shape of z.
  CombineConv2dLayer(const CombineConv2d& definition, const Shape& maps);

  Loop prepare() override;
  Index packed_for_forward(Index samples) const override { return sums_.forward->packed_size(samples); }
  Loop pack_forward(T* packed) override;
  Index packed_for_delta(Index samples) const override { return sums_.delta->packed_size(samples); }
  Loop pack_delta(T* packed) override;
  double penalty() const override;
  std::optional<TracedArray<T>> traced() const override;
  bool adds() const override { return true; }
  Loop forward(const Signal<T>& maps, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& maps, const Signal<T>& output) override;
  Index gradient_workspace(const Blocks<T>& blocks) const override { return sums_.gradient->workspace(blocks); }
  Schedule accumulate_gradients(const Signal<T>& maps, const Signal<T>& output, T* workspace) override;

 private:
  void share_out(Index output, T* exponentials) const;
  void add_to_combination(Index output) const;
  Index inputs() const { return combination_.in_channels; }
  Index outputs() const { return combination_.out_channels; }

  Convolution combination_;  // of kernels of one pixel
  double sparsity_;
  Buffer<T> alpha_, alpha_gradient_;  // [output][input]; the gradient is zero between two passes
  T* alpha_values_ = alpha_.data();   // where the sums find their weights
  ConvolutionSums<T> sums_;
};

}  // namespace cnnbp
