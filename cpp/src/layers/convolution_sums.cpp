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

/// Pixels of the smallest maps that are as fast as they lie: depthwise ones of 12×12 take half to three quarters of the
/// time, those of 10×10 up to a third more, as each plane is a call; 1×1 kernels on 4×4 take nine tenths, and on maps
/// of one pixel, which fill no vector, four times as long.
constexpr Index least_depthwise_pixels = 128, least_pixels = 16;

/// 3×3 kernels of one channel each, and kernels of one pixel: their sums take neighbours from where they lie.
bool suits_samples_apart(const Convolution& convolution) {
  const auto& [rows, columns] = convolution.window;
  const Index pixels = rows.output * columns.output;
  if (has_depthwise_gradient(convolution)) return pixels >= least_depthwise_pixels;
  return convolution.taps() == 1 && rows.stride * columns.stride == 1 && pixels == rows.input * columns.input &&
         pixels >= least_pixels;
}

}  // namespace

template <class T>
ConvolutionSums<T>::ConvolutionSums(const Convolution& convolution, Algorithm algorithm)
    : forward(forward_sum<T>(convolution, algorithm)),
      delta(delta_sum<T>(convolution, algorithm)),
      gradient(gradient_sum<T>(convolution, algorithm)),
      suit_samples_apart(suits_samples_apart(convolution)) {}

template class ConvolutionSums<float>;
template class ConvolutionSums<double>;

}  // namespace cnnbp
