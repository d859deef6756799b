#include "network/arena.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

namespace cnnbp {
namespace {

struct Stretch {
  Index begin, end;
};

/// The start of the smallest gap between `taken`, which is sorted, that holds `size`; the end where there is none.
Index smallest_gap(const std::vector<Stretch>& taken, Index size) {
  Index reached = 0, best = -1, least = std::numeric_limits<Index>::max();
  for (const Stretch& stretch : taken) {
    const Index gap = stretch.begin - reached;
    if (gap >= size && gap < least) {
      best = reached;
      least = gap;
    }
    reached = std::max(reached, stretch.end);
  }
  return best >= 0 ? best : reached;
}

}  // namespace

void Lifetime::extend_over(Index begin, Index end) {
  extend_to(begin);
  extend_to(end);
}

void Lifetime::extend_to(Index phase) {
  first = empty() ? phase : std::min(first, phase);
  last = std::max(last, phase);
}

namespace {

/// Each into the smallest gap that holds it among those placed before.
ArenaPlaces place_in_order(const std::vector<ArenaRequest>& requests, const std::vector<Index>& order,
                           Index alignment) {
  const auto of = [&](Index i) -> const ArenaRequest& { return requests[static_cast<std::size_t>(i)]; };
  ArenaPlaces places{std::vector<Index>(requests.size())};
  for (auto next = order.begin(); next != order.end(); ++next) {
    std::vector<Stretch> taken;
    for (auto placed = order.begin(); placed != next; ++placed) {
      const Index begin = places.offsets[static_cast<std::size_t>(*placed)];
      const Index end = begin + (of(*placed).size + alignment - 1) / alignment * alignment;
      if (of(*placed).lifetime.overlaps(of(*next).lifetime)) taken.push_back({begin, end});
    }
    std::sort(taken.begin(), taken.end(), [](const Stretch& a, const Stretch& b) { return a.begin < b.begin; });
    const Index offset = smallest_gap(taken, of(*next).size);
    places.offsets[static_cast<std::size_t>(*next)] = offset;
    places.size = std::max(places.size, offset + of(*next).size);
  }
  return places;
}

/// Sizes that are nearly a multiple of `unit` become one. A map of a quarter of the pixels and twice the channels
/// has more gaps between channels than half of the larger one, so two would not fit where that was.
std::vector<ArenaRequest> rounded(std::vector<ArenaRequest> requests, Index unit) {
  constexpr Index nearly = 16;  // a sixteenth more, at most
  for (ArenaRequest& request : requests) {
    const Index size = (request.size + unit - 1) / unit * unit;
    if ((size - request.size) * nearly <= request.size) request.size = size;
  }
  return requests;
}

/// One, and the largest sizes that there are.
std::vector<Index> units_of(const std::vector<ArenaRequest>& requests) {
  constexpr std::size_t most = 5;
  std::vector<Index> sizes;
  for (const ArenaRequest& request : requests) sizes.push_back(request.size);
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  sizes.resize(std::min(sizes.size(), most));
  std::erase(sizes, 0);
  sizes.insert(sizes.begin(), 1);
  return sizes;
}

}  // namespace

ArenaPlaces place(const std::vector<ArenaRequest>& given, Index alignment) {
  using Measure = Index (*)(const ArenaRequest&);
  constexpr Measure size = [](const ArenaRequest& r) { return r.size; };
  constexpr Measure length = [](const ArenaRequest& r) { return r.lifetime.last - r.lifetime.first + 1; };
  constexpr Measure area = [](const ArenaRequest& r) { return size(r) * length(r); };
  ArenaPlaces best;
  for (const Index unit : units_of(given)) {
    const std::vector<ArenaRequest> requests = rounded(given, unit);
    for (const Measure measure : {size, area, length}) {
      std::vector<Index> order(requests.size());
      std::iota(order.begin(), order.end(), Index{0});
      std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
        return measure(requests[static_cast<std::size_t>(a)]) > measure(requests[static_cast<std::size_t>(b)]);
      });
      ArenaPlaces places = place_in_order(requests, order, alignment);
      if (best.offsets.empty() || places.size < best.size) best = std::move(places);
    }
  }
  return best;
}

}  // namespace cnnbp
