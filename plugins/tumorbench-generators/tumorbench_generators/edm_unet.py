"""The U-Net inside ``edm``: a small relative of the DDPM++ and ADM networks that Karras et al. 2022 train (their appendix F.2).

    128x128x1 images, 4 classes, width 32                      output            parameters
    noise level: 32 waves, dense 128, SiLU, dense 128                   128          20,736
    class: embedding                                                    128             512
    2x2 pixels to channels, conv 32 3x3                      64 x  64 x  32           1,184
    block 32                                                 64 x  64 x  32          26,880
    mean pool, block 64                                      32 x  32 x  64          74,240
    mean pool, block 128, attention                          16 x  16 x 128         329,088
    mean pool, block 256, attention                           8 x   8 x 256       1,248,000
    block 256, attention                                      8 x   8 x 256       1,510,144
    block 256                                                 8 x   8 x 256       1,247,232
    conv 128 1x1, nearest x2, + skip, block 128, attention   16 x  16 x 128         427,520
    conv  64 1x1, nearest x2, + skip, block  64              32 x  32 x  64          98,880
    conv  32 1x1, nearest x2, + skip, block  32              64 x  64 x  32          28,960
    norm, SiLU, conv 4 3x3, channels to 2x2 pixels          128 x 128 x   1           1,220
                                                                      total       5,014,596   (all trainable)

A block is norm, SiLU, conv 3x3, norm scaled and shifted by the embedding, SiLU, dropout, conv 3x3, beside the identity (a 1x1 conv where the width
changes). Attention has one head and stands wherever the side is 16 or less. Norms are GroupNorm with 8 groups.

Much smaller than the paper's networks on purpose, so that a CPU can sample it: it works on patches of 2x2 pixels, has one block at each resolution on
the way down and one on the way up, and adds the skips where they concatenate them. The last layer of every branch starts at zero, as in theirs;
what comes from below starts at a tenth, or else its random features drown the skips and the first hundreds of steps learn less.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

__all__ = ["UNet"]

PATCH = 2  # pixels a side that become channels
MULTIPLES = (1, 2, 4, 8)  # of the width, at each resolution
ATTENTION_SIDE = 16
GROUPS = 8
FREQUENCIES = (1.0, 32.0)  # radians per unit of the noise level's code, lowest and highest


class UNet(nn.Module):
    """Scaled noisy images, their noise level's code and their class -> what the preconditioning takes for the network's output."""

    def __init__(self, channels: int, size: int, classes: int, width: int, dropout: float) -> None:
        super().__init__()
        widths = [width * multiple for multiple in MULTIPLES]
        sides = [size // PATCH >> level for level in range(len(widths))]
        embedding = 4 * width

        def stage(wide: int, wide_after: int, side: int) -> Stage:
            return Stage(wide, wide_after, embedding, dropout, attention=side <= ATTENTION_SIDE)

        self.noise_level = nn.Sequential(
            Waves(width), nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding)
        )
        self.label = nn.Embedding(classes, embedding)
        self.stem = nn.Conv2d(channels * PATCH**2, width, 3, padding=1)
        self.down = nn.ModuleList(stage(*each) for each in zip([width, *widths], widths, sides, strict=False))
        self.middle = nn.ModuleList(
            [
                stage(widths[-1], widths[-1], sides[-1]),
                Stage(widths[-1], widths[-1], embedding, dropout, attention=False),
            ]
        )
        upwards = list(zip(widths, widths[1:], sides, strict=False))[::-1]
        self.narrow = nn.ModuleList(nn.Conv2d(below, wide, 1) for wide, below, _ in upwards)
        self.up = nn.ModuleList(stage(wide, wide, side) for wide, _, side in upwards)
        self.head = nn.Sequential(
            nn.GroupNorm(GROUPS, width),
            nn.SiLU(),
            zeroed(nn.Conv2d(width, channels * PATCH**2, 3, padding=1)),
            nn.PixelShuffle(PATCH),
        )
        self._initialise()

    def _initialise(self) -> None:
        """At first noise level and class speak equally loud in the embedding, and the skips louder than the random features from below."""
        for layer in (self.noise_level[1], self.noise_level[3]):
            nn.init.kaiming_normal_(layer.weight)
        with torch.no_grad():
            for narrow in self.narrow:
                for weight in narrow.parameters():
                    weight.mul_(0.1)

    def forward(self, images: Tensor, noise_codes: Tensor, labels: Tensor) -> Tensor:
        """images: ``(batch, channels, size, size)`` of variance 1; noise_codes: float32 ``(batch,)``; labels: int64 ``(batch,)`` -> as ``images``."""
        embedding = F.silu(self.noise_level(noise_codes) + self.label(labels))  # (batch, 4 width)
        features, skips = self.stem(F.pixel_unshuffle(images, PATCH)), []
        for stage in self.down:
            features = stage(F.avg_pool2d(features, 2) if skips else features, embedding)
            skips.append(features)
        for stage in self.middle:
            features = stage(features, embedding)
        for skip, narrow, stage in zip(skips[-2::-1], self.narrow, self.up, strict=True):
            features = stage(F.interpolate(narrow(features), scale_factor=2.0, mode="nearest") + skip, embedding)
        return self.head(features)  # type: ignore[no-any-return]


class Stage(nn.Module):
    """What happens at one resolution: a residual block, and self-attention where asked for."""

    def __init__(self, wide: int, wide_after: int, embedding: int, dropout: float, *, attention: bool) -> None:
        super().__init__()
        self.block = Block(wide, wide_after, embedding, dropout)
        self.attention = Attention(wide_after) if attention else nn.Identity()

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """``(batch, wide, side, side)`` -> ``(batch, wide_after, side, side)``."""
        return self.attention(self.block(features, embedding))  # type: ignore[no-any-return]


class Block(nn.Module):
    """A residual block whose second norm is scaled and shifted by the embedding of noise level and class."""

    def __init__(self, wide: int, wide_after: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.GroupNorm(GROUPS, wide), nn.SiLU(), nn.Conv2d(wide, wide_after, 3, padding=1))
        self.modulation = nn.Linear(embedding, 2 * wide_after)
        self.norm = nn.GroupNorm(GROUPS, wide_after)
        self.second = nn.Sequential(
            nn.SiLU(), nn.Dropout(dropout), zeroed(nn.Conv2d(wide_after, wide_after, 3, padding=1))
        )
        self.shortcut = nn.Conv2d(wide, wide_after, 1) if wide != wide_after else nn.Identity()

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """``(batch, wide, side, side)`` -> ``(batch, wide_after, side, side)``."""
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, dim=1)
        branch = self.norm(self.first(features)) * (1 + scale) + shift
        return self.shortcut(features) + self.second(branch)  # type: ignore[no-any-return]


class Attention(nn.Module):
    """Self-attention over the positions, beside the identity."""

    def __init__(self, wide: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, wide)
        self.queries_keys_values = nn.Conv2d(
            wide, 3 * wide, 1, bias=False
        )  # the softmax would not see a bias of the keys
        self.out = zeroed(nn.Conv2d(wide, wide, 1))

    def forward(self, features: Tensor) -> Tensor:
        """``(batch, wide, side, side)`` -> the same shape."""
        _, wide, side, _ = features.shape
        queries, keys, values = (
            self.queries_keys_values(self.norm(features)).flatten(2).chunk(3, dim=1)
        )  # each (batch, wide, positions)
        weights = (queries.transpose(1, 2) @ keys / math.sqrt(wide)).softmax(
            2
        )  # (batch, positions, positions that each looks at)
        seen = values @ weights.transpose(1, 2).to(values.dtype)  # (batch, wide, positions)
        return features + self.out(seen.unflatten(2, (side, side)))  # type: ignore[no-any-return]


class Waves(nn.Module):
    """Cosines and sines of a scalar, half of them each, at frequencies in geometric steps."""

    def __init__(self, features: int) -> None:
        super().__init__()
        low, high = (math.log(frequency) for frequency in FREQUENCIES)
        self.register_buffer("frequencies", torch.linspace(low, high, features // 2).exp(), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """``(batch,)`` -> ``(batch, features)``."""
        angles = codes[:, None] * self.frequencies
        return torch.cat([angles.cos(), angles.sin()], dim=1)


def zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer, with every weight zero: its branch adds nothing until it has learnt something."""
    for weight in layer.parameters():
        nn.init.zeros_(weight)
    return layer
