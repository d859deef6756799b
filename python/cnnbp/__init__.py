"""Convolutional networks trained on the CPU.

>>> import cnnbp
>>> net = cnnbp.Network.from_spec("6c5-2s-12c5-2s-10o", input_shape=(1, 28, 28))
>>> history = net.fit(x, y, epochs=1, batch_size=50)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

try:
    from cnnbp._core import __version__
except ImportError as error:
    raise ImportError(
        f"cnnbp's compiled module cannot be loaded ({error}). Install the package with "
        "'pip install .'; a source tree alone does not hold it."
    ) from error

from cnnbp import initializers, layers, losses, optim
from cnnbp.definition import summarize
from cnnbp.network import Network
from cnnbp.threads import get_num_threads, set_num_threads

if TYPE_CHECKING:
    from cnnbp import data, functional, toolbox
    from cnnbp.cpp_header import write_cpp
    from cnnbp.gradients import check_gradients

__all__ = [
    "Network",
    "__version__",
    "check_gradients",
    "data",
    "functional",
    "get_num_threads",
    "initializers",
    "layers",
    "losses",
    "optim",
    "set_num_threads",
    "summarize",
    "toolbox",
    "write_cpp",
]


def __getattr__(name: str) -> Any:
    """Import what not every program needs when it is first used."""
    if name in ("data", "functional", "toolbox"):
        return import_module(f"cnnbp.{name}")
    if name in (modules := {"check_gradients": "gradients", "write_cpp": "cpp_header"}):
        return getattr(import_module(f"cnnbp.{modules[name]}"), name)
    raise AttributeError(f"module 'cnnbp' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
