// Samples enter and leave the lanes here, and nowhere else.
#pragma once

#include <cnnbp/network.hpp>

#include "lanes/tensor.hpp"

namespace cnnbp {

/// The samples of one batch within a larger array: order[0], order[1], …, or, without an order, the ones
/// from `first` on.
struct Selection {
  const std::int64_t* order = nullptr;
  Index first = 0;

  Index operator[](Index n) const { return order ? order[n] : first + n; }
  bool operator==(const Selection&) const = default;
};

/// The kernel that turns samples into lanes, and lanes into samples.
template <class T>
using Transpose = void (*)(const Transposition<T>&);

/// Some channels of one block of samples, uint8 scaled to [0, 1]; padding lanes become zero.
template <class T>
void pack(const Images& from, const Selection& selection, const Tensor<T>& to, Index block, Span channels,
          Transpose<T> transpose);

/// One block of targets: values as they are, class numbers as one-hot or, where there is one channel, as they are.
/// A number that is no class leaves zeros.
template <class T>
void pack(const Targets& from, const Selection& selection, const Tensor<T>& to, Index block, Transpose<T> transpose);

/// Pixels that lie side by side in a block, one channel's or several whole ones.
template <class T>
struct PixelsInLanes {
  const T* first;
  Index count;
  Index block, place;  // of the first one, among the features of a sample
};

/// They are brought into an array of all samples, (channel, row, column) each. `maps` says of what shape, and how the
/// samples lie in blocks; it may have no memory.
template <class T>
void unpack(const PixelsInLanes<T>& pixels, const Tensor<T>& maps, T* to, Transpose<T> transpose);

}  // namespace cnnbp
