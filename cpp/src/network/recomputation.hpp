// Which values a training step makes again for its backward pass, in place of keeping them.
#pragma once

#include <vector>

#include "network/lifetimes.hpp"

namespace cnnbp {

/// By signal. One value after the other, the cheapest first, is made again if that takes memory from the fullest phase,
/// until a tenth of a step's work is spent; what others have made needless is kept after all. It depends on the graph
/// and the batch size alone.
template <class T>
std::vector<bool> choose_made_again(const Graph<T>& graph, Index samples, Purpose purpose);

}  // namespace cnnbp
