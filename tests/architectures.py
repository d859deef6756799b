"""Small networks that together hold every layer and option, for the tests of whole networks."""

from architecture import Architecture
from cnnbp.layers import LENET5_CONNECTIONS
from normalized import NORMALIZED, NORMALIZED_AS_ADDED, NORMALIZED_AS_READ
from oracle_network import concat, layer, residual
from parted_networks import PARTED_FIRST, POOLED_BRANCH, READ_OFTEN, SAME
from resnet import resnet20
from winograd_networks import THRIFTY, WINOGRAD, WINOGRAD_STRIDED

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

#: Sums over 50 and 56 channels at one pixel, which are a product with some instruction sets alone.
POINTWISE = Architecture(
    layers=[
        layer("Conv2d", out_channels=50, kernel_size=3, activation="sigmoid"),
        layer("Conv2d", out_channels=56, kernel_size=1, activation="sigmoid"),
        layer("Conv2d", out_channels=7, kernel_size=1, activation="tanh"),
        layer("Linear", out_features=10),
    ],
    input_shape=(2, 7, 9),
    loss="mse",
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

#: Two blocks a stage and narrow, so that tests are quick; one of each kind of block.
RESNET = resnet20(widths=(4, 6, 8), size=8, blocks=2)

#: Sums whose last term is written by every layer that adds: on the input itself, before a
#: normalisation (He et al. 2016, "Identity mappings"), within each other, of two convolutions, and
#: as the output.
SUMS = Architecture(
    layers=[
        residual([layer("Conv2d", out_channels=3, **SAME)]),
        residual(
            [
                layer("BatchNorm2d", activation="relu"),
                layer("Conv2d", out_channels=4, bias=False, **SAME),
                layer("BatchNorm2d", activation="tanh"),
                layer("Conv2d", out_channels=3, **SAME),
            ]
        ),
        residual(
            [
                residual(
                    [layer("ConvTranspose2d", out_channels=3, kernel_size=1)], activation="silu"
                )
            ],
            [layer("Conv2d", out_channels=3, kernel_size=1)],
            activation="tanh",
        ),
        residual(
            [layer("Conv2d", out_channels=5, bias=False, **SAME), layer("BatchNorm2d")],
            [layer("CombineConv2d", out_channels=5, **SAME)],
        ),
        residual([layer("Conv2d", out_channels=5, kernel_size=1)], activation="sigmoid"),
        layer("Conv2d", out_channels=2, kernel_size=3),
        residual([layer("Conv2d", out_channels=2, kernel_size=1)]),
    ],
    input_shape=(3, 5, 4),
    loss="mse",
    classes=12,
)

#: Branches within branches; a signal read by four, an activation that must not be attached to it.
BRANCHED = Architecture(
    layers=[
        layer("Conv2d", out_channels=5, kernel_size=3, activation="leaky_relu"),
        concat(
            [layer("Conv2d", out_channels=3, kernel_size=1, activation="silu")],
            [],
            [
                layer("ReLU"),
                layer("MaxPool2d", kernel_size=(3, 3), stride=(1, 1), padding=(1, 1)),
                concat([layer("Tanh")], [layer("GELU")], [], activation="elu"),
            ],
            [layer("AvgPool2d", kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))],
            activation="softplus",
        ),
        residual([layer("Sigmoid"), layer("BatchNorm2d", affine=False), layer("Hardswish")]),
        layer("Flatten"),
        residual(
            [layer("Linear", out_features=12, activation="scaled_tanh"), layer("BatchNorm2d")],
            [layer("Linear", out_features=12, bias=False)],
        ),
        residual([layer("Softmax")], activation="gelu"),
        layer("Linear", out_features=4),
    ],
    input_shape=(2, 6, 7),
    loss="cross_entropy",
    classes=4,
)

#: Depthwise 3×3 and pointwise 1×1 kernels in turn (Howard et al. 2017, MobileNets).
DEPTHWISE = Architecture(
    layers=[
        layer("Conv2d", out_channels=6, kernel_size=3, stride=(2, 2), activation="hardswish"),
        layer(
            "Conv2d",
            out_channels=6,
            kernel_size=3,
            padding=((1, 1), (1, 1)),
            groups=6,
            bias=False,
        ),
        layer("BatchNorm2d", activation="relu"),
        layer("Conv2d", out_channels=10, kernel_size=1, bias=False),
        layer("BatchNorm2d", momentum=0.3, eps=1e-3, activation="gelu"),
        layer("Conv2d", out_channels=20, kernel_size=3, stride=(2, 2), groups=10, bias=False),
        layer("Conv2d", out_channels=7, kernel_size=1, activation="elu"),
        layer("Linear", out_features=5),
    ],
    input_shape=(3, 15, 15),
    loss="cross_entropy",
    classes=5,
)

