"""Random numbers from a counter, from their definition."""

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


def philox(counters: Array, key: tuple[int, int]) -> Array:
    """Philox4x32-10 (Salmon et al. 2011), of counters of shape (…, 4)."""
    mask = np.uint64(0xFFFFFFFF)
    first, second, third, fourth = np.moveaxis(np.asarray(counters, np.uint64), -1, 0)
    for turn in range(10):
        keys = [
            np.uint64((start + turn * step) % 2**32)
            for start, step in zip(key, (0x9E3779B9, 0xBB67AE85), strict=True)
        ]
        a, b = np.uint64(0xD2511F53) * first, np.uint64(0xCD9E8D57) * third
        first, second = (b >> np.uint64(32)) ^ second ^ keys[0], b & mask
        third, fourth = (a >> np.uint64(32)) ^ fourth ^ keys[1], a & mask
    return np.stack([first, second, third, fourth], -1).astype(np.uint32)


@dataclass(frozen=True)
class Draws:
    """What the random numbers of one layer in one training pass depend on."""

    seed: int
    passes: int
    #: The layer's place among all layers, from 1, a composite one before its parts.
    number: int

    def dropout_mask(self, shape: tuple[int, ...], p: float, dtype=np.float64) -> Array:
        """0 where the word of a feature is below p, and 1 / (1 − p) elsewhere."""
        dropping = int.from_bytes(b"drop", "big")
        features = int(np.prod(shape[1:]))
        key = philox([*_halves(self.passes), self.number, dropping], _halves(self.seed))[:2]
        counters = np.zeros((shape[0], -(-features // 4), 4), np.uint64)
        counters[..., 0] = np.arange(counters.shape[1])
        counters[..., 2] = np.arange(shape[0])[:, None]
        counters[..., 3] = dropping
        words = philox(counters, tuple(map(int, key))).reshape(shape[0], -1)[:, :features]
        return np.where(words < int(p * 2**32), 0, 1 / (1 - p)).reshape(shape).astype(dtype)


def _halves(number: int) -> tuple[int, int]:
    return number % 2**32, number // 2**32
