#include "layers/convolution_sums.hpp"

#include <algorithm>

#include "layers/correlator.hpp"
#include "layers/depthwise.hpp"
#include "layers/kernel_gradient_sum.hpp"
#include "layers/panel_gradient.hpp"
#include "layers/product_gradient.hpp"
#include "layers/product_sum.hpp"
#include "layers/winograd.hpp"
#include "layers/winograd_delta.hpp"
#include "layers/winograd_gradient.hpp"

namespace cnnbp {
namespace {

template <class T>
std::unique_ptr<ChannelSum<T>> direct_sum(const Convolution& convolution, const CorrelatorShape& sum) {
  if (takes_product<T>(convolution, sum)) return std::make_unique<ProductSum<T>>(sum);
  return std::make_unique<Correlator<T>>(sum);
}

template <class T>
std::unique_ptr<ChannelSum<T>> forward_sum(const Convolution& convolution, Algorithm algorithm) {
  if (is_depthwise(convolution)) return std::make_unique<DepthwiseSum<T>>(DepthwiseShape::forward(convolution));
  if (takes_winograd<T>(algorithm, convolution, output_tiles(convolution.window)))
    return std::make_unique<WinogradSum<T>>(WinogradShape::forward(convolution));
  return direct_sum<T>(convolution, convolution.forward_sum());
}

template <class T>
std::unique_ptr<ChannelSum<T>> delta_sum(const Convolution& convolution, Algorithm algorithm) {
  if (is_depthwise(convolution)) return std::make_unique<DepthwiseSum<T>>(DepthwiseShape::delta(convolution));
  const Index output = output_tiles(convolution.window), input = input_tiles(convolution.window);
  const bool transposed = output < input && convolution.window.rows.stride == 1;
  if (!takes_winograd<T>(algorithm, convolution, transposed ? output : input))
    return direct_sum<T>(convolution, convolution.delta_sum());
  if (transposed) return std::make_unique<WinogradDelta<T>>(WinogradShape::transposed_delta(convolution));
  return std::make_unique<WinogradSum<T>>(WinogradShape::delta(convolution));
}

template <class T>
std::unique_ptr<GradientSum<T>> gradient_sum(const Convolution& convolution, Algorithm algorithm) {
  if (has_depthwise_gradient(convolution))
    return std::make_unique<DepthwiseGradientSum<T>>(DepthwiseShape::forward(convolution));
  if (takes_winograd<T>(algorithm, convolution, output_tiles(convolution.window)))
    return std::make_unique<WinogradGradientSum<T>>(WinogradShape::forward(convolution));
  if (takes_product_gradient<T>(convolution)) return std::make_unique<ProductGradientSum<T>>(convolution);
  if (takes_panel_gradient<T>(convolution)) return std::make_unique<PanelGradientSum<T>>(convolution);
  return std::make_unique<KernelGradientSum<T>>(convolution);
}

/// Kernels of one channel each, and of one pixel, whose sums take neighbours from where they lie.
bool suits_samples_apart(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  const bool keeps_size = rows.output == rows.input && columns.output == columns.input;
  return is_depthwise(convolution) || (convolution.taps() == 1 && rows.stride * columns.stride == 1 && keeps_size);
}

}  // namespace

template <class T>
ConvolutionSums<T>::ConvolutionSums(const Convolution& convolution, Algorithm algorithm)
    : forward(forward_sum<T>(convolution, algorithm)),
      delta(delta_sum<T>(convolution, algorithm)),
      gradient(gradient_sum<T>(convolution, algorithm)),
      suit_samples_apart(suits_samples_apart(convolution)),
      gradient_suits_samples_apart(suit_samples_apart &&
                                   (convolution.taps() == 1 || has_depthwise_gradient(convolution))) {}

template class ConvolutionSums<float>;
template class ConvolutionSums<double>;

}  // namespace cnnbp
