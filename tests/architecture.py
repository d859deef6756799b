"""A network to build twice, by cnnbp and by the oracle."""

from dataclasses import dataclass

import numpy as np

import cnnbp
from cnnbp import layers as L  # noqa: N812
from oracle_network import LayerSpec, OracleNetwork


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """Layers by name, and what makes a network of them."""

    layers: list[LayerSpec]
    input_shape: tuple[int, int, int]
    loss: str
    classes: int = 10

    def build(self, dtype="float32", *, lr=0.05, momentum=0.0, seed=1) -> cnnbp.Network:
        return cnnbp.Network(
            [_built(spec) for spec in self.layers],
            input_shape=self.input_shape,
            loss=self.loss,
            optimizer=cnnbp.optim.SGD(lr=lr, momentum=momentum),
            dtype=np.dtype(dtype).name,
            seed=seed,
        )

    def oracle_of(self, network, *, lr=0.05, momentum=0.0) -> OracleNetwork:
        """The oracle with the network's present parameters, before its first training pass."""
        return OracleNetwork(
            self.layers,
            network.state_dict(),
            loss=self.loss,
            lr=lr,
            momentum=momentum,
            seed=network.definition.seed,
        )

    def samples(self, rng: np.random.Generator, count: int, dtype="float64"):
        """Images, and class numbers."""
        x = rng.standard_normal((count, *self.input_shape)).astype(dtype)
        return x, rng.integers(0, self.classes, count)

    def train_twenty_steps(self, dtype) -> dict[str, np.ndarray]:
        """The parameters after twenty steps with momentum, and the losses on the way.

        Full and partial blocks take turns: batches of 50, 17 and 8.
        """
        network = self.build(dtype, lr=0.05, momentum=0.9, seed=5)
        rng = np.random.default_rng(6)
        losses = [
            network.train_step(*self.samples(rng, (50, 17, 8)[step % 3], dtype))
            for step in range(20)
        ]
        return {**network.state_dict(), "losses": np.array(losses)}


def _built(spec: LayerSpec) -> L.Layer:
    activation = {} if spec.activation == "identity" else {"activation": spec.activation}
    parts = [[_built(inner) for inner in part] for part in spec.parts.values()]
    if spec.type == "Concat":
        return L.Concat(parts, **activation)
    return getattr(L, spec.type)(*parts, **spec.options, **activation)
