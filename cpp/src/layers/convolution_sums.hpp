// A convolution's three sums, each computed in the way that suits its shape.
#pragma once

#include "layers/channel_sum.hpp"
#include "layers/convolution.hpp"
#include "layers/gradient_sum.hpp"

namespace cnnbp {

template <class T>
class ConvolutionSums {
 public:
  /// Ordered lists of conditions on shape and type choose the ways, never a measurement: results stay what they are.
  ConvolutionSums(const Convolution& convolution, Algorithm algorithm);

  std::unique_ptr<ChannelSum<T>> forward;  // from the convolution's input to its output
  std::unique_ptr<ChannelSum<T>> delta;    // the other way round
  std::unique_ptr<GradientSum<T>> gradient;
  bool suit_samples_apart;
};

}  // namespace cnnbp
