"""The residual networks of He et al. 2015 for small images."""

from architecture import Architecture
from oracle_network import LayerSpec, layer, residual


def _resnet_block(channels: int, *, stride: int = 1, shortcut=()) -> LayerSpec:
    """Two 3×3 convolutions and what they are added to (He et al. 2015, figure 2)."""
    same = {"kernel_size": 3, "padding": ((1, 1), (1, 1)), "bias": False}
    return residual(
        [
            layer("Conv2d", out_channels=channels, stride=(stride, stride), **same),
            layer("BatchNorm2d", activation="relu"),
            layer("Conv2d", out_channels=channels, **same),
            layer("BatchNorm2d"),
        ],
        shortcut,
        activation="relu",
    )


def _projection(channels: int) -> list[LayerSpec]:
    """Option B: a 1×1 convolution where size and channels change."""
    return [
        layer("Conv2d", out_channels=channels, kernel_size=1, stride=(2, 2), bias=False),
        layer("BatchNorm2d"),
    ]


def resnet20(widths=(16, 32, 64), size=32, blocks=3) -> Architecture:
    """The network of He et al. 2015, section 4.2, for images of 32 x 32 or less, option B."""
    layers = [
        layer(
            "Conv2d",
            out_channels=widths[0],
            kernel_size=3,
            padding=((1, 1), (1, 1)),
            bias=False,
        ),
        layer("BatchNorm2d", activation="relu"),
    ]
    for stage, width in enumerate(widths):
        for block in range(blocks):
            first = stage > 0 and block == 0
            layers.append(
                _resnet_block(
                    width, stride=2 if first else 1, shortcut=_projection(width) if first else ()
                )
            )
    layers += [layer("AvgPool2d", kernel_size=(size // 4, size // 4)),
               layer("Linear", out_features=10)]  # fmt: skip
    return Architecture(layers=layers, input_shape=(3, size, size), loss="cross_entropy")
