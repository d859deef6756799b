#include "network/recomputation.hpp"

#include <algorithm>

namespace cnnbp {
namespace {

/// Values of fewer bytes are kept: a core's second cache holds them, and making them again costs small residual
/// networks 4 percent of a step.
constexpr Index least_bytes = Index{1} << 21;

/// All values together may take so much of the forward pass's work, a tenth of a step's, and each so much a number: as
/// much as a 3×3 convolution of 16 channels, with a stride or without. Wider ones give a byte back for more time.
constexpr double share_of_forward = 0.3;
constexpr std::int64_t most_work_of_number = 210;

struct Candidate {
  std::size_t signal;
  Index size;
  std::int64_t work, work_of_number;
  Index phases;  // through which it would be kept
};

/// In elements, whatever is made again; of arrays without memory 0.
struct Sizes {
  std::vector<Index> values, saved;                                     // by signal
  std::vector<Index> packed_for_forward, packed_for_delta, workspaces;  // as in Lifetimes
};

template <class T>
Sizes sizes_of(const Graph<T>& graph, Index samples) {
  const Blocks<T> blocks(samples);
  Sizes sizes;
  for (const SignalPlan& planned : graph.signals()) {
    sizes.values.push_back(planned.shape.features() * blocks.all_lanes());
    sizes.saved.push_back(planned.saved ? planned.saved->features() * blocks.all_lanes() : 0);
  }
  for (const Node<T>& node : graph.nodes())
    sizes.packed_for_forward.push_back(node.layer ? node.layer->packed_for_forward(samples) : 0);
  for (const BackwardStep<T>& step : graph.backward()) {
    const Layer<T>* const layer = step.node ? step.node->layer : nullptr;
    const bool sends_back = layer && graph.needs_delta(step.node->inputs[0].signal);
    sizes.packed_for_delta.push_back(sends_back ? layer->packed_for_delta(samples) : 0);
    sizes.workspaces.push_back(layer && layer->learns() ? layer->gradient_workspace(blocks) : 0);
  }
  return sizes;
}

/// The largest sum of what is in use at the same time, but for images, which are always there.
template <class T>
Index most_in_use(const Graph<T>& graph, const Sizes& sizes, const Lifetimes<T>& lifetimes) {
  std::vector<Index> change(static_cast<std::size_t>(lifetimes.whole().last) + 2);
  const auto use = [&](Index size, const Lifetime& lifetime) {
    if (lifetime.empty()) return;
    change[static_cast<std::size_t>(lifetime.first)] += size;
    change[static_cast<std::size_t>(lifetime.last) + 1] -= size;
  };
  for (std::size_t i = 1; i < sizes.values.size(); ++i) {
    const SignalLifetimes& in_use = lifetimes.signals()[i];
    if (!passes_by(graph.signals()[i], in_use)) use(sizes.values[i], in_use.value);
    use(sizes.values[i], in_use.made_again);
    use(sizes.values[i], in_use.delta);
    use(sizes.saved[i], in_use.saved);
    for (const Lifetime& part : in_use.parts) use(sizes.values[i], part);
  }
  for (std::size_t i = 0; i < sizes.packed_for_forward.size(); ++i)
    use(sizes.packed_for_forward[i], lifetimes.packed_for_forward()[i]);
  for (std::size_t i = 0; i < sizes.workspaces.size(); ++i) {
    use(sizes.packed_for_delta[i], lifetimes.packed_for_delta()[i]);
    use(sizes.workspaces[i], lifetimes.workspaces()[i]);
  }
  Index now = 0, most = 0;
  for (const Index by : change) most = std::max(most, now += by);
  return most;
}

/// The least work a number first; of equal ones what would be kept for longest.
template <class T>
std::vector<Candidate> find_candidates(const Graph<T>& graph, const Sizes& sizes, const Lifetimes<T>& lifetimes) {
  std::vector<Candidate> found;
  for (std::size_t i = 1; i < sizes.values.size(); ++i) {
    const SignalPlan& planned = graph.signals()[i];
    const Index size = sizes.values[i];
    if (!planned.repeats_for || size * Index{sizeof(T)} < least_bytes) continue;
    const std::int64_t each = *planned.repeats_for / planned.shape.features();
    const Lifetime& kept = lifetimes.signals()[i].value;
    if (each <= most_work_of_number) found.push_back({i, size, *planned.repeats_for, each, kept.last - kept.first});
  }
  std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    return a.work_of_number != b.work_of_number ? a.work_of_number < b.work_of_number : a.phases > b.phases;
  });
  return found;
}

}  // namespace

template <class T>
std::vector<bool> choose_made_again(const Graph<T>& graph, Index samples, Purpose purpose) {
  std::vector<bool> chosen(graph.signals().size());
  if (purpose != Purpose::train || graph.fusing() == Fusing::off) return chosen;
  const Sizes sizes = sizes_of(graph, samples);
  const auto needed = [&] { return most_in_use(graph, sizes, Lifetimes<T>(graph, purpose, chosen)); };
  const std::vector<Candidate> candidates = find_candidates(graph, sizes, Lifetimes<T>(graph, purpose, chosen));
  Index least = needed();
  auto left = static_cast<std::int64_t>(share_of_forward * static_cast<double>(graph.forward_work()));
  for (bool changed = !candidates.empty(); changed;) {
    changed = false;
    for (const Candidate& candidate : candidates) {
      const bool adds = !chosen[candidate.signal];
      if (adds && candidate.work > left) continue;
      chosen[candidate.signal] = adds;
      const Index now = needed();
      // Half of its size at least, as a value that is made again may be in use in the next fullest phase, too.
      if (adds ? now + candidate.size / 2 <= least : now <= least) {
        least = now;
        left += adds ? -candidate.work : candidate.work;
        changed = true;
      } else {
        chosen[candidate.signal] = !adds;
      }
    }
  }
  return chosen;
}

template std::vector<bool> choose_made_again<float>(const Graph<float>&, Index, Purpose);
template std::vector<bool> choose_made_again<double>(const Graph<double>&, Index, Purpose);

}  // namespace cnnbp
