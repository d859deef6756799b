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

/// Where a factor is among those used so far, which it joins if it is new.
std::size_t place_of(double factor, std::vector<double>& factors) {
  const auto found = std::find(factors.begin(), factors.end(), factor);
  const auto place = static_cast<std::size_t>(found - factors.begin());
  if (found == factors.end()) factors.push_back(factor);
  return place;
}

}  // namespace

template <class T>
Rates rates_of(const Optimizer& optimizer, const Parameters<T>& parameters) {
  const Scales& scales = options_of(optimizer).lr_scales;
  check_starts(scales, parameters.all());
  Rates rates;
  std::vector<Stretch> stretches;  // of one rate each, from the last to the first
  Index end = static_cast<Index>(parameters.values().size());
  for (auto p = parameters.all().rbegin(); p != parameters.all().rend(); ++p) {
    if (p->gradient.empty()) continue;  // updates pass it by
    const Index begin = p->gradient.data() - parameters.gradients().data();
    const std::size_t rate = place_of(factor_of(p->name, scales), rates.factors);
    if (stretches.empty() || stretches.back().rate != rate) stretches.push_back({begin, 0, rate});
    stretches.back() = {begin, stretches.back().count + end - begin, rate};
    end = begin;
  }
  for (const auto& [first, size, rate] : stretches)
    for (Index done = 0; done < size; done += parameters_of_a_task)
      rates.tasks.push_back({first + done, std::min(parameters_of_a_task, size - done), rate});
  return rates;
}

template Rates rates_of(const Optimizer&, const Parameters<float>&);
template Rates rates_of(const Optimizer&, const Parameters<double>&);

}  // namespace cnnbp
