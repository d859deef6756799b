// What can be wrong with the options of layers without a window.
#include <cmath>

#include "layers/geometry.hpp"
#include "layers/require.hpp"

namespace cnnbp {
namespace {

void check_eps(double eps) {
  require(eps > 0.0 && std::isfinite(eps), "eps is " + text(eps) + ", expected a finite number above 0");
}

}  // namespace

void check(const BatchNorm2d& layer) {
  check_eps(layer.eps);
  require(layer.momentum >= 0.0 && layer.momentum <= 1.0, "momentum is " + text(layer.momentum) + ", expected 0 to 1");
}

void check(const GroupNorm& layer, const Shape& input) {
  check_eps(layer.eps);
  const std::string given = "num_groups is " + std::to_string(layer.num_groups);
  require(
      layer.num_groups >= 1 && input.channels % layer.num_groups == 0,
      given + ", which must divide the " + std::to_string(input.channels) + " channels of the input " + text(input));
  require(input.features() > layer.num_groups, given + ", but the input " + text(input) +
                                                   " then has one value a group, which has no variance; take fewer "
                                                   "groups");
}

void check(const Dropout& layer) {
  require(layer.p >= 0.0 && layer.p < 1.0, "p is " + text(layer.p) + ", expected at least 0 and below 1");
}

void check(const Linear& layer) { require_between("out_features", layer.out_features, 1); }

/// Slopes are told from f(u), so f must not fall where it is to rise.
void check(const Function& function) {
  const double p = function.parameter;
  const bool takes_zero = function.kind == Function::leaky_relu || function.kind == Function::elu;
  if (!takes_zero && function.kind != Function::softplus)
    return require(p == 0.0, "the activation takes no parameter, got " + text(p));
  require(std::isfinite(p) && (takes_zero ? p >= 0.0 : p > 0.0), "the activation's parameter is " + text(p) +
                                                                     ", expected a finite number" +
                                                                     (takes_zero ? ", at least 0" : " above 0"));
}

void check_input(const Shape& input) {
  require(input.channels >= 1 && input.height >= 1 && input.width >= 1,
          "input_shape is " + text(input) + ", expected at least 1 each");
  checked_product({input.channels, input.height, input.width}, "input_shape " + text(input));
}

}  // namespace cnnbp
