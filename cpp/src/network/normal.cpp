// The normal distribution from basic operations alone, so that draws have the same bits with every C library.
#include <cmath>
#include <cnnbp/random.hpp>

#include "network/checks.hpp"

namespace cnnbp {
namespace {

/// Coefficients of a quotient of polynomials, from the highest power down.
struct Rational {
  double numerator[8], denominator[8];

  double at(double r) const {
    double top = numerator[0], bottom = denominator[0];
    for (int i = 1; i < 8; ++i) {
      top = top * r + numerator[i];
      bottom = bottom * r + denominator[i];
    }
    return top / bottom;
  }
};

// Wichura's PPND16: by r = 0.425² − (p − ½)² in the middle, by √(−log p) less 1.6 or 5 towards the ends.
constexpr Rational middle{
    {2.5090809287301226727e+3, 3.3430575583588128105e+4, 6.7265770927008700853e+4, 4.5921953931549871457e+4,
     1.3731693765509461125e+4, 1.9715909503065514427e+3, 1.3314166789178437745e+2, 3.3871328727963666080e+0},
    {5.2264952788528545610e+3, 2.8729085735721942674e+4, 3.9307895800092710610e+4, 2.1213794301586595867e+4,
     5.3941960214247511077e+3, 6.8718700749205790830e+2, 4.2313330701600911252e+1, 1.0}};
constexpr Rational tail{
    {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e+0,
     3.64784832476320460504e+0, 5.76949722146069140550e+0, 4.63033784615654529590e+0, 1.42343711074968357734e+0},
    {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e+0, 2.05319162663775882187e+0, 1.0}};
constexpr Rational far_tail{
    {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e+0, 5.46378491116411436990e+0, 6.65790464350110377720e+0},
    {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0}};

/// log x = e log 2 + 2 artanh s with x = 2^e m, √½ ≤ m < √2 and s = (m − 1) / (m + 1), by 12 terms of its series: the
/// next one is below 10⁻¹⁸. A C library's log may differ from another's in its last bit.
double logarithm(double x) {
  constexpr double log2 = 0.69314718055994530942, root_half = 0.70710678118654752440;
  int exponent = 0;
  double m = std::frexp(x, &exponent);  // ½ ≤ m < 1
  if (m < root_half) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0.0;
  for (int n = 23; n > 0; n -= 2) sum = sum * square + 1.0 / n;
  return exponent * log2 + 2 * s * sum;
}

}  // namespace

double normal_quantile(double p) {
  if (!(p > 0.0 && p < 1.0)) refuse("p", p, "above 0 and below 1");
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) return q * middle.at(0.180625 - q * q);
  const double r = std::sqrt(-logarithm(q < 0 ? p : 1 - p));
  const double x = r <= 5 ? tail.at(r - 1.6) : far_tail.at(r - 5);
  return q < 0 ? -x : x;
}

}  // namespace cnnbp
