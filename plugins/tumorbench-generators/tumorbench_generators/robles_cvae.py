"""Conditional variational autoencoder of M. Robles, J. Rodríguez and D. Aguirre (report ``robles``): 3 or 6 convolutions each way.

    encoder=3, decoder=3, latent=256     output (128x128 images)       parameters
    conv  32 3x3 s2, ReLU                 64 x  64 x  32                     320
    conv  64 3x3 s2, ReLU                 32 x  32 x  64                  18,496
    conv 128 3x3 s2, ReLU                 16 x  16 x 128                  73,856
    flatten, label, dense 256, ReLU        256                         8,389,888
    dense: mean; dense: log-variance       256 each                      131,584
    latent, label, dense, ReLU            16 x  16 x 128               8,552,448
    up-conv 64 4x4 s2, ReLU               32 x  32 x  64                 131,136
    up-conv 32 4x4 s2, ReLU               64 x  64 x  32                  32,800
    up-conv  1 4x4 s2, sigmoid           128 x 128 x   1                     513
                                                             total    17,331,041   (all trainable)
    encoder=6: conv 32, conv 32, max-pool, conv 64, conv 64, max-pool, conv 128, conv 128, max-pool; 3x3, ReLU
    decoder=6: up-conv 128 s2, 128, 64 s2, 64, 32 s2, 1; 4x4 with stride 2 and 3x3 without

    total (128x128 images)      decoder=3     decoder=6
    encoder=3, latent=256      17,331,041    17,777,601
    encoder=6, latent=256      17,524,801    17,971,361
    encoder=3, latent=512      34,503,265    34,949,825
    encoder=6, latent=512      34,697,025    35,143,585

Train it: ``tumorbench run -d kaggle3264 -m 'robles-cvae[encoder=6,decoder=6,latent=512]' --protocol paper``. The report has, after 400 epochs, KL 59.63
on its test part (57.63 on its validation part) and reconstruction 5,990.6 (6,035.97), and does not say of which of the eight. These numbers
are those of 128 x 128 grey pixels and cross-entropy summed over them (derived): there, the mean image of the data costs 7,156 nats and the grey levels'
own entropy, under which no reconstruction falls, is 5,822. At 64 x 64 they are 1,788 and 1,486, at 224 x 224 21,904 and 17,613; the squared error that
the mean image leaves at 224 x 224, 1,292, is below 5,990 by itself.
The quick budget, at 64 x 64 on the grouped split, ends at KL 21.8 and reconstruction 1,638 on held-out images: outlines of heads, blurred inside.

Left open by the report and chosen here: filters, kernels, strides, ReLU, where the pooling stands, a hidden dense layer as wide as the latent, the label
one-hot at both dense layers, optimizer and batch size. "3 Conv2DTranspose" counts the one that makes the image.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from tumorbench import Problem
from tumorbench_generators.variational import Maps, VariationalAutoencoder, require

__all__ = ["RoblesCVAE"]

WIDTHS = (32, 64, 128)
HALVINGS = 8  # the side of an image over that of the last map
CONVOLUTIONS = (3, 6)


class RoblesCVAE(VariationalAutoencoder):
    """For any side that is a multiple of 8."""

    def __init__(self, problem: Problem, encoder: int = 3, decoder: int = 3, latent: int = 256) -> None:
        require(encoder in CONVOLUTIONS, f"encoder={encoder} is none of the report's; give 3 or 6 convolutions")
        require(
            decoder in CONVOLUTIONS, f"decoder={decoder} is none of the report's; give 3 or 6 transposed convolutions"
        )
        require(
            problem.size % HALVINGS == 0,
            f"robles-cvae halves its images three times: it needs a side that is a multiple of 8, not {problem.size}",
        )
        down = strided_encoder(problem.channels) if encoder == 3 else pooled_encoder(problem.channels)  # noqa: PLR2004 - the report's numbers
        up = short_decoder(problem.channels) if decoder == 3 else long_decoder(problem.channels)  # noqa: PLR2004
        super().__init__(
            problem, down, up, Maps(WIDTHS[-1], problem.size // HALVINGS), latent, classes=len(problem.classes)
        )


def strided_encoder(channels: int) -> nn.Sequential:
    """Three convolutions of stride 2: images -> maps ``(batch, 128, size / 8, size / 8)``."""
    layers: list[nn.Module] = []
    for inputs, width in pairwise((channels, *WIDTHS)):
        layers += [nn.Conv2d(inputs, width, 3, stride=2, padding=1), nn.ReLU()]
    return nn.Sequential(*layers)


def pooled_encoder(channels: int) -> nn.Sequential:
    """Six convolutions, max-pooling after every second: images -> maps ``(batch, 128, size / 8, size / 8)``."""
    layers: list[nn.Module] = []
    for inputs, width in pairwise((channels, *WIDTHS)):
        layers += [
            nn.Conv2d(inputs, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.MaxPool2d(2),  # before its ReLU: the same values and gradients, a quarter of the work
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


def short_decoder(channels: int) -> nn.Sequential:
    """Three transposed convolutions, each of which doubles the side: maps ``(batch, 128, side, side)`` -> logits ``(batch, channels, 8 side, 8 side)``."""
    return nn.Sequential(
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(32, channels, 4, stride=2, padding=1),
    )  # fmt: skip


def long_decoder(channels: int) -> nn.Sequential:
    """Six transposed convolutions, of which every other one doubles the side: maps -> logits, as ``short_decoder``."""
    return nn.Sequential(
        nn.ConvTranspose2d(128, 128, 4, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(128, 128, 3, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(64, 64, 3, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.ReLU(), nn.ConvTranspose2d(32, channels, 3, padding=1),
    )  # fmt: skip
