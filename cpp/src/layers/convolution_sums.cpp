#include "layers/convolution_sums.hpp"

#include "layers/correlator.hpp"
#include "layers/depthwise.hpp"
#include "layers/kernel_gradient_sum.hpp"
#include "layers/product_gradient.hpp"
#include "layers/product_sum.hpp"
#include "layers/winograd_gradient.hpp"

namespace cnnbp {
namespace {

template <class T>
std::unique_ptr<ChannelSum<T>> channel_sum(const Convolution& convolution, Algorithm algorithm,
                                           const CorrelatorShape& sum, const WinogradShape& winograd) {
  if (takes_winograd<T>(algorithm, convolution, sum)) return std::make_unique<WinogradSum<T>>(winograd);
  if (takes_product<T>(convolution, sum)) return std::make_unique<ProductSum<T>>(sum);
  return std::make_unique<Correlator<T>>(sum);
}

template <class T>
std::unique_ptr<GradientSum<T>> gradient_sum(const Convolution& convolution, Algorithm algorithm,
                                             const WinogradShape& winograd) {
  if (takes_winograd<T>(algorithm, convolution, winograd)) return std::make_unique<WinogradGradientSum<T>>(winograd);
  if (takes_product_gradient<T>(convolution)) return std::make_unique<ProductGradientSum<T>>(convolution);
  return std::make_unique<KernelGradientSum<T>>(convolution);
}

}  // namespace

template <class T>
ConvolutionSums<T>::ConvolutionSums(const Convolution& convolution, Algorithm algorithm) {
  if (is_depthwise(convolution)) {
    forward = std::make_unique<DepthwiseSum<T>>(DepthwiseShape::forward(convolution));
    delta = std::make_unique<DepthwiseSum<T>>(DepthwiseShape::delta(convolution));
    if (convolution.taps() == 9)
      gradient = std::make_unique<DepthwiseGradientSum<T>>(DepthwiseShape::forward(convolution));
    else gradient = std::make_unique<KernelGradientSum<T>>(convolution);
    return;
  }
  const auto& [rows, columns] = convolution.window;
  const CorrelatorShape to_output = convolution.forward_sum(), to_input = convolution.delta_sum();
  const WinogradShape from_input{to_output, -rows.pad, -columns.pad, false};
  const WinogradShape from_output{to_input, rows.output - rows.input - rows.pad,
                                  columns.output - columns.input - columns.pad, true};
  forward = channel_sum<T>(convolution, algorithm, to_output, from_input);
  delta = channel_sum<T>(convolution, algorithm, to_input, from_output);
  gradient = gradient_sum<T>(convolution, algorithm, from_input);
}

template class ConvolutionSums<float>;
template class ConvolutionSums<double>;

}  // namespace cnnbp
