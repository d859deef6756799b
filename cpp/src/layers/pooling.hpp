// Windows that slide over each plane, a task a plane; mean and max pooling.
#pragma once

#include "layers/geometry.hpp"
#include "layers/layer.hpp"

namespace cnnbp {

/// The windows of one layer's planes, as the kernels are told of them.
template <class T>
class PlaneWindows {
 public:
  explicit PlaneWindows(const Window& window);
  /// Windows of any size each, over a plane of size `input`.
  PlaneWindows(Size2d input, std::vector<Taps> rows, const std::vector<Taps>& columns, Index kernel_width = 0);

  /// `taps` may have no memory; divisors are left to who has them.
  Pooling<T> of(const Tensor<T>& below, const Tensor<T>& pooled, const Tensor<T>& taps, Index block,
                Index channel) const;
  /// The same of some rows of the plane alone, which lie in `to`; for windows that share them evenly.
  Pooling<T> of_rows(const Pooling<T>& plane, Span rows, T* to) const;
  /// Of some rows and columns alone, for windows that share them evenly. The columns are put into `run`.
  Pooling<T> of_pixels(const Pooling<T>& plane, const Pixels& pixels, Run& run) const;
  /// Whether so many rows are always those of one row of windows, and no others'.
  bool share_rows(Index together) const;
  /// The same of rows and of columns.
  bool share_pixels(Index together) const;
  /// Whether no pixel is in two windows.
  bool apart() const { return apart_; }

 private:
  Pooling<T> windows_in(Pooling<T> plane, Span rows) const;

  Size2d input_;
  std::vector<Taps> rows_;
  std::vector<Run> columns_;
  Index pooled_width_, kernel_width_;
  bool partition_, apart_;
};

/// What mean and max pooling share.
template <class T>
class PoolingLayer : public Layer<T> {
 public:
  Reads backward_reads(const Elementwise&) const override { return {.input = false}; }
  Loop forward(const Signal<T>& input, const Signal<T>& output) override;
  bool takes_pixels(bool) const override { return windows_.share_pixels(rows_together); }
  TakePixels<T> take_pixels(const Signal<T>& input, const Signal<T>& output) override;
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  bool makes_delta_rows() const override { return windows_.share_rows(rows_together); }
  MakeRows<T> delta_rows(const Signal<T>& input, const Signal<T>& output) override;

 protected:
  using Kernel = void (*)(const Pooling<T>&);

  PoolingLayer(PlaneWindows<T> windows, Kernel forward_kernel, Kernel delta_kernel);

  /// Mean pooling's divisors; null for max pooling.
  std::vector<T> row_divisor_, column_divisor_;
  bool multiply_ = false;

  Pooling<T> plane(const Tensor<T>& below, const Tensor<T>& pooled, const Tensor<T>& taps, Index block,
                   Index channel) const;
  const PlaneWindows<T>& windows() const { return windows_; }

 private:
  PlaneWindows<T> windows_;
  Kernel forward_kernel_, delta_kernel_;
};

/// y = Σ x / divisor over each window;  δ = f'(u) ∘ up(δ) / divisor.
template <class T>
class AvgPool2dLayer : public PoolingLayer<T> {
 public:
  AvgPool2dLayer(const AvgPool2d& definition, const Shape& input);
  AvgPool2dLayer(const AdaptiveAvgPool2d& definition, const Shape& input);

 private:
  explicit AvgPool2dLayer(PlaneWindows<T> windows);
  void divide_by(const std::vector<Index>& rows, const std::vector<Index>& columns);
};

/// y = max x over each window;  δ = place(f'(u) ∘ δ), each at the position that held the maximum. The value there is y,
/// so f'(u) is taken from y, before δ is placed: of a quarter of the numbers, and the maps below need not be kept.
template <class T>
class MaxPool2dLayer : public PoolingLayer<T> {
 public:
  MaxPool2dLayer(const MaxPool2d& definition, const Shape& input);
  /// Of each channel a `TapNumber` for every maximum, in its order.
  std::optional<Shape> saves(const Shape& output) const override {
    constexpr Index together = sizeof(T) / sizeof(TapNumber);
    return Shape{output.channels, 1, (output.pixels() + together - 1) / together};
  }
  Reads backward_reads(const Elementwise& function) const override {
    const bool from_output = function.kind == FunctionKind::identity && this->windows().apart();
    return {.input = false, .output = from_output, .slope = !from_output};
  }
  Loop propagate_delta(const Signal<T>& input, const Signal<T>& output) override;
  /// The largest of max(0, u) is max(0, the largest u); where that is 0, so is the delta, whatever its place.
  bool passes_relu() const override { return true; }
  MakeRows<T> delta_rows(const Signal<T>& input, const Signal<T>& output) override;
  bool unpools() const override { return this->windows().share_pixels(2); }

 private:
  /// Elements of δ from `offset` of a channel on, times f' of what they are the maximum of.
  void multiply_by_slope(const Signal<T>& output, const Elementwise& function, Index block, Index channel, Index offset,
                         Index count, T* to) const;
};

}  // namespace cnnbp
