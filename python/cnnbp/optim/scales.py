"""Factors of the learning rate, by what the names of parameters start with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cnnbp.arguments import read_amount


class Scales(Mapping[str, float]):
    """A mapping that cannot be changed, as the rule that it belongs to; it equals a dict."""

    def __init__(self, factors: Mapping[str, float]) -> None:
        self._factors = dict(factors)

    def __getitem__(self, start: str) -> float:
        return self._factors[start]

    def __iter__(self) -> Iterator[str]:
        return iter(self._factors)

    def __len__(self) -> int:
        return len(self._factors)

    def __repr__(self) -> str:
        return repr(self._factors)


def read_scales(value: object, name: str) -> Scales | None:
    """Read a mapping from names to amounts; an empty one is none."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f'{name} must be a mapping such as {{"0": 0.1}}, got {value!r}')
    for start in value:
        if not isinstance(start, str):
            raise TypeError(f'{name} must have names as keys, such as "0.weight", got {start!r}')
    factors = {start: read_amount(value[start], f"{name}[{start!r}]") for start in value}
    return Scales(factors) if factors else None
