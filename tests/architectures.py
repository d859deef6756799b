"""Small networks that together hold every layer and option, for the tests of whole networks."""

from dataclasses import dataclass

import numpy as np

import cnnbp
from cnnbp import layers as L  # noqa: N812
from oracle_network import LayerSpec, OracleNetwork, layer


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network to build twice, by cnnbp and by the oracle."""

    layers: list[LayerSpec]
    input_shape: tuple[int, int, int]
    loss: str
    classes: int = 10

    def build(self, dtype="float32", *, lr=0.05, momentum=0.0, seed=1) -> cnnbp.Network:
        made = [getattr(L, spec.type)(**spec.options, **_activation(spec)) for spec in self.layers]
        return cnnbp.Network(
            made,
            input_shape=self.input_shape,
            loss=self.loss,
            optimizer=cnnbp.optim.SGD(lr=lr, momentum=momentum),
            dtype=np.dtype(dtype).name,
            seed=seed,
        )

    def oracle_of(self, network, *, lr=0.05, momentum=0.0) -> OracleNetwork:
        """The oracle with the network's present parameters."""
        return OracleNetwork(
            self.layers, network.state_dict(), loss=self.loss, lr=lr, momentum=momentum
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


def _activation(spec: LayerSpec) -> dict:
    return {} if spec.activation == "identity" else {"activation": spec.activation}


TOOLBOX = Architecture(
    layers=[
        layer("Conv2d", out_channels=6, kernel_size=5, activation="sigmoid"),
        layer("AvgPool2d", kernel_size=(2, 2)),
        layer("Conv2d", out_channels=12, kernel_size=5, activation="sigmoid"),
        layer("AvgPool2d", kernel_size=(2, 2)),
        layer("Linear", out_features=10, activation="sigmoid"),
    ],
    input_shape=(1, 28, 28),
    loss="mse",
)

LENET = Architecture(
    layers=[
        layer("Conv2d", out_channels=20, kernel_size=5, activation="relu"),
        layer("MaxPool2d", kernel_size=(2, 2)),
        layer("Conv2d", out_channels=50, kernel_size=5, activation="relu"),
        layer("MaxPool2d", kernel_size=(2, 2)),
        layer("Linear", out_features=100, activation="relu"),
        layer("Linear", out_features=10),
    ],
    input_shape=(1, 28, 28),
    loss="cross_entropy",
)

#: Strides, padding, dilation, groups, no bias, activations as layers, windows that overlap.
ODD = Architecture(
    layers=[
        layer("Conv2d", out_channels=6, kernel_size=(3, 2), padding=((1, 0), (2, 1)), bias=False),
        layer("Tanh"),
        layer("MaxPool2d", kernel_size=(3, 3), stride=(2, 1), padding=(1, 1), ceil_mode=True),
        layer(
            "Conv2d",
            out_channels=9,
            kernel_size=(3, 3),
            stride=(1, 2),
            padding=((2, 2), (2, 2)),
            dilation=(2, 2),
            groups=3,
            activation="sigmoid",
        ),
        layer(
            "AvgPool2d",
            kernel_size=(3, 2),
            stride=(2, 2),
            padding=(1, 0),
            ceil_mode=True,
            count_include_pad=False,
            activation="tanh",
        ),
        layer("Softmax"),
        layer("Flatten"),
        layer("Linear", out_features=7, bias=False),
        layer("Sigmoid"),
        layer("Linear", out_features=5, activation="softmax"),
    ],
    input_shape=(2, 9, 8),
    loss="mse",
    classes=5,
)

#: Functions of functions, of which a network may not keep the inner one's output in place.
CHAINED = Architecture(
    layers=[
        layer("Conv2d", out_channels=5, kernel_size=(2, 3), activation="softmax"),
        layer("Sigmoid"),
        layer("MaxPool2d", kernel_size=(2, 2), stride=(1, 1), activation="tanh"),
        layer("Softmax"),
        layer("Tanh"),
        layer("Flatten"),
        layer("ReLU"),
        layer("Linear", out_features=4, activation="softmax"),
        layer("Softmax"),
    ],
    input_shape=(3, 5, 6),
    loss="mse",
    classes=4,
)

#: A pooling layer first, so that the input's delta passes through it; and no parameters but one.
POOL_FIRST = Architecture(
    layers=[
        layer("AvgPool2d", kernel_size=(3, 3), stride=(1, 1), divisor_override=4),
        layer("ReLU"),
        layer("Linear", out_features=3),
    ],
    input_shape=(5, 4, 4),
    loss="cross_entropy",
    classes=3,
)

#: The last layer's maps, three of 2×2, are the twelve outputs.
ENDS_IN_MAPS = Architecture(
    layers=[
        layer("Conv2d", out_channels=3, kernel_size=3, activation="tanh"),
        layer("Conv2d", out_channels=3, kernel_size=(3, 3)),
    ],
    input_shape=(3, 6, 6),
    loss="mse",
    classes=12,
)

#: The notes' network: subsampling with a factor and a bias that are learned.
SUBSAMPLED = Architecture(
    layers=[
        layer("Subsample2d", kernel_size=(1, 2)),
        layer("Conv2d", out_channels=5, kernel_size=3, activation="tanh"),
        layer("Subsample2d", kernel_size=(2, 3), activation="sigmoid"),
        layer("Conv2d", out_channels=7, kernel_size=(2, 1), activation="relu"),
        layer("Subsample2d", kernel_size=(3, 2), activation="softmax"),
        layer("Linear", out_features=5),
    ],
    input_shape=(2, 10, 16),
    loss="cross_entropy",
    classes=5,
)

ALL = {
    "toolbox": TOOLBOX,
    "lenet": LENET,
    "odd": ODD,
    "chained": CHAINED,
    "pool-first": POOL_FIRST,
    "ends-in-maps": ENDS_IN_MAPS,
    "subsampled": SUBSAMPLED,
}
