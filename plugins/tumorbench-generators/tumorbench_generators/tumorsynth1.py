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
than TumorSynth2's, and it suspects mode collapse. Judge by FID and KID beside their real-vs-real values.

The discriminator ends in logits, and the sigmoid and the binary cross-entropy are one function of them: the same loss, without overflow.
The report gives neither the slope of LeakyReLU (0.2 here) nor the initialisation (Keras' default: Glorot uniform, zero bias).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import BadInput, Batch, Generator, Problem, Recipe, build_optimizer

__all__ = ["TumorSynth1"]

SLOPE = 0.2


class TumorSynth1(Generator):
    """The report's generator and discriminator, for any side that is a multiple of 8."""

    def __init__(self, problem: Problem, latent: int = 100) -> None:
        super().__init__(problem)
        if problem.size % 8:
            raise BadInput(f"tumorsynth1 halves its images three times: it needs a side that is a multiple of 8, not {problem.size}")
        self.latent = latent
        self.generator = image_generator(latent, problem.size // 4, problem.channels)
        self.discriminator = image_discriminator(problem.size // 8, problem.channels)
        self.apply(initialise_as_keras)

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """The discriminator's loss, then the generator's, both binary cross-entropy on the same generated images."""
        generated = self.generator(torch.randn(len(batch), self.latent, device=batch.images.device))
        yield "discriminator", (self._cross_entropy(batch.images, 1.0) + self._cross_entropy(generated.detach(), 0.0)) / 2
        with frozen(self.discriminator):
            loss = self._cross_entropy(generated, 1.0)
        yield "generator", loss

    def optimizers(self, recipe: Recipe) -> dict[str, torch.optim.Optimizer]:
        """One optimizer a network, both as the recipe says."""
        return {name: build_optimizer(recipe.optimizer, getattr(self, name).parameters()) for name in ("discriminator", "generator")}

    def sample(self, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:  # noqa: ARG002 - unconditional
        """``n`` images ``(n, channels, size, size)`` in [-1, 1]; the labels are ignored."""
        device = next(self.parameters()).device
        return self.generator(torch.randn(n, self.latent, generator=rng).to(device)).float()

    def _cross_entropy(self, images: Tensor, target: float) -> Tensor:
        logits = self.discriminator(images).float()
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


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


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """What ``network`` computes here passes gradients to its inputs and none to its own weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def initialise_as_keras(layer: nn.Module) -> None:
    """A layer's weights are Glorot uniform and its bias zero."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
