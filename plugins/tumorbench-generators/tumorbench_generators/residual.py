"""Residual blocks for GANs, and the generator and the discriminator that are made of them.

After ``SNGAN``'s ResNets (Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, appendix B.4), made lean: an
up-sampling block's first convolution comes before the up-sampling and a down-sampling block's second after the pooling, each at a quarter of the
price, and a map of s x s pixels has ``width(s)`` channels: 256 at 4 and at 8, 128 at 16, 64 at 32, 32 at 64, 16 at 128.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from tumorbench import BadInput
from tumorbench_generators.adversarial import initialise_as_keras

__all__ = [
    "Discriminator",
    "ResidualDown",
    "ResidualUp",
    "SumOverPixels",
    "plain",
    "residual_generator",
    "sides",
    "spectral",
    "width",
]

DEEPEST = 8  # pixels a side that are not halved any more
Wrap = Callable[[nn.Module], nn.Module]  # what becomes of each layer with weights


def plain(layer: nn.Module) -> nn.Module:
    """The layer with Glorot-uniform weights and a bias of zero."""
    initialise_as_keras(layer)
    return layer


def spectral(layer: nn.Module) -> nn.Module:
    """The same layer, whose weight is divided by its largest singular value at every use (one power iteration a use while it trains)."""
    return spectral_norm(plain(layer))


def width(side: int) -> int:
    """Channels of a map of ``side`` pixels: 2,048 over its side, from 16 to 256."""
    return max(16, min(256, 2048 // side))


def sides(size: int) -> list[int]:
    """The sides of the maps from the image's down to the deepest, below 8 pixels: 128, 64, 32, 16, 8, 4. Raises: BadInput where one is odd before that."""
    found = [size]
    while found[-1] >= DEEPEST:
        if found[-1] % 2:
            raise BadInput(
                f"residual blocks halve an image until it is under {DEEPEST} pixels, and {size} leads to the odd {found[-1]}; give a power of two"
            )
        found.append(found[-1] // 2)
    return found


class ResidualUp(nn.Module):
    """Maps ``(batch, inputs, s, s)`` -> ``(batch, outputs, 2s, 2s)``."""

    def __init__(self, inputs: int, outputs: int, wrap: Wrap) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(inputs), nn.ReLU(), wrap(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)),
            nn.BatchNorm2d(outputs), nn.ReLU(), nn.Upsample(scale_factor=2), wrap(nn.Conv2d(outputs, outputs, 3, padding=1)),
        )  # fmt: skip
        self.shortcut = nn.Sequential(wrap(nn.Conv2d(inputs, outputs, 1)), nn.Upsample(scale_factor=2))

    def forward(self, maps: Tensor) -> Tensor:
        """The block's output, up-sampled by nearest neighbours."""
        return self.shortcut(maps) + self.body(maps)


class ResidualDown(nn.Module):
    """Maps ``(batch, inputs, s, s)`` -> ``(batch, outputs, s/2, s/2)``, every layer spectrally normalised."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(), spectral(nn.Conv2d(inputs, inputs, 3, padding=1)),
            nn.ReLU(), nn.AvgPool2d(2), spectral(nn.Conv2d(inputs, outputs, 3, padding=1)),
        )  # fmt: skip
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), spectral(nn.Conv2d(inputs, outputs, 1)))

    def forward(self, maps: Tensor) -> Tensor:
        """The block's output, down-sampled by means."""
        return self.shortcut(maps) + self.body(maps)


class SumOverPixels(nn.Module):
    """Maps ``(batch, channels, s, s)`` -> ``(batch, channels)``."""

    def forward(self, maps: Tensor) -> Tensor:
        """The sums."""
        return maps.sum((2, 3))


def residual_generator(
    latent: int,
    size: int,
    channels: int,
    wrap: Wrap = plain,
    after: Callable[[int], list[nn.Module]] = lambda _side: [],
) -> nn.Sequential:
    """Latent ``(batch, latent)`` -> images ``(batch, channels, size, size)`` in [-1, 1]. after: the layers that follow the block that ends at a side."""
    up = sides(size)[::-1]
    layers: list[nn.Module] = [
        wrap(nn.Linear(latent, width(up[0]) * up[0] ** 2)),
        nn.Unflatten(1, (width(up[0]), up[0], up[0])),
    ]
    for low, high in pairwise(up):
        layers += [ResidualUp(width(low), width(high), wrap), *after(high)]
    return nn.Sequential(
        *layers, nn.BatchNorm2d(width(size)), nn.ReLU(), wrap(nn.Conv2d(width(size), channels, 3, padding=1)), nn.Tanh()
    )


class Discriminator(nn.Sequential):
    """Images ``(batch, channels, size, size)`` -> logits ``(batch, 1)``, positive for real. after: as in ``residual_generator``.

    The last layer has no bias: real and generated images pull at it by equal and opposite amounts wherever both are within the hinge's margin.
    """

    def __init__(self, size: int, channels: int, after: Callable[[int], list[nn.Module]] = lambda _side: []) -> None:
        down = sides(size)
        layers: list[nn.Module] = [spectral(nn.Conv2d(channels, width(size), 3, padding=1))]
        for high, low in pairwise(down):
            layers += [ResidualDown(width(high), width(low)), *after(low)]
        super().__init__(*layers, nn.ReLU(), SumOverPixels(), spectral(nn.Linear(width(down[-1]), 1, bias=False)))
