// u_j = Σ_i x_i ⋆ k_ij + b_j
#pragma once

#include "layers/convolution_sums.hpp"

namespace cnnbp {

template <class T>
class Conv2dLayer : public Layer<T> {
 public:
  Conv2dLayer(const Conv2d& definition, const Shape& input);

  Index packed_for_forward(Index samples) const override { return sums_.forward->packed_size(samples); }
  Loop pack_forward(T* packed) override;
  Index packed_for_delta(Index samples) const override { return sums_.delta->packed_size(samples); }
  Loop pack_delta(T* packed) override;
  bool adds() const override { return true; }
  bool repeats() const override { return true; }
  Index reading_phases() const override { return sums_.gradient->reading_phases(); }
  bool overwrites_input() const override { return sums_.delta->overwrites() && reading_phases() == 1; }
  bool normalizes_input() const override {
    return sums_.forward->normalizes_source() && sums_.gradient->normalizes_input();
  }
  bool suits_samples_apart() const override { return sums_.suit_samples_apart; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  bool makes_pixels() const override { return sums_.forward->does_without_memory(); }
  Index pixel_parts(const Blocks<T>& blocks) const override { return sums_.forward->parts(blocks); }
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  bool makes_delta_pixels() const override { return sums_.delta->does_without_memory(); }
  bool reads_delta_rows() const override { return sums_.gradient->reads_rows(); }
  bool reads_unpooled(bool sends_back) const override {
    return sums_.gradient->reads_unpooled() && (!sends_back || sums_.delta->reads_unpooled());
  }
  Index gradient_workspace(const Blocks<T>& blocks) const override { return sums_.gradient->workspace(blocks); }
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) override;

 private:
  Loop hold_absent_gradients() const;

  Convolution convolution_;
  ConvolutionSums<T> sums_;
};

}  // namespace cnnbp
