"""Functions that take arrays where they lie: the bits of a network, and nothing beyond."""

import ctypes
import mmap
import resource
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import geometries
from claims import normal
from cnnbp import Network, functional
from cnnbp.layers import Conv2d

in_place = pytest.mark.parametrize("geometry", geometries.IN_PLACE, ids=str)

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="protects pages as Linux does")


@in_place
def test_a_convolution_has_the_bits_that_it_has_in_a_network(geometry, dtype, rng):
    """There samples are lanes of blocks, of 16 floats or 8 doubles, and one is left alone."""
    g = replace(geometry, batch=17)
    layer = Conv2d(
        g.out_channels, g.kernel_size, padding=g.padding, groups=g.groups, algorithm="direct"
    )
    net = Network([layer], input_shape=g.input_shape[1:], dtype=dtype)
    weight, bias = normal(rng, g.weight_shape, dtype), normal(rng, g.out_channels, dtype)
    net.load_state_dict({"0.weight": weight, "0.bias": bias})
    x = normal(rng, g.input_shape, dtype)
    output = functional.conv2d(x, weight, bias, **g.options)
    assert np.array_equal(net.predict(x).ravel(), output.ravel())


@on_linux
def test_nothing_is_read_beyond_the_arrays():
    """In a process of its own, as it would end there."""
    checked = subprocess.run([sys.executable, __file__], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr


def check_guarded_arrays() -> None:
    rng = np.random.default_rng(3)
    for g in geometries.IN_PLACE:
        for dtype in (np.float32, np.float64):
            x, weight, delta = (
                normal(rng, shape, dtype)
                for shape in (g.input_shape, g.weight_shape, g.output_shape)
            )
            sizes = {"input_size": g.size, **g.options}
            kernels = {"kernel_size": g.kernel_size, **g.options}
            for at_end in (True, False):
                a, w, d = (guarded(array, at_end=at_end) for array in (x, weight, delta))
                assert np.array_equal(
                    functional.conv2d(a, w, **g.options), functional.conv2d(x, weight, **g.options)
                )
                assert np.array_equal(
                    functional.conv2d_delta(d, w, **sizes),
                    functional.conv2d_delta(delta, weight, **sizes),
                )
                for got, want in zip(
                    functional.conv2d_gradients(a, d, **kernels),
                    functional.conv2d_gradients(x, delta, **kernels),
                    strict=True,
                ):
                    assert np.array_equal(got, want)


def guarded(array: np.ndarray, *, at_end: bool) -> np.ndarray:
    """Return a copy that ends where a page begins that nobody may touch, or starts after one."""
    page, none = mmap.PAGESIZE, 0
    inner = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, inner + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for guard in (start, start + page + inner):
        assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(guard), page, none) == 0
    offset = page + (inner - array.nbytes if at_end else 0)
    copy = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
    copy[...] = array
    return copy


@on_linux
def test_memory_of_other_sizes_makes_room_for_that_of_the_next_calls(rng):
    """What is kept between calls is that of the last ones."""

    def call(samples):
        x = np.zeros((samples, 16, 32, 32), np.float32)
        faults = []
        for _ in range(4):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            functional.conv2d_gradients(x, x, kernel_size=3, padding=1)
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
        return min(faults)

    for samples in (128, 160, 192, 224):  # 8 to 14 MB for each of the two arrays
        call(samples)
    assert call(304) < 8  # of two arrays of 19 MB: 18 large pages or more


if __name__ == "__main__":
    check_guarded_arrays()
