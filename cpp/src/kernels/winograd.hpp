// Winograd's convolution (Lavin and Gray 2016, arXiv:1509.09308): 4 × 4 outputs of an r × r kernel by (r + 3)² products
// instead of 16·r², or with a stride of 2 by (r + 6)² (kernels/winograd_phases.hpp). Tiles of pixels and kernels become
// values at so many points, there they are multiplied and summed over channels as matrices, and the sum comes back as
// pixels:
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

template <class V, class Transform, class Pixels, class T>
[[gnu::noinline]] void read_tiles(const WinogradTiles<T>& a) {
  for_each_tile<V, Transform::from>(a, [&](const WinogradTile& tile, Index offset, T* points) {
    const Pixels pixel(a, tile, offset);
    const auto store = [&](int i, int j, V v) { v.store(points + point_offset<Transform::to>(a, i, j)); };
    if (tile.whole(Transform::from)) in_both_axes<V>(Transform{}, pixel, store);
    else in_both_axes<V>(Transform{}, [&](int i, int j) { return tile.has(i, j) ? pixel(i, j) : zero<V>(); }, store);
  });
}

template <class V, class Transform, class T>
[[gnu::noinline]] void write_tiles(const WinogradTiles<T>& a, const T* bias) {
  for_each_tile<V, Transform::to>(a, [&](const WinogradTile& tile, Index offset, const T* points) {
    T* const pixels = a.map + offset;
    const V start = V::broadcast(bias ? bias[tile.channel] : T(0));
    const auto load = [&](int i, int j) { return V::load(points + point_offset<Transform::from>(a, i, j)); };
    const auto store = [&](int i, int j, V v) {
      T* to = pixels + i * a.row_stride + j * a.lanes;
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
  for_each_tile<V, Transform::to>(a, [&](const WinogradTile& tile, Index offset, const T* points) {
    T* const pixels = a.map + offset;
    const auto load = [&](int i, int j) { return V::load(points + point_offset<Transform::from>(a, i, j)); };
    const auto add = [&](int i, int j, V v) {
      T* to = pixels + i * a.row_stride + j * a.lanes;
      (V::load(to) + v).store(to);
    };
    if (tile.whole(Transform::to)) in_both_axes<V>(Transform{}, load, add);
    else
      in_both_axes<V>(Transform{}, load, [&](int i, int j, V v) {
        if (tile.has(i, j)) add(i, j, v);
      });
  });
}

/// The lane vectors of a transform. Numbers of float64 come here only where the algorithm was asked for by name: they
/// all take the narrowest, which gives the same bits, and spare a sixth of the file's time in the compiler.
template <class T>
constexpr int narrowest_tile = 16 / sizeof(T);
template <class T>
constexpr int widest_tile = sizeof(T) == sizeof(float) ? widest<T> : narrowest_tile<T>;

/// Calls body(vector) with the lane vector of a block or, of a single sample, alone(vector) with one of as many
/// neighbouring tiles as a channel has places for.
template <class T, class Body, class Alone>
inline void with_tiles(const WinogradTiles<T>& a, Body body, Alone alone) {
  if (a.lanes > 1) with_vector<T, widest_tile<T>, narrowest_tile<T>>(a.lanes, body);
  else with_vector<T, widest_tile<T>, narrowest_tile<T>>(a.point_channel_stride, alone);
}

template <class Transform, bool Normalizes, class T>
inline void read(const WinogradTiles<T>& a) {
  with_tiles(
      a, [&](auto vector) { read_tiles<decltype(vector), Transform, MapPixels<decltype(vector), Normalizes>>(a); },
      [&](auto vector) { read_single<decltype(vector), Transform, Normalizes>(a); });
}

template <class Transform, int Odd, class T>
inline void read_unpooled(const WinogradTiles<T>& a) {
  with_vector<T, widest_tile<T>>(
      a.lanes, [&](auto vector) { read_tiles<decltype(vector), Transform, UnpooledPixels<decltype(vector), Odd>>(a); });
}

/// Calls body.operator()<Size>() with the one of these sizes that is given.
template <int Size, int... Others, class Body>
inline void with_size(Index size, Body body) {
  if constexpr (sizeof...(Others) > 0)
    if (size != Size) return with_size<Others...>(size, body);
  body.template operator()<Size>();
}

template <class T>
void winograd_input(const WinogradTiles<T>& a) {
  if (a.unpooling.delta)  // deltas: tiles of 3×3 kernels start at odd pixels, those of 5×5 kernels at even ones
    return with_size<6, 8>(a.size,
                           [&]<int Size>() { read_unpooled<PixelsToPoints<Size>, Size == size_for(3) ? 1 : 0>(a); });
  if (a.normalizing.mean) with_size<6, 8, 9, 13>(a.size, [&]<int Size>() { read<PixelsToPoints<Size>, true>(a); });
  else with_size<6, 8, 9, 13, 5, 7>(a.size, [&]<int Size>() { read<PixelsToPoints<Size>, false>(a); });
}

template <class T>
void winograd_delta(const WinogradTiles<T>& a) {
  if (a.unpooling.delta)
    return with_size<6, 8>(a.size,
                           [&]<int Size>() { read_unpooled<CoefficientsToPoints<winograd_outputs, Size>, 0>(a); });
  with_size<6, 8, 5, 7>(a.size, [&]<int Size>() { read<CoefficientsToPoints<winograd_outputs, Size>, false>(a); });
}

template <class T>
void winograd_output(const WinogradTiles<T>& a, const T* bias) {
  const auto write = [&]<class Transform>(Transform) {
    with_tiles(
        a, [&](auto vector) { write_tiles<decltype(vector), Transform>(a, bias); },
        [&](auto vector) { write_single<decltype(vector), Transform, false>(a, bias); });
  };
  with_size<6, 8, 5, 7, 9, 13>(a.size, [&]<int Size>() {
    if constexpr (Size > size_for(5)) write(PointsToPhases<Size>{});
    else write(PointsToCoefficients<winograd_outputs, Size>{});
  });
}

template <class T>
void winograd_input_delta(const WinogradTiles<T>& a) {
  const auto add = [&]<class Transform>(Transform) {
    with_tiles(
        a, [&](auto vector) { add_tiles<decltype(vector), Transform>(a); },
        [&](auto vector) { write_single<decltype(vector), Transform, true>(a, static_cast<const T*>(nullptr)); });
  };
  with_size<6, 8>(a.size, [&]<int Size>() { add(PointsToPixels<Size>{}); });
}

/// Calls body.operator()<Kernel, Size>() for the kernel that has so many points along an axis.
template <class Body>
inline void with_kernel(Index size, Body body) {
  with_size<6, 8, 9, 13>(
      size, [&]<int Size>() { body.template operator()<Size <= size_for(5) ? Size - 3 : Size - 6, Size>(); });
}

/// The first `count` lanes.
template <class V, class T>
inline void store_lanes(V v, T* to, Index count) {
  if (count == V::width) return v.store(to);
  T lanes[V::width];
  v.store(lanes);
  for (Index lane = 0; lane < count; ++lane) to[lane] = lanes[lane];
}

/// Lanes are neighbouring source channels here. Rows of sources follow each other without a gap, so what a vector
/// stores after a row's last source is overwritten by what is stored there later: sources are taken from the last to
/// the first, and only the last rows, whose followers are another phase's or task's, end with single numbers. Ending
/// all of them so took an eighth of LeNet's second layer. Each store asks for the next target's line: there are as many
/// lines at once as points, each in a page of its own, where no hardware looks ahead, and a store to memory takes five
/// times as long as one that finds its line. It takes half to nine tenths of the time by that, VGG-small's step 0.95
/// to 1.
template <int Kernel, int Size, class T>
[[gnu::noinline]] void kernels_to_points(const WinogradWeights<T>& a) {
  constexpr int last = Kernel * Kernel - 1;
  using V = Vec<T, widest<T>>;
  for (Index target = 0; target < a.targets; ++target) {
    const Index ahead = target + 1 < a.targets ? a.point_target_stride : 0;  // not what another task writes
    for (Index source = (a.sources - 1) / V::width * V::width; source >= 0; source -= V::width) {
      const T* from = a.weight + target * a.weight_target_stride + source * a.weight_source_stride;
      T* to = a.points + target * a.point_target_stride + source;
      const Index count = a.sources - source < V::width ? a.sources - source : Index(V::width);
      T taps[Kernel * Kernel][V::width] = {};
      const Index stored = (a.targets - 1 - target) * a.point_target_stride < V::width ? count : Index(V::width);
      for (int lane = 0; lane < count; ++lane) {
        const T* const kernel = from + lane * a.weight_source_stride;
        __builtin_prefetch(kernel + a.weight_target_stride);
        for (int tap = 0; tap <= last; ++tap) taps[tap][lane] = kernel[tap];
      }
      const auto tap = [&](int i, int j) {
        return V::load(taps[a.flipped ? last - (i * Kernel + j) : i * Kernel + j]);
      };
      in_both_axes<V>(CoefficientsToPoints<Kernel, Size>{}, tap, [&](int i, int j, V v) {
        const V factor = V::broadcast(winograd_factor<T, Size>[i] * winograd_factor<T, Size>[j]);
        T* const place = to + point_offset<Size>(a, i, j);
        __builtin_prefetch(place + ahead);
        store_lanes(v * factor, place, stored);
      });
    }
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
      __builtin_prefetch(from + a.weight_source_stride);
      for (int tap = 0; tap < taps; ++tap) to[tap] = from[tap];
    }
}

template <class T>
void winograd_weights(const WinogradWeights<T>& a) {
  with_kernel(a.size, [&]<int Kernel, int Size>() {
    WinogradWeights<T> kernels = a;
    if (a.turned) {
      turn_kernels<Kernel>(a);
      kernels.weight = a.turned;
      kernels.weight_source_stride = Kernel * Kernel;
      kernels.weight_target_stride = a.sources * Kernel * Kernel;
    }
    kernels_to_points<Kernel, Size>(kernels);
  });
}

/// Lanes are neighbouring channels here, too.
template <int Kernel, int Size, class T>
[[gnu::noinline]] void points_to_kernels(const WinogradGradient<T>& a) {
  using V = Vec<T, widest<T>>;
  for (Index channel = 0; channel < a.channels; channel += V::width) {
    T taps[Kernel * Kernel][V::width];
    const auto load = [&](int i, int j) {
      return V::load(a.points + point_offset<Size>(a, i, j) + channel) *
             V::broadcast(winograd_factor<T, Size>[i] * winograd_factor<T, Size>[j]);
    };
    in_both_axes<V>(PointsToCoefficients<Kernel, Size>{}, load,
                    [&](int i, int j, V v) { v.store(taps[i * Kernel + j]); });
    T* to = a.gradient + channel * a.channel_stride;
    for (int lane = 0; lane < V::width && channel + lane < a.channels; ++lane, to += a.channel_stride)
      for (int tap = 0; tap < Kernel * Kernel; ++tap) to[tap] += taps[tap][lane];
  }
}

template <class T>
void winograd_gradient(const WinogradGradient<T>& a) {
  with_kernel(a.size, [&]<int Kernel, int Size>() { points_to_kernels<Kernel, Size>(a); });
}

}  // namespace
}  // namespace cnnbp
