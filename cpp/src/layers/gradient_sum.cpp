#include "layers/gradient_sum.hpp"

namespace cnnbp {

/// A delta that is not in memory is made plane by plane, as the order of a sum is its bits.
template <class T>
Loop bias_gradient(const Source<T>& delta, T* gradient) {
  const Tensor<T>& map = delta.map;
  const Index plane = map.shape.pixels() * Blocks<T>::full_lanes;
  return {map.shape.channels,
          [=, &kernel = kernels().of<T>()](Index channel, std::byte* scratch) {
            T* const made = reinterpret_cast<T*>(scratch);
            for (Index b = 0; b < map.blocks.count(); ++b) {
              if (delta.rows) delta.rows(b, channel, {0, map.shape.height}, made, made + plane);
              gradient[channel] += kernel.sum_plane(delta.rows ? made : map.channel(b, channel), map.shape.pixels(),
                                                    map.blocks.lanes(b));
            }
          },
          delta.rows ? static_cast<std::size_t>(2 * plane) * sizeof(T) : 0};
}

template Loop bias_gradient(const Source<float>&, float*);
template Loop bias_gradient(const Source<double>&, double*);

}  // namespace cnnbp
