"""The networks of the GANs of M. Robles, J. Rodríguez and D. Aguirre (report ``robles``): two generators and two critics, for all three of its GANs.

    128x128x1 images, 4 classes, latent 128      output                 1              2
    class: embedding                               50                 200            200
    latent and class: dense                         8 x   8 x 256   2,916,352      2,916,352
      BatchNorm, LeakyReLU                                                512            512
    generator 1: up-conv 4x4 s2, 2: nearest x2, conv 3x3
      128, BatchNorm, LeakyReLU                    16 x  16 x 128     524,544        295,168
       64, BatchNorm, LeakyReLU                    32 x  32 x  64     131,200         73,856
       32, BatchNorm, LeakyReLU                    64 x  64 x  32      32,832         18,496
        1, tanh                                   128 x 128 x   1         513            289
                                                   generator        3,606,153      3,304,873   (and 960 statistics of the norms)

    critic 1: conv 4x4 s2, LeakyReLU, dropout .3;  2: conv 4x4 s2, norm (none after the first), LeakyReLU
       32                                          64 x  64 x  32         544            544
       64                                          32 x  32 x  64      32,832         32,896
      128                                          16 x  16 x 128     131,200        131,328
      256                                           8 x   8 x 256     524,544        524,800
    flatten, dense 1 (without a bias)               1                  16,384         16,384
    class: embedding, times the flattened maps      1                  65,536         65,536
                                                   critic             771,040        771,488

The report names the layers of each and no width, kernel, depth or image size. Generator 2 and critic 1, like the latent of 128, are those of Keras'
WGAN-GP example (A. K. Nain 2020), whose dropout of 0.3 and LeakyReLU of 0.2 are taken; generator 1 and critic 2 are DCGAN's (Radford et al. 2016), whose
4x4 kernels and unnormalised first layer are. Chosen here: four halvings, widths from 32 to 256, the same convolutions in both critics so that they
differ in nothing but what the report says, an activation in generator 2, and how the class enters: as an embedding beside the latent, and in the critic as
a projection (Miyato and Koyama, cGANs with Projection Discriminator, 2018). Without a class the embeddings are left out. The dense layer has a bias only
in the cGAN: in the difference of two of a critic's verdicts it cancels. Weights start as DCGAN's, normal with a deviation of 0.02: from Keras' larger ones,
generator 1's first steps drive a lattice of single pixels to white.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from tumorbench import Generator, Problem, Recipe, build_optimizer
from tumorbench_generators.adversarial import SLOPE, require_multiple

__all__ = ["LATENTS", "ConditionalGAN", "ImageCritic", "ImageGenerator", "layer_norm", "require_one_of"]

WIDTHS = (32, 64, 128, 256)  # of the critic's maps, from the image on; the generator's are the same backwards
CLASS_WIDTH = 50  # of the generator's embedding of a class
LATENTS = (64, 128, 256)  # that the report tried
DROPOUT = 0.3
DEVIATION = 0.02  # of DCGAN's initial weights
HALVED = 2 ** len(WIDTHS)


class ImageGenerator(nn.Module):
    """Latents ``(batch, latent)`` and labels ``(batch,)`` -> images ``(batch, channels, size, size)`` in [-1, 1]. classes: 0 for one that ignores the labels."""

    def __init__(self, kind: int, latent: int, classes: int, size: int, channels: int) -> None:
        super().__init__()
        side, widths = size // HALVED, WIDTHS[::-1]
        inputs = latent + CLASS_WIDTH if classes else latent
        layers = [
            nn.Linear(inputs, widths[0] * side * side, bias=False),
            nn.Unflatten(1, (widths[0], side, side)),
            *_normalised(widths[0]),
        ]
        for wide, narrow in pairwise(widths):
            layers += [*_doubled(kind, wide, narrow, bias=False), *_normalised(narrow)]
        self.layers = nn.Sequential(*layers, *_doubled(kind, widths[-1], channels, bias=True), nn.Tanh())
        self.label = nn.Embedding(classes, CLASS_WIDTH) if classes else None

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """One image a latent, of its label's class."""
        return self.layers(latents if self.label is None else torch.cat([latents, self.label(labels)], 1))


