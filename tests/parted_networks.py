"""Networks that part or join beside pooling, where several layers read one delta."""

from architecture import Architecture
from oracle_network import concat, layer, residual

#: A convolution that keeps the size of its maps.
SAME = {"kernel_size": 3, "padding": ((1, 1), (1, 1))}

#: A sum of two first layers before pooling: both have the delta that pooling sends back.
PARTED_FIRST = Architecture(
    layers=[
        residual(
            [layer("Conv2d", out_channels=6, **SAME)],
            [layer("Conv2d", out_channels=6, kernel_size=1)],
            activation="tanh",
        ),
        layer("AvgPool2d", kernel_size=(2, 2)),
        layer("Linear", out_features=3),
    ],
    input_shape=(1, 8, 8),
    loss="cross_entropy",
    classes=3,
)

#: A first layer before pooling that several layers read: what makes rows of its delta needs all
#: their parts.
READ_OFTEN = Architecture(
    layers=[
        layer("Conv2d", out_channels=2, kernel_size=1),
        layer("MaxPool2d", kernel_size=(2, 2)),
        concat(*3 * [[layer("Conv2d", out_channels=2, kernel_size=1)]]),
        layer("Linear", out_features=3),
    ],
    input_shape=(1, 4, 6),
    loss="cross_entropy",
    classes=3,
)

#: A branch that ends in pooling behind a ReLU, added to one that ends in a convolution.
POOLED_BRANCH = Architecture(
    layers=[
        layer("Conv2d", out_channels=4, **SAME),
        residual(
            [
                layer("Conv2d", out_channels=6, activation="relu", **SAME),
                layer("MaxPool2d", kernel_size=(2, 2)),
            ],
            [layer("Conv2d", out_channels=6, kernel_size=1, stride=(2, 2))],
        ),
        layer("Conv2d", out_channels=3, kernel_size=3),
        layer("Linear", out_features=3),
    ],
    input_shape=(2, 8, 8),
    loss="cross_entropy",
    classes=3,
)
