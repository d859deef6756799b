/// Where training starts: how the weights are drawn. Biases and the like start at constants of their layers.
#pragma once

#include <variant>

namespace cnnbp {

/// The toolbox's: uniform in ±√(6 / (fan_in + fan_out)), with fan_in weights to an output of the layer and fan_out
/// weights from an input.
struct ToolboxUniform {};

/// Mean 0 and variance scale / fan. The fans are torch's: fan_in = in / groups · kh · kw, fan_out = out · kh · kw.
/// Scale 1 over their mean is Glorot's and Bengio's (2010), 2 over fan_in He's et al. (2015), 1 over fan_in LeCun's
/// et al. (1998).
struct VarianceScaling {
  enum class Fan { in, out, mean };
  enum class Distribution { uniform, normal };
  double scale = 1.0;
  Fan fan = Fan::in;
  Distribution distribution = Distribution::normal;
};

/// gain times a matrix with orthonormal rows, or columns if these are fewer: (out, in · kh · kw), uniform among all
/// of them (Saxe, McClelland and Ganguli 2014). With `connections` that is so before the absent kernels are set to 0.
struct Orthogonal {
  double gain = 1.0;
};

/// One number for all.
struct Constant {
  double value = 0.0;
};

using Initializer = std::variant<ToolboxUniform, VarianceScaling, Orthogonal, Constant>;

}  // namespace cnnbp
