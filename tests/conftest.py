import os
import signal
from pathlib import Path

# The oracle's matrix products are small: threads of NumPy's own would only spin beside the core's.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest

import cnnbp


@pytest.fixture(scope="session", autouse=True)
def interruptible():
    """What a shell starts in the background has SIGINT ignored, and so has all that it starts.

    A test of Ctrl-C would wait for ever there.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(params=["float32", "float64"])
def dtype(request) -> np.dtype:
    return np.dtype(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(seed=20)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Return a folder that is the user's own for a test."""
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def _threads_as_before():
    """Leave the number of threads as a test found it."""
    before = cnnbp.get_num_threads()
    yield
    cnnbp.set_num_threads(before)
