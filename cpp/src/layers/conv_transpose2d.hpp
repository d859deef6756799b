// u_j = Σ_i of x_i, every pixel spread by the kernel k_ij, + b_j
#pragma once

#include "layers/convolution_sums.hpp"

namespace cnnbp {

/// A convolution from its own output to its own input, run the other way round: forward is that one's delta, the delta
/// its forward pass, and for the kernels' gradient input and delta change places.
template <class T>
class ConvTranspose2dLayer : public Layer<T> {
 public:
  ConvTranspose2dLayer(const ConvTranspose2d& definition, const Shape& input);

  Index packed_for_forward(Index samples) const override { return sums_.delta->packed_size(samples); }
  Loop pack_forward(T* packed) override;
  Index packed_for_delta(Index samples) const override { return sums_.forward->packed_size(samples); }
  Loop pack_delta(T* packed) override;
  bool adds() const override { return true; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  Index gradient_workspace(const Blocks<T>& blocks) const override { return sums_.gradient->workspace(blocks); }
  Schedule accumulate_gradients(const Signal<T>& input, const Signal<T>& output, T* workspace) override;

 private:
  Convolution transposed_;
  ConvolutionSums<T> sums_;
};

}  // namespace cnnbp
