"""TumorSynth2: an unconditional GAN with an encoder-decoder for a generator, as in B. Esteve Molner's course work (TumorSynth).

    generator                            output (128x128 images)        parameters
    latent                                100
    dense, LeakyReLU                      128 x 128 x 256              423,624,704
    conv 512 3x3 s2, LeakyReLU             64 x  64 x 512                1,180,160
    conv 256 3x3 s2, LeakyReLU             32 x  32 x 256                1,179,904
    conv 128 3x3 s2, LeakyReLU             16 x  16 x 128                  295,040
    up-conv 128 2x2 s2, LeakyReLU          32 x  32 x 128                   65,664
    up-conv 256 2x2 s2, LeakyReLU          64 x  64 x 256                  131,328
    up-conv 512 2x2 s2, LeakyReLU         128 x 128 x 512                  524,800
    conv 1 4x4, tanh                      128 x 128 x   1                    8,193
                                                          together     427,009,793
    discriminator
    conv  64 3x3, LeakyReLU               128 x 128 x  64                      640
    conv 128 3x3 s2, LeakyReLU             64 x  64 x 128                   73,856
    conv 128 3x3 s2, LeakyReLU             32 x  32 x 128                  147,584
    flatten, dropout .4, dense 1 (sigmoid)      1                          131,073
                                                          together         353,153
                                                             total     427,362,946   (all trainable)

Train it: ``tumorbench run -d yesno253 -m tumorsynth2 --protocol paper``. The report states no figure: the intensity distribution fits
better than TumorSynth1's and the images look worse. Compare ``ks_d`` and ``wasserstein_1`` with FID and KID.

The report calls its discriminator TumorSynth1's, with a fourth convolution of 256; its total is that of this table only, without it.
The dense layer is 99 % of the model, and grows with the image's area (104 of 110 million weights at 64x64). Weights, gradients and
Adam's moments take 6.8 GB in float32, the checkpoint of a run that is not finished 5.1 GB, and 6.8 GB where it keeps its best epoch.
"""

from __future__ import annotations

from torch import nn

from tumorbench import Problem
from tumorbench_generators.adversarial import (
    CROSS_ENTROPY,
    SLOPE,
    UnconditionalGAN,
    initialise_as_keras,
    require_multiple,
)

__all__ = ["TumorSynth2"]


class TumorSynth2(UnconditionalGAN):
    """The report's generator and the discriminator of its parameter count, for any side that is a multiple of 8."""

    def __init__(self, problem: Problem, latent: int = 100) -> None:
        require_multiple("tumorsynth2", problem.size, 8, "three times")
        generator = encoder_decoder(latent, problem.size, problem.channels)
        discriminator = image_discriminator(problem.size // 4, problem.channels)
        super().__init__(problem, generator, discriminator, latent, CROSS_ENTROPY)
        self.apply(initialise_as_keras)


def encoder_decoder(latent: int, side: int, channels: int) -> nn.Sequential:
    """Latent ``(batch, latent)`` -> images ``(batch, channels, side, side)`` in [-1, 1]."""
    return nn.Sequential(
        nn.Linear(latent, 256 * side * side), nn.LeakyReLU(SLOPE), nn.Unflatten(1, (256, side, side)),
        nn.Conv2d(256, 512, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.Conv2d(512, 256, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.Conv2d(256, 128, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.ConvTranspose2d(128, 128, 2, stride=2), nn.LeakyReLU(SLOPE),
        nn.ConvTranspose2d(128, 256, 2, stride=2), nn.LeakyReLU(SLOPE),
        nn.ConvTranspose2d(256, 512, 2, stride=2), nn.LeakyReLU(SLOPE),
        nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(512, channels, 4), nn.Tanh(),  # 'same', as Keras pads an even kernel
    )  # fmt: skip


def image_discriminator(side: int, channels: int) -> nn.Sequential:
    """Images ``(batch, channels, 4 side, 4 side)`` -> logits ``(batch, 1)``, positive for real."""
    return nn.Sequential(
        nn.Conv2d(channels, 64, 3, padding=1), nn.LeakyReLU(SLOPE),
        nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.Conv2d(128, 128, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.Flatten(), nn.Dropout(0.4), nn.Linear(128 * side * side, 1),
    )  # fmt: skip