#: LeNet-5 as LeCun et al. 1998 have it: subsampling, table I, the scaled hyperbolic tangent.
LENET5 = Architecture(
    layers=[
        layer("Conv2d", out_channels=6, kernel_size=5, activation="scaled_tanh"),
        layer("Subsample2d", kernel_size=(2, 2), activation="scaled_tanh"),
        layer(
            "Conv2d",
            out_channels=16,
            kernel_size=5,
            connections=LENET5_CONNECTIONS,
            activation="scaled_tanh",
        ),
        layer("Subsample2d", kernel_size=(2, 2), activation="scaled_tanh"),
        layer("Conv2d", out_channels=12, kernel_size=5, activation="scaled_tanh"),
        layer("Linear", out_features=84, activation="scaled_tanh"),
        layer("Linear", out_features=10),
    ],
    input_shape=(1, 32, 32),
    loss="mse",
)

#: The notes' other layer: maps that share their kernels, in learned proportions.
COMBINED = Architecture(
    layers=[
        layer("CombineConv2d", out_channels=5, kernel_size=3, activation="tanh", sparsity=0.5),
        layer("MaxPool2d", kernel_size=(2, 2)),
        layer(
            "CombineConv2d",
            out_channels=19,
            kernel_size=(2, 3),
            stride=(1, 2),
            padding=((1, 0), (2, 1)),
            bias=False,
        ),
        layer("Sigmoid"),
        layer("Linear", out_features=5),
    ],
    input_shape=(3, 10, 12),
    loss="cross_entropy",
    classes=5,
)

#: Down and up again, with every option of a transposed convolution.
TRANSPOSED = Architecture(
    layers=[
        layer("Conv2d", out_channels=6, kernel_size=3, stride=(2, 2), activation="relu"),
        layer(
            "ConvTranspose2d",
            out_channels=4,
            kernel_size=(3, 2),
            stride=(2, 1),
            padding=(1, 0),
            output_padding=(1, 2),
            dilation=(1, 3),
            groups=2,
            activation="tanh",
        ),
        layer("ConvTranspose2d", out_channels=3, kernel_size=(2, 2), bias=False),
        layer("Linear", out_features=5),
    ],
    input_shape=(2, 9, 8),
    loss="mse",
    classes=5,
)

#: Drawn masks before and after everything, on planes that lie together and on such that lie apart.
DROPPED = Architecture(
    layers=[
        layer("Dropout", p=0.1),
        layer("Conv2d", out_channels=5, kernel_size=1, activation="softplus"),
        layer("Dropout", p=0.25),
        layer("Tanh"),
        residual([layer("Dropout"), layer("Conv2d", out_channels=5, kernel_size=1)]),
        layer("Conv2d", out_channels=6, kernel_size=(2, 4), activation="sigmoid"),
        layer("Dropout"),
        layer("Flatten"),
        layer("Linear", out_features=37, activation="tanh"),
        layer("Dropout", p=0.0),
        layer("Dropout", p=0.3),
        layer("Linear", out_features=4),
    ],
    input_shape=(2, 8, 8),
    loss="cross_entropy",
    classes=4,
)

#: Every way to change a map's size; the planes of some lie apart.
RESIZED = Architecture(
    layers=[
        layer("ZeroPad2d", padding=((1, 0), (2, 3))),
        layer("Conv2d", out_channels=4, kernel_size=(3, 2), activation="tanh"),
        layer("Upsample", scale_factor=(2, 1)),
        layer("Conv2d", out_channels=5, kernel_size=(2, 3), activation="relu"),
        layer("AdaptiveAvgPool2d", output_size=(5, 10)),
        layer("Sigmoid"),
        layer("ZeroPad2d", padding=((0, 1), (1, 0))),
        layer("Softplus"),
        layer("Upsample", scale_factor=(2, 3), mode="bilinear"),
        layer("Tanh"),
        layer("Conv2d", out_channels=3, kernel_size=3, stride=(2, 2), activation="tanh"),
        layer("Upsample", scale_factor=(3, 2), mode="bilinear", align_corners=True),
        concat(
            [layer("GlobalAvgPool2d"), layer("Upsample", scale_factor=(4, 3))],
            [layer("AdaptiveAvgPool2d", output_size=(4, 3)), layer("ReLU")],
        ),
        layer("Conv2d", out_channels=6, kernel_size=2),
        layer("GlobalAvgPool2d"),
        layer("Linear", out_features=5),
    ],
    input_shape=(2, 7, 6),
    loss="cross_entropy",
    classes=5,
)

ALL = {
    "toolbox": TOOLBOX,
    "lenet": LENET,
    "odd": ODD,
    "chained": CHAINED,
    "pool-first": POOL_FIRST,
    "parted-first": PARTED_FIRST,
    "read-often": READ_OFTEN,
    "pooled-branch": POOLED_BRANCH,
    "ends-in-maps": ENDS_IN_MAPS,
    "subsampled": SUBSAMPLED,
    "resnet": RESNET,
    "sums": SUMS,
    "branched": BRANCHED,
    "depthwise": DEPTHWISE,
    "lenet5": LENET5,
    "dropped": DROPPED,
    "normalized": NORMALIZED,
    "resized": RESIZED,
    "pointwise": POINTWISE,
    "winograd": WINOGRAD,
    "winograd_strided": WINOGRAD_STRIDED,
    "thrifty": THRIFTY,
    "normalized_as_read": NORMALIZED_AS_READ,
    "normalized_as_added": NORMALIZED_AS_ADDED,
    "combined": COMBINED,
    "transposed": TRANSPOSED,
}
