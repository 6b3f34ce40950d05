"""UNet-GAN: a U-Net generator, which B. Esteve Molner's course work (TumorSynth) leaves to future work.

    generator                            output (128x128 images)       parameters
    latent                                100
    dense                                 128 x 128 x   1               1,654,784
    conv  32 3x3, LeakyReLU               128 x 128 x  32                     320
    conv  64 4x4 s2, LeakyReLU             64 x  64 x  64                  32,896
    conv 128 4x4 s2, LeakyReLU             32 x  32 x 128                 131,328
    conv 256 4x4 s2, LeakyReLU             16 x  16 x 256                 524,800
    conv 256 4x4 s2, LeakyReLU              8 x   8 x 256               1,049,088
    up-conv 256 4x4 s2, concatenated       16 x  16 x 512               1,049,088
    up-conv 128 4x4 s2, concatenated       32 x  32 x 256               1,048,832
    up-conv  64 4x4 s2, concatenated       64 x  64 x 128                 262,272
    up-conv  32 4x4 s2, concatenated      128 x 128 x  64                  65,600
    conv 1 3x3, tanh                      128 x 128 x   1                     577
                                                          together      5,819,585
    discriminator: resnet-gan's                                         1,878,608
                                                             total      7,698,193 that train, and 14,042 statistics
                                                                        (of the norms; the spectral ones' vectors)

Train it: ``tumorbench run -d yesno253 -m unet-gan --protocol paper``. There is no figure to expect: the report only names the idea.

The report says no more than "a generator based on U-Net", and a U-Net needs an image to start from. Read here as TumorSynth2's generator with
skips: a dense layer lays the latent out as an image, of one channel instead of 256, which an encoder-decoder turns into a slice. So a latent
stands for a slice as a whole; noise drawn for each pixel would have to agree on one brain. BatchNorm follows every convolution but the first and
the last, and ReLU every up-convolution. Discriminator, loss and moving average are resnet-gan's, so that the two differ by their generators only.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from tumorbench import Problem
from tumorbench_generators.adversarial import HINGE, SLOPE, UnconditionalGAN, require_multiple
from tumorbench_generators.residual import Discriminator, plain

__all__ = ["UNetGAN", "UNetGenerator"]

WIDTHS = (32, 64, 128, 256, 256)  # from the image's resolution down


class UNetGAN(UnconditionalGAN):
    """For any side that is a multiple of 16 and halves down to 4 to 7 pixels: powers of two, 96, 224."""

    def __init__(self, problem: Problem, latent: int = 100) -> None:
        require_multiple("unet-gan", problem.size, 16, "four times")
        discriminator = Discriminator(problem.size, problem.channels)
        super().__init__(problem, UNetGenerator(latent, problem.size, problem.channels), discriminator, latent, HINGE)


class UNetGenerator(nn.Module):
    """Latent ``(batch, latent)`` -> images ``(batch, channels, size, size)`` in [-1, 1]."""

    def __init__(self, latent: int, size: int, channels: int) -> None:
        super().__init__()
        pairs = list(pairwise(WIDTHS))
        self.canvas = nn.Sequential(plain(nn.Linear(latent, size * size)), nn.Unflatten(1, (1, size, size)))
        self.stem = nn.Sequential(plain(nn.Conv2d(1, WIDTHS[0], 3, padding=1)), nn.LeakyReLU(SLOPE))
        self.encoder = nn.ModuleList(
            nn.Sequential(
                plain(nn.Conv2d(shallow, deep, 4, stride=2, padding=1, bias=False)),
                nn.BatchNorm2d(deep),
                nn.LeakyReLU(SLOPE),
            )
            for shallow, deep in pairs
        )
        below = (WIDTHS[-1], *(2 * shallow for shallow, _ in pairs[:0:-1]))  # the deepest map, then each with its skip
        self.decoder = nn.ModuleList(
            nn.Sequential(
                plain(nn.ConvTranspose2d(inputs, shallow, 4, stride=2, padding=1, bias=False)),
                nn.BatchNorm2d(shallow),
                nn.ReLU(),
            )
            for inputs, (shallow, _) in zip(below, pairs[::-1], strict=True)
        )
        self.slice = nn.Sequential(plain(nn.Conv2d(2 * WIDTHS[0], channels, 3, padding=1)), nn.Tanh())

    def forward(self, latent: Tensor) -> Tensor:
        """Images."""
        maps = [self.stem(self.canvas(latent))]
        for down in self.encoder:
            maps.append(down(maps[-1]))
        current = maps.pop()
        for up in self.decoder:
            current = torch.cat([up(current), maps.pop()], 1)
        return self.slice(current)
