"""TumorSynth1: an unconditional GAN, as in B. Esteve Molner's course work (TumorSynth).

    generator                            output (128x128 images)       parameters
    latent                                100
    dense, LeakyReLU                       32 x  32 x 256              26,476,544
    up-conv 128 4x4 s2, LeakyReLU          64 x  64 x 128                 524,416
    up-conv 128 4x4 s2, LeakyReLU         128 x 128 x 128                 262,272
    conv 1 4x4, tanh                      128 x 128 x   1                   2,049
                                                          together     27,265,281
    discriminator
    conv  64 3x3, LeakyReLU               128 x 128 x  64                     640
    conv 128 3x3 s2, LeakyReLU             64 x  64 x 128                  73,856
    conv 128 3x3 s2, LeakyReLU             32 x  32 x 128                 147,584
    conv 256 3x3 s2, LeakyReLU             16 x  16 x 256                 295,168
    flatten, dropout .4, dense 1 (sigmoid)      1                          65,537
                                                          together        582,785
                                                             total     27,848,066   (all trainable)

Train it: ``tumorbench run -d yesno253 -m tumorsynth1 --protocol paper``. The report states no figure: its samples "look better"
than TumorSynth2's, and it suspects mode collapse. Judge by FID and KID beside their real-vs-real values, and by the discriminator's
mean probabilities in the history. ``tumorsynth1-augmented`` differs in nothing but its augmented training images.

The discriminator ends in logits, and the sigmoid and the binary cross-entropy are one function of them: the same loss, without overflow.
The report gives neither the slope of LeakyReLU (0.2 here) nor the initialisation (Keras' default: Glorot uniform, zero bias).
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

__all__ = ["TumorSynth1", "image_generator"]


class TumorSynth1(UnconditionalGAN):
    """The report's generator and discriminator, for any side that is a multiple of 8."""

    def __init__(self, problem: Problem, latent: int = 100) -> None:
        require_multiple("tumorsynth1", problem.size, 8, "three times")
        generator = image_generator(latent, problem.size // 4, problem.channels)
        discriminator = image_discriminator(problem.size // 8, problem.channels)
        super().__init__(problem, generator, discriminator, latent, CROSS_ENTROPY)
        self.apply(initialise_as_keras)


def image_generator(latent: int, side: int, channels: int) -> nn.Sequential:
    """Latent ``(batch, latent)`` -> images ``(batch, channels, 4 side, 4 side)`` in [-1, 1]."""
    return nn.Sequential(
        nn.Linear(latent, 256 * side * side), nn.LeakyReLU(SLOPE), nn.Unflatten(1, (256, side, side)),
        nn.ConvTranspose2d(256, 128, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.ConvTranspose2d(128, 128, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(128, channels, 4), nn.Tanh(),  # 'same', as Keras pads an even kernel
    )  # fmt: skip


def image_discriminator(side: int, channels: int) -> nn.Sequential:
    """Images ``(batch, channels, 8 side, 8 side)`` -> logits ``(batch, 1)``, positive for real."""
    return nn.Sequential(
        nn.Conv2d(channels, 64, 3, padding=1), nn.LeakyReLU(SLOPE),
        nn.Conv2d(64, 128, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.Conv2d(128, 128, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.Conv2d(128, 256, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE),
        nn.Flatten(), nn.Dropout(0.4), nn.Linear(256 * side * side, 1),
    )  # fmt: skip
