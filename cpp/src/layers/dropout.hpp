// u = m ∘ x in training, with a mask m that is drawn
#pragma once

#include "layers/activation.hpp"

namespace cnnbp {

/// Saves m. A prediction copies.
template <class T>
class DropoutLayer : public CopyLayer<T> {
 public:
  explicit DropoutLayer(const Dropout& definition);

  std::optional<Shape> saves(const Shape& output) const override { return output; }
  Loop forward_training(const Signal<T>& input, const Signal<T>& output, const Draws& draws) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;

 private:
  std::uint32_t threshold_;
  T scale_;
};

}  // namespace cnnbp
