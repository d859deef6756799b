"""Networks whose convolutions go by Winograd's algorithm."""

from architecture import Architecture
from oracle_network import layer

#: Winograd's algorithm in every pass, chosen and asked for; smooth: rounding stays rounding.
WINOGRAD = Architecture(
    layers=[
        layer("Conv2d", out_channels=16, kernel_size=3, padding=((1, 1), (1, 1))),
        layer(
            "Conv2d",
            out_channels=20,
            kernel_size=3,
            padding=((1, 1), (1, 1)),
            activation="tanh",
        ),
        layer("AvgPool2d", kernel_size=(2, 2)),
        layer(
            "Conv2d",
            out_channels=17,
            kernel_size=5,
            padding=((2, 2), (1, 2)),
            activation="sigmoid",
            algorithm="winograd",
        ),
        layer("Linear", out_features=10),
    ],
    input_shape=(2, 13, 11),
    loss="cross_entropy",
)

#: The same with a stride of 2, from odd and from even places on.
WINOGRAD_STRIDED = Architecture(
    layers=[
        layer(
            "Conv2d",
            out_channels=20,
            kernel_size=7,
            stride=(2, 2),
            padding=((3, 3), (2, 3)),
            activation="tanh",
            algorithm="winograd",
        ),
        layer(
            "Conv2d",
            out_channels=17,
            kernel_size=3,
            stride=(2, 2),
            padding=((0, 1), (1, 1)),
            activation="sigmoid",
            algorithm="winograd",
        ),
        layer("Linear", out_features=10),
    ],
    input_shape=(3, 21, 18),
    loss="cross_entropy",
)


def _same(out_channels: int, **options):
    """Of 3×3 kernels, with maps of the input's size."""
    around = ((1, 1), (1, 1))
    return layer("Conv2d", out_channels=out_channels, kernel_size=3, padding=around, **options)


#: The first maps cost a 57th of the multiply-adds and are made again for the backward pass, deltas
#: overwrite the values that gradients have read, and ReLUs move behind the pooling.
THRIFTY = Architecture(
    layers=[
        _same(16, activation="relu"),
        _same(32, activation="relu", algorithm="winograd"),
        layer("MaxPool2d", kernel_size=(2, 2)),
        _same(24, algorithm="winograd"),
        _same(32, activation="relu", algorithm="winograd"),
        layer("MaxPool2d", kernel_size=(2, 2)),
        layer("Linear", out_features=10),
    ],
    input_shape=(1, 12, 10),
    loss="cross_entropy",
)
