#include "layers/gradient_sum.hpp"

namespace cnnbp {

template <class T>
Loop bias_gradient(const Tensor<T>& delta, T* gradient) {
  return {delta.shape.channels, [=, &kernel = kernels().of<T>()](Index channel, std::byte*) {
            for (Index b = 0; b < delta.blocks.count(); ++b)
              gradient[channel] +=
                  kernel.sum_plane(delta.channel(b, channel), delta.shape.pixels(), delta.blocks.lanes(b));
          }};
}

template Loop bias_gradient(const Tensor<float>&, float*);
template Loop bias_gradient(const Tensor<double>&, double*);

}  // namespace cnnbp
