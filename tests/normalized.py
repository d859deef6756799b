"""Networks with normalizations in every place that treats them otherwise."""

from architecture import Architecture
from oracle_network import layer, residual

#: Groups of one channel, of some, and of all; of maps and of vectors.
NORMALIZED = Architecture(
    layers=[
        layer("GroupNorm", num_groups=1, affine=False),
        layer("Conv2d", out_channels=6, kernel_size=3, activation="relu"),
        layer("GroupNorm", num_groups=3, activation="tanh"),
        residual([layer("GroupNorm", num_groups=6), layer("Sigmoid")]),
        layer("Conv2d", out_channels=8, kernel_size=(1, 3)),
        layer("GroupNorm", num_groups=2, eps=1e-3, activation="gelu"),
        layer("Linear", out_features=24),
        layer("GroupNorm", num_groups=2),
        layer("Sigmoid"),
        layer("Linear", out_features=5),
    ],
    input_shape=(4, 10, 10),
    loss="cross_entropy",
    classes=5,
)

_SAME = {"kernel_size": 3, "padding": ((1, 1), (1, 1)), "bias": False}

#: Normalisations that the next convolution may apply as it reads, with every form of its delta; and
#: where it may not: the first on the caller's images, and those whose output two convolutions read,
#: or a layer that cannot.
NORMALIZED_AS_READ = Architecture(
    layers=[
        layer("BatchNorm2d", activation="relu"),
        layer("Conv2d", out_channels=16, algorithm="winograd", **_SAME),
        layer("BatchNorm2d"),
        layer("ReLU"),
        layer("Conv2d", out_channels=17, kernel_size=3, bias=False, algorithm="winograd"),
        layer("BatchNorm2d", affine=False, activation="relu"),
        layer(
            "Conv2d",
            out_channels=16,
            kernel_size=5,
            padding=((2, 2), (1, 2)),
            bias=False,
            algorithm="winograd",
        ),
        layer("BatchNorm2d", activation="relu"),
        residual([layer("Conv2d", out_channels=16, **_SAME)]),
        layer("BatchNorm2d", momentum=0.7, eps=1e-2, activation="relu"),
        layer("Conv2d", out_channels=18, stride=(2, 2), algorithm="winograd", **_SAME),
        layer("BatchNorm2d", activation="relu"),
        layer("Conv2d", out_channels=6, kernel_size=(2, 3), stride=(2, 2)),
        layer("Linear", out_features=5),
    ],
    input_shape=(3, 10, 9),
    loss="cross_entropy",
    classes=5,
)

#: One that a convolution applies as it reads, and the normalisation behind it as it adds the same.
NORMALIZED_AS_ADDED = Architecture(
    layers=[
        layer("Conv2d", out_channels=16, **_SAME),
        layer("BatchNorm2d", activation="relu"),
        residual(
            [
                layer("Conv2d", out_channels=16, algorithm="winograd", **_SAME),
                layer("BatchNorm2d", eps=1e-3),
            ],
            activation="tanh",
        ),
        layer("Linear", out_features=5),
    ],
    input_shape=(3, 10, 9),
    loss="cross_entropy",
    classes=5,
)
