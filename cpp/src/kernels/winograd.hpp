// Winograd's convolution (Lavin and Gray 2016, arXiv:1509.09308): 4 × 4 outputs of an r × r kernel by (r + 3)² products
// instead of 16·r². Tiles of pixels and kernels become values at r + 3 by r + 3 points, there they are multiplied and
// summed over channels as matrices, and the sum comes back as pixels:
//
//   Y = Aᵀ [ Σ (G w Gᵀ) ∘ (Bᵀ x B) ] A     and, read the other way,     ∂E/∂w = Gᵀ [ Σ (A δ Aᵀ) ∘ (Bᵀ x B) ] G
//
// where the first sum runs over channels and the second over tiles and samples.
// One lane is one sample throughout, so each transform (kernels/winograd_transforms.hpp) is the textbook's with a lane
// vector in place of a number.
#pragma once

#include "kernels/winograd_single.hpp"

namespace cnnbp {
namespace {

/// The next channel's tile is pages away, where no hardware looks ahead. Asking for its pixels one by one, as those of
/// this channel are read or written, makes a step of ResNet-20 a tenth faster; asking for a whole tile at once, half
/// of that.
template <class T>
[[gnu::always_inline]] inline void ask_for_next(const WinogradTiles<T>& a, const T* pixel) {
  __builtin_prefetch(pixel + a.channel_stride);
}

template <class V, class Transform, bool Normalizes, class T>
[[gnu::noinline]] void read_tiles(const WinogradTiles<T>& a) {
  for_each_tile<V, Transform::from>(a, [&](const WinogradTile& tile, const T* pixels, T* points) {
    const Normalizer<V, Normalizes> normalize(a.normalizing, tile.channel);
    const auto pixel = [&](int i, int j) {
      const T* from = pixels + i * a.row_stride + j * a.column_stride;
      ask_for_next(a, from);
      return normalize(V::load(from));
    };
    const auto store = [&](int i, int j, V v) { v.store(points + (i * Transform::to + j) * a.point_stride); };
    if (tile.whole(Transform::from)) in_both_axes<V>(Transform{}, pixel, store);
    else in_both_axes<V>(Transform{}, [&](int i, int j) { return tile.has(i, j) ? pixel(i, j) : zero<V>(); }, store);
  });
}

template <class V, class Transform, class T>
[[gnu::noinline]] void write_tiles(const WinogradTiles<T>& a, const T* bias) {
  for_each_tile<V, Transform::to>(a, [&](const WinogradTile& tile, T* pixels, const T* points) {
    const V start = V::broadcast(bias ? bias[tile.channel] : T(0));
    const auto load = [&](int i, int j) { return V::load(points + (i * Transform::from + j) * a.point_stride); };
    const auto store = [&](int i, int j, V v) {
      T* to = pixels + i * a.row_stride + j * a.column_stride;
      ask_for_next(a, to);
      (v + start).store(to);
    };
    if (tile.whole(Transform::to)) in_both_axes<V>(Transform{}, load, store);
    else
      in_both_axes<V>(Transform{}, load, [&](int i, int j, V v) {
        if (tile.has(i, j)) store(i, j, v);
      });
  });
}

/// Tiles overlap, so each is added to what the ones before it have left.
template <class V, class Transform, class T>
[[gnu::noinline]] void add_tiles(const WinogradTiles<T>& a) {
  for_each_tile<V, Transform::to>(a, [&](const WinogradTile& tile, T* pixels, const T* points) {
    const auto load = [&](int i, int j) { return V::load(points + (i * Transform::from + j) * a.point_stride); };
    const auto add = [&](int i, int j, V v) {
      T* to = pixels + i * a.row_stride + j * a.column_stride;
      (V::load(to) + v).store(to);
    };
    if (tile.whole(Transform::to)) in_both_axes<V>(Transform{}, load, add);
    else
      in_both_axes<V>(Transform{}, load, [&](int i, int j, V v) {
        if (tile.has(i, j)) add(i, j, v);
      });
  });
}

/// Calls body(vector) with the lane vector of a block or, where one lane alone goes to the points, alone(vector) with
/// one of as many neighbouring tiles as a channel has places for.
template <class T, class Body, class Alone>
inline void with_tiles(const WinogradTiles<T>& a, Body body, Alone alone) {
  if (a.point_lanes == a.lanes) with_vector<T>(a.lanes, body);
  else with_vector<T>(a.point_channel_stride, alone);
}

template <class Transform, bool Normalizes, class T>
inline void read(const WinogradTiles<T>& a) {
  with_tiles(
      a, [&](auto vector) { read_tiles<decltype(vector), Transform, Normalizes>(a); },
      [&](auto vector) { read_single<decltype(vector), Transform, Normalizes>(a); });
}

template <class T>
void winograd_input(const WinogradTiles<T>& a) {
  const auto normalizing = [&]<bool Normalizes>() {
    if (a.size == size_for(3)) read<PixelsToPoints<size_for(3)>, Normalizes>(a);
    else read<PixelsToPoints<size_for(5)>, Normalizes>(a);
  };
  if (a.normalizing.mean) normalizing.template operator()<true>();
  else normalizing.template operator()<false>();
}

template <class T>
void winograd_delta(const WinogradTiles<T>& a) {
  if (a.size == size_for(3)) read<CoefficientsToPoints<winograd_outputs, size_for(3)>, false>(a);
  else read<CoefficientsToPoints<winograd_outputs, size_for(5)>, false>(a);
}

template <class T>
void winograd_output(const WinogradTiles<T>& a, const T* bias) {
  const auto write = [&]<class Transform>(Transform) {
    with_tiles(
        a, [&](auto vector) { write_tiles<decltype(vector), Transform>(a, bias); },
        [&](auto vector) { write_single<decltype(vector), Transform, false>(a, bias); });
  };
  if (a.size == size_for(3)) write(PointsToCoefficients<winograd_outputs, size_for(3)>{});
  else write(PointsToCoefficients<winograd_outputs, size_for(5)>{});
}

template <class T>
void winograd_input_delta(const WinogradTiles<T>& a) {
  const auto add = [&]<class Transform>(Transform) {
    with_tiles(
        a, [&](auto vector) { add_tiles<decltype(vector), Transform>(a); },
        [&](auto vector) { write_single<decltype(vector), Transform, true>(a, static_cast<const T*>(nullptr)); });
  };
  if (a.size == size_for(3)) add(PointsToPixels<size_for(3)>{});
  else add(PointsToPixels<size_for(5)>{});
}

/// Lanes are neighbouring source channels here.
template <int Kernel, class T>
[[gnu::noinline]] void kernels_to_points(const WinogradWeights<T>& a) {
  constexpr int size = size_for(Kernel);
  using V = Vec<T, widest<T>>;
  for (Index target = 0; target < a.targets; ++target)
    for (Index source = 0; source < a.sources; source += V::width) {
      const T* from = a.weight + target * a.weight_target_stride + source * a.weight_source_stride;
      T* to = a.points + target * a.point_target_stride + source;
      T taps[Kernel * Kernel][V::width] = {};
      for (int lane = 0; lane < V::width && source + lane < a.sources; ++lane)
        for (int tap = 0; tap < Kernel * Kernel; ++tap) taps[tap][lane] = from[lane * a.weight_source_stride + tap];
      in_both_axes<V>(
          CoefficientsToPoints<Kernel, size>{}, [&](int i, int j) { return V::load(taps[i * Kernel + j]); },
          [&](int i, int j, V v) {
            const V factor = V::broadcast(winograd_factor<T, size>[i] * winograd_factor<T, size>[j]);
            (v * factor).store(to + (i * size + j) * a.point_stride);
          });
    }
}

/// The kernels as the forward pass has them, those of a target's sources side by side. Read where they lie, each cache
/// line would be fetched for two targets, and from as many pages as there are sources.
template <int Kernel, class T>
[[gnu::noinline]] void turn_kernels(const WinogradWeights<T>& a) {
  constexpr int taps = Kernel * Kernel;
  for (Index source = 0; source < a.sources; ++source)
    for (Index target = 0; target < a.targets; ++target) {
      const T* const from = a.weight + source * a.weight_source_stride + target * a.weight_target_stride;
      T* const to = a.turned + (target * a.sources + source) * taps;
      for (int tap = 0; tap < taps; ++tap) to[tap] = from[tap];
    }
}

template <int Kernel, class T>
void all_kernels_to_points(WinogradWeights<T> a) {
  if (a.turned) {
    turn_kernels<Kernel>(a);
    a.weight = a.turned;
    a.weight_source_stride = Kernel * Kernel;
    a.weight_target_stride = a.sources * Kernel * Kernel;
  }
  kernels_to_points<Kernel>(a);
}

template <class T>
void winograd_weights(const WinogradWeights<T>& a) {
  if (a.kernel == 3) all_kernels_to_points<3>(a);
  else all_kernels_to_points<5>(a);
}

/// Lanes are neighbouring channels here, too.
template <int Kernel, class T>
[[gnu::noinline]] void points_to_kernels(const WinogradGradient<T>& a) {
  constexpr int size = size_for(Kernel);
  using V = Vec<T, widest<T>>;
  for (Index channel = 0; channel < a.channels; channel += V::width) {
    T taps[Kernel * Kernel][V::width];
    const auto load = [&](int i, int j) {
      const T* from = a.points + (i * size + j) * a.point_stride + channel;
      V sum = V::load(from);
      for (Index part = 1; part < a.parts; ++part) sum = sum + V::load(from + part * a.part_stride);
      return sum * V::broadcast(winograd_factor<T, size>[i] * winograd_factor<T, size>[j]);
    };
    in_both_axes<V>(PointsToCoefficients<Kernel, size>{}, load,
                    [&](int i, int j, V v) { v.store(taps[i * Kernel + j]); });
    T* to = a.gradient + channel * a.channel_stride;
    for (int lane = 0; lane < V::width && channel + lane < a.channels; ++lane, to += a.channel_stride)
      for (int tap = 0; tap < Kernel * Kernel; ++tap) to[tap] += taps[tap][lane];
  }
}

template <class T>
void winograd_gradient(const WinogradGradient<T>& a) {
  if (a.kernel == 3) points_to_kernels<3>(a);
  else points_to_kernels<5>(a);
}

}  // namespace
}  // namespace cnnbp
