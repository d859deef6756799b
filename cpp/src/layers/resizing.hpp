// Layers that make maps larger: zeros around them, pixels repeated, pixels in between
#pragma once

#include "layers/pooling.hpp"

namespace cnnbp {

/// y = x with zeros around it;  δ_i = f'(u_i) ∘ δ without them.
template <class T>
class ZeroPad2dLayer : public Layer<T> {
 public:
  explicit ZeroPad2dLayer(const ZeroPad2d& definition) : padding_(definition.padding) {}

  Reads backward_reads(const Elementwise&) const override { return {.input = false}; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;

 private:
  Padding padding_;
};

/// y = up(x);  δ_i = f'(u_i) ∘ down(δ): subsampling with the factor 1, the other way round.
template <class T>
class NearestUpsampleLayer : public Layer<T> {
 public:
  NearestUpsampleLayer(const Upsample& definition, const Shape& input);

  Reads backward_reads(const Elementwise&) const override { return {.input = false}; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;

 private:
  Subsampling<T> plane(const Tensor<T>& small, const Tensor<T>& large, Index block, Index channel) const;

  PlaneWindows<T> windows_;
};

/// y = R x Cᵀ;  δ_i = f'(u_i) ∘ Rᵀ δ C, where the rows of R and C hold the shares of two neighbours.
template <class T>
class BilinearUpsampleLayer : public Layer<T> {
 public:
  BilinearUpsampleLayer(const Upsample& definition, const Shape& input);

  Reads backward_reads(const Elementwise&) const override { return {.input = false}; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;

 private:
  Loop over_planes_with_row(const Tensor<T>& small, const Tensor<T>& large,
                            std::function<void(const Interpolation<T>&, Index block, Index channel)> run) const;

  std::vector<Between<T>> rows_, columns_;
};

}  // namespace cnnbp
