#include "network/rates.hpp"

#include <algorithm>
#include <stdexcept>

#include "network/checks.hpp"

namespace cnnbp {
namespace {

using Scales = std::map<std::string, double>;

/// Whether a name is `start`, or goes on from it after a dot: "0" begins "0.bias", but not "01.bias".
bool begins(const std::string& name, const std::string& start) { return (name + ".").starts_with(start + "."); }

/// The factor of the longest start of the name; 1 without any. A longer start of the same name comes later in order.
double factor_of(const std::string& name, const Scales& scales) {
  double factor = 1.0;
  for (const auto& [start, scale] : scales)
    if (begins(name, start)) factor = scale;
  return factor;
}

template <class T>
void check_starts(const Scales& scales, const std::vector<Parameter<T>>& parameters) {
  std::string names;
  for (const Parameter<T>& p : parameters) names += (names.empty() ? "" : ", ") + p.name;
  for (const auto& [start, scale] : scales)
    if (std::none_of(parameters.begin(), parameters.end(), [&](const auto& p) { return begins(p.name, start); }))
      throw std::invalid_argument("lr_scales names '" + start +
                                  "', expected a parameter or what its name starts with " +
                                  "up to a dot; the parameters are " + names);
}

}  // namespace

template <class T>
Rates rates_of(const Optimizer& optimizer, const Parameters<T>& parameters) {
  const Scales& scales = options_of(optimizer).lr_scales;
  const std::vector<Parameter<T>>& all = parameters.all();
  check_starts(scales, all);
  Rates rates;
  std::vector<double>& factors = rates.factors;
  Index begin = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool last = i + 1 == all.size();
    const double factor = factor_of(all[i].name, scales);
    if (!last && factor_of(all[i + 1].name, scales) == factor) continue;  // one stretch with the next
    if (std::find(factors.begin(), factors.end(), factor) == factors.end()) factors.push_back(factor);
    const auto rate = static_cast<std::size_t>(std::find(factors.begin(), factors.end(), factor) - factors.begin());
    const Index end =
        last ? static_cast<Index>(parameters.values().size()) : all[i + 1].value.data() - parameters.values().data();
    for (; begin < end; begin += rates.tasks.back().count)
      rates.tasks.push_back({begin, std::min(parameters_of_a_task, end - begin), rate});
  }
  return rates;
}

template Rates rates_of(const Optimizer&, const Parameters<float>&);
template Rates rates_of(const Optimizer&, const Parameters<double>&);

}  // namespace cnnbp
