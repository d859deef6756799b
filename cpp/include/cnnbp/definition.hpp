/// A network's definition: plain data, the same in C++, in Python and in a saved file.
#pragma once

#include <cnnbp/initializer.hpp>
#include <cnnbp/loss.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace cnnbp {

/// Shape of one sample's maps.
struct Shape {
  std::int64_t channels = 1, height = 1, width = 1;

  std::int64_t pixels() const { return height * width; }
  std::int64_t features() const { return channels * height * width; }
  bool operator==(const Shape&) const = default;
};

/// A height and a width, or one number for both.
struct Size2d {
  std::int64_t height, width;

  constexpr Size2d(std::int64_t both) : height(both), width(both) {}
  constexpr Size2d(std::int64_t h, std::int64_t w) : height(h), width(w) {}
  bool operator==(const Size2d&) const = default;
};

/// Zeros around a map. `Padding::same()` keeps the size at stride 1; where the total is odd, the end
/// gets the larger half, as in PyTorch.
struct Padding {
  std::int64_t top = 0, bottom = 0, left = 0, right = 0;
  bool is_same = false;

  constexpr Padding(std::int64_t all = 0) : top(all), bottom(all), left(all), right(all) {}
  constexpr Padding(Size2d p) : top(p.height), bottom(p.height), left(p.width), right(p.width) {}
  constexpr Padding(std::int64_t t, std::int64_t b, std::int64_t l, std::int64_t r)
      : top(t), bottom(b), left(l), right(r) {}
  static constexpr Padding same() {
    Padding p;
    p.is_same = true;
    return p;
  }
};

/// Activation functions f(u), with Φ the normal distribution:
/// sigmoid σ(u) = 1 / (1 + e^−u); tanh; relu max(u, 0); softmax over the channels; leaky_relu u or p·u below 0;
/// elu u or p (e^u − 1) below 0; softplus log(1 + e^pu) / p; scaled_tanh 1.7159 tanh(2u/3) (LeCun et al. 1998);
/// gelu u Φ(u); gelu_tanh its approximation by tanh; silu u σ(u); hardswish u min(max(u + 3, 0), 6) / 6.
struct Function {
  enum Kind {
    identity,
    sigmoid,
    tanh,
    relu,
    softmax,
    leaky_relu,
    elu,
    softplus,
    scaled_tanh,
    gelu,
    gelu_tanh,
    silu,
    hardswish
  };
  Kind kind = identity;
  double parameter = 0.0;  ///< p: of leaky_relu and elu at least 0, of softplus above 0, all finite; else 0

  constexpr Function(Kind k) : Function(k, k == leaky_relu ? 0.01 : k == elu || k == softplus ? 1.0 : 0.0) {}
  constexpr Function(Kind k, double p) : kind(k), parameter(p) {}
  bool operator==(const Function&) const = default;
};

/// How a convolution is computed. automatic: by Winograd's algorithm where the shapes make it faster and the type is
/// float, else directly; the choice does not depend on the batch or on timing. winograd: wherever the options allow.
enum class Algorithm { automatic, direct, winograd };

// Layers with parameters have `trainable`: where it is false, they keep their values and have no gradients.

/// Cross-correlation: u_j = Σ_i x_i ⋆ k_ij + b_j. Input channels are inferred.
struct Conv2d {
  std::int64_t out_channels;
  Size2d kernel_size;
  Size2d stride = 1;
  Padding padding = 0;
  Size2d dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  Function activation = Function::identity;
  /// A row an output channel, a column an input channel: whether there is a kernel between them. Where there is
  /// none, the weight is held at 0. Empty: all are connected.
  std::vector<std::vector<bool>> connections = {};
  bool trainable = true;
  Algorithm algorithm = Algorithm::automatic;
};

/// The transpose of a Conv2d from the output to the input: u_j(oh, ow) = Σ_i Σ_kh Σ_kw w_ij(kh, kw) · x_i(ih, iw) + b_j
/// over the places with oh = ih · stride − padding + kh · dilation, and the same of columns. The output has
/// (height − 1) · stride − 2 padding + dilation · (kernel_size − 1) + output_padding + 1 rows.
struct ConvTranspose2d {
  std::int64_t out_channels;
  Size2d kernel_size;
  Size2d stride = 1;
  Size2d padding = 0;
  Size2d output_padding = 0;  ///< rows and columns more at the end, fewer than stride or dilation
  Size2d dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  Function activation = Function::identity;
  bool trainable = true;
};

/// Learned combinations of maps: u_j = Σ_i α_ij (x_i ⋆ k_i) + b_j with one kernel an input map and
/// α_ij = exp(c_ij) / Σ_k exp(c_kj), from c = 0. Adds sparsity · Σ_ij |α_ij| to the loss.
struct CombineConv2d {
  std::int64_t out_channels;
  Size2d kernel_size;
  Size2d stride = 1;
  Padding padding = 0;
  bool bias = true;
  double sparsity = 0.0;
  Function activation = Function::identity;
  bool trainable = true;
};

/// Mean over windows.
struct AvgPool2d {
  Size2d kernel_size;
  std::optional<Size2d> stride = {};  ///< the kernel's size
  Size2d padding = 0;
  bool ceil_mode = false;
  bool count_include_pad = true;
  std::int64_t divisor_override = 0;  ///< 0: the window's size
  Function activation = Function::identity;
};

/// Maximum over windows.
struct MaxPool2d {
  Size2d kernel_size;                 ///< of at most 65,536 pixels
  std::optional<Size2d> stride = {};  ///< the kernel's size
  Size2d padding = 0;
  Size2d dilation = 1;
  bool ceil_mode = false;
  Function activation = Function::identity;
};

