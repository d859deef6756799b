"""The border between the toolbox's arrays and the core's.

The toolbox keeps samples last, stacks maps column by column and convolves with flipped kernels.
The core keeps samples first and cross-correlates. Nothing here computes: each function is a view
or one copy.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]


def real_array(name: str, value: ArrayLike, axes: tuple[str, ...]) -> NDArray[Any]:
    """Return `value` as an array of real numbers with one entry or more along each of `axes`."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.ndim != len(axes) or array.size == 0:
        raise ValueError(
            f"{name} must have the shape ({', '.join(axes)}), none of them 0, got {array.shape}"
        )
    return array


def float64_array(name: str, value: ArrayLike, axes: tuple[str, ...]) -> Array:
    """Return `value` as a float64 array of finite numbers along `axes`."""
    array = real_array(name, value, axes).astype(np.float64, copy=False)
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"{name} must hold finite numbers; {name}[{place}] is {array[place]}")
    return array


def check_same_samples(x_shape: tuple[int, ...], y_shape: tuple[int, ...]) -> None:
    """Refuse images and targets of different numbers of samples."""
    if x_shape[-1] != y_shape[-1]:
        raise ValueError(
            f"x and y must hold as many samples, got x of shape {x_shape} and y of shape {y_shape}"
        )


def to_images(maps: Array) -> Array:
    """Turn (maps, rows, columns, samples) into the core's (N, C, H, W)."""
    return maps.transpose(3, 0, 1, 2)


def to_maps(images: NDArray[Any]) -> Array:
    """Turn the core's (N, C, H, W) into (maps, rows, columns, samples)."""
    return images.transpose(1, 2, 3, 0)


def flip(kernels: NDArray[Any]) -> Array:
    """Turn the toolbox's k[i][j] into the core's weight[j][i], or the weight into k.

    Both image axes are flipped, because the toolbox convolves and the core cross-correlates.
    """
    return kernels.transpose(1, 0, 2, 3)[..., ::-1, ::-1]


def to_columns(rows: NDArray[Any]) -> Array:
    """Turn the core's (N, features) into (features, samples)."""
    return rows.T


def to_features(maps: Array) -> Array:
    """Stack (maps, rows, columns, samples) into (features, samples), map after map.

    Within a map the rows run fastest, as in MATLAB's column-major ``reshape``.
    """
    return maps.transpose(0, 2, 1, 3).reshape(-1, maps.shape[3])


def from_features(features: Array, maps: int, rows: int, columns: int) -> Array:
    """Turn stacked features back into (maps, rows, columns, samples)."""
    return features.reshape(maps, columns, rows, -1).transpose(0, 2, 1, 3)
