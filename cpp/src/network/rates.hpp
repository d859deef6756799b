// Which parameters take which share of the learning rate.
#pragma once

#include "network/parameters.hpp"

namespace cnnbp {

/// Parameters that one task updates, all at the same rate.
struct Stretch {
  Index begin, count;
  std::size_t rate;  // its place among the factors
};

struct Rates {
  std::vector<double> factors;  // of the common rate, each once
  std::vector<Stretch> tasks;   // that cover the flat parameters
};

/// The rates that `lr_scales` asks for. Throws std::invalid_argument for a name that no parameter's name starts with.
template <class T>
Rates rates_of(const Optimizer& optimizer, const Parameters<T>& parameters);

}  // namespace cnnbp