/// Mean over windows that share a map evenly: row i of the output is over rows ⌊i · height / output height⌋ to
/// ⌈(i + 1) · height / output height⌉ − 1, and so are columns.
struct AdaptiveAvgPool2d {
  Size2d output_size;
};

/// Mean of each map.
struct GlobalAvgPool2d {};

/// Trainable subsampling: u_j = β_j · down(x_j) + b_j, where down sums the blocks of kernel_size that tile a map.
/// β starts at 1 / (height · width), b at 0.
struct Subsample2d {
  Size2d kernel_size;
  Function activation = Function::identity;
  bool trainable = true;
};

/// u = W·fv + b, where fv stacks all maps in the order (channel, row, column).
struct Linear {
  std::int64_t out_features;
  bool bias = true;
  Function activation = Function::identity;
  bool trainable = true;
};

/// u = γ_c (x − μ_c) / √(σ_c² + eps) + β_c, with mean and variance of each channel over the batch and its pixels
/// (Ioffe and Szegedy 2015). Predictions use running means of both, r ← (1 − momentum) r + momentum · s, where s² is
/// the variance with n − 1. Not trainable, it uses the running means always and leaves them as they are.
struct BatchNorm2d {
  double eps = 1e-5;
  double momentum = 0.1;
  bool affine = true;  ///< γ and β are learned, from 1 and 0
  Function activation = Function::identity;
  bool trainable = true;
};

/// u = γ_c (x − μ_g) / √(σ_g² + eps) + β_c, with mean and variance of each sample's groups of neighbouring channels,
/// the same in training and after (Wu and He 2018).
struct GroupNorm {
  std::int64_t num_groups;
  double eps = 1e-5;
  bool affine = true;  ///< γ and β are learned, from 1 and 0
  Function activation = Function::identity;
  bool trainable = true;
};

/// In training u = m ∘ x, where m is 0 with probability p and else 1 / (1 − p), drawn for each feature of each sample
/// (Srivastava et al. 2014). Predictions have u = x.
struct Dropout {
  double p = 0.5;
};

/// Zeros around each map.
struct ZeroPad2d {
  Padding padding;
};

/// Maps scale_factor times as high and wide. nearest: u(oh, ow) = x(⌊oh / factor⌋, ⌊ow / factor⌋). bilinear: between
/// the four pixels around row max((oh + ½) / factor − ½, 0), or, with align_corners, oh (height − 1) /
/// (output height − 1), and the same of columns.
struct Upsample {
  enum Mode { nearest, bilinear };
  Size2d scale_factor;
  Mode mode = nearest;
  bool align_corners = false;
};

/// Maps to one vector, in the order (channel, row, column).
struct Flatten {};

/// An activation as a layer of its own; the same as `activation` of the layer before.
struct Activation {
  Function function;
};

struct LayerDefinition;

/// A std::vector for a member `= {}` of elements that are declared, but not complete: a compiler may try there whether
/// an empty list is a constant expression, which these constructors are not.
template <class T>
struct ListOf : std::vector<T> {
  ListOf() {}
  ListOf(std::initializer_list<T> elements) : std::vector<T>(elements) {}
  ListOf(std::vector<T> elements) : std::vector<T>(std::move(elements)) {}
  ListOf(const ListOf& other) : std::vector<T>(other) {}
  ListOf(ListOf&& other) noexcept : std::vector<T>(std::move(other)) {}
  ListOf& operator=(ListOf other) noexcept {
    this->swap(other);
    return *this;
  }
  ~ListOf() {}
};

/// u = body(x) + shortcut(x); an empty shortcut is the identity (He et al. 2015).
struct Residual {
  ListOf<LayerDefinition> body = {}, shortcut = {};
  Function activation = Function::identity;
};

/// The channels of all branches, one after the other; an empty branch is the identity.
struct Concat {
  std::vector<std::vector<LayerDefinition>> branches;
  Function activation = Function::identity;
};

using LayerVariant = std::variant<Conv2d, ConvTranspose2d, CombineConv2d, AvgPool2d, AdaptiveAvgPool2d, GlobalAvgPool2d,
                                  MaxPool2d, Subsample2d, Linear, BatchNorm2d, GroupNorm, Dropout, ZeroPad2d, Upsample,
                                  Flatten, Activation, Residual, Concat>;

struct LayerDefinition : LayerVariant {
  using LayerVariant::LayerVariant;
};

struct NetworkDefinition {
  Shape input;
  std::vector<LayerDefinition> layers;
  Loss loss = MSE{};
  Initializer initializer = ToolboxUniform{};
};

/// What one layer of a definition comes to.
struct LayerSummary {
  std::string name;  ///< its place in the list: "0", "1.body.0"
  std::string type;  ///< "Conv2d"
  Shape output_shape = {};
  bool is_vector = false;          ///< the output is a vector of `channels` features
  std::int64_t parameters = 0;     ///< weights, biases and the like of its own
  std::int64_t frozen = 0;         ///< those of them that are not trained
  std::int64_t multiply_adds = 0;  ///< of one sample's forward pass
};

/// Infers all shapes; a Residual or Concat comes before the layers in it. Throws std::invalid_argument that names the
/// layer, what it was given and what it needs.
std::vector<LayerSummary> summarize(const NetworkDefinition& definition);

/// The network's output, which is that of the last layer in no other. Throws std::invalid_argument for no layers.
LayerSummary last_layer(const std::vector<LayerSummary>& summary);

/// The layer's output for an input. Throws std::invalid_argument where the two do not fit.
Shape output_shape(const LayerDefinition& layer, Shape input);

}  // namespace cnnbp