class ImageCritic(nn.Module):
    """Images ``(batch, channels, size, size)`` and labels ``(batch,)`` -> float32 verdicts ``(batch,)``, higher for real. norm: critic 2's, from its channels. bias: of all verdicts."""

    def __init__(
        self, kind: int, classes: int, size: int, channels: int, norm: Callable[[int], nn.Module], *, bias: bool
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for depth, (narrow, wide) in enumerate(pairwise((channels, *WIDTHS))):
            normalised = kind != 1 and depth > 0
            layers += [
                nn.Conv2d(narrow, wide, 4, stride=2, padding=1, bias=not normalised),
                *([norm(wide)] if normalised else []),
                nn.LeakyReLU(SLOPE),
            ]
            layers += [nn.Dropout(DROPOUT)] if kind == 1 else []
        features = WIDTHS[-1] * (size // HALVED) ** 2
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.verdict = nn.Linear(features, 1, bias=bias)
        self.label = nn.Embedding(classes, features) if classes else None
        if self.label is not None:
            nn.init.zeros_(self.label.weight)  # it judges all classes alike until it has learnt otherwise

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """One verdict an image, given its label's class."""
        features = self.layers(images)
        verdicts = self.verdict(features)[:, 0].float()
        return verdicts if self.label is None else verdicts + (self.label(labels) * features).sum(1).float()


class ConditionalGAN(Generator):
    """A ``generator`` and a network that judges it; where both ignore the labels it is unconditional. judge: the attribute and optimizer name of the latter."""

    def __init__(
        self, problem: Problem, generator: ImageGenerator, judge: str, critic: ImageCritic, latent: int
    ) -> None:
        super().__init__(problem)
        self.latent, self.judge = latent, judge
        self.generator = generator
        self.add_module(judge, critic)
        self.apply(_initialise_as_dcgan)

    def imagine(self, labels: Tensor) -> Tensor:
        """One image a label, in the precision of the generator, from latents drawn from torch's global random state."""
        return self.generator(torch.randn(len(labels), self.latent, device=labels.device), labels)

    def optimizers(self, recipe: Recipe) -> dict[str, torch.optim.Optimizer]:
        """One optimizer a network, both as the recipe says."""
        return {
            name: build_optimizer(recipe.optimizer, getattr(self, name).parameters())
            for name in (self.judge, "generator")
        }

    def sample(self, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:
        """``n`` images ``(n, channels, size, size)`` in [-1, 1], each of its label's class."""
        device = next(self.generator.parameters()).device
        return self.generator(torch.randn(n, self.latent, generator=rng).to(device), labels.to(device)).float()


def layer_norm(channels: int) -> nn.Module:
    """Every image is normalised by the mean and deviation of all its maps, apart from the rest of its batch."""
    return nn.GroupNorm(1, channels)


def require_one_of(size: int, **chosen: tuple[int, Sequence[int]]) -> None:
    """Each value is one of those allowed, and the networks can halve ``size``. Raises: ValueError or BadInput, in one line."""
    for name, (value, allowed) in chosen.items():
        if value not in allowed:
            raise ValueError(f"{name} is {', '.join(map(str, allowed[:-1]))} or {allowed[-1]}, not {value}")
    require_multiple("it", size, HALVED, "four times")


def _initialise_as_dcgan(layer: nn.Module) -> None:
    """A layer's weights are normal with a deviation of 0.02 and its bias is zero. Source: Radford et al. 2016, section 4."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, std=DEVIATION)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def _normalised(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.LeakyReLU(SLOPE)]


def _doubled(kind: int, inputs: int, outputs: int, *, bias: bool) -> list[nn.Module]:
    """The layers that double a map's side, of generator 1 or 2."""
    if kind == 1:
        return [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)]
    return [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)]
