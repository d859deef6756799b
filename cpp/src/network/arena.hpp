// Where arrays that are not in use at the same time lie in one stretch of memory.
#pragma once

#include <vector>

#include "kernels/arguments.hpp"

namespace cnnbp {

/// The phases of a step from the first to the last that reads or writes an array. Those that share a phase are in
/// use at the same time, as the loops of a phase have no order.
struct Lifetime {
  Index first = 0, last = -1;  // as here: never

  bool empty() const { return last < first; }
  bool overlaps(const Lifetime& other) const { return first <= other.last && other.first <= last; }
  /// Makes it hold `phase`, too.
  void extend_to(Index phase);
  /// The same of all phases from `begin` to `end`.
  void extend_over(Index begin, Index end);
};

struct ArenaRequest {
  Index size;
  Lifetime lifetime;
};

struct ArenaPlaces {
  std::vector<Index> offsets;  // one a request, in its order
  Index size = 0;              // of the whole arena
};

/// Places arrays so that those with overlapping lifetimes are apart: one after the other, each into the smallest gap
/// that holds it among those placed before (Pisarchyk and Lee 2020, "Efficient memory management for deep neural net
/// inference", greedy by size). Of three orders, by size, by phases in use and by their product, it takes the one that
/// needs least: a twentieth less for ResNet-20; and with sizes rounded up to others' multiples, if that needs less: 2.5
/// percent. It depends on the requests alone. Offsets are multiples of `alignment`.
ArenaPlaces place(const std::vector<ArenaRequest>& requests, Index alignment);

}  // namespace cnnbp
