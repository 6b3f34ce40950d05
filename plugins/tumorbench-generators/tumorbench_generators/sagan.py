"""SAGAN: residual blocks with self-attention in both networks, after Zhang et al., Self-Attention Generative Adversarial Networks (2019).

    generator                            output (128x128 images)       parameters
    latent                                128
    dense                                   4 x   4 x 256                 528,384
    residual up-block 256                   8 x   8 x 256               1,246,720
    residual up-block 128                  16 x  16 x 128                 476,160
    residual up-block  64                  32 x  32 x  64                 119,296
    self-attention                         32 x  32 x  64                   5,121
    residual up-block  32                  64 x  64 x  32                  29,952
    residual up-block  16                 128 x 128 x  16                   7,552
    BatchNorm, ReLU, conv 1 3x3, tanh     128 x 128 x   1                     177
                                                          together      2,413,362
    discriminator
    conv 16 3x3                           128 x 128 x  16                     160
    residual down-block  32                64 x  64 x  32                   7,504
    residual down-block  64                32 x  32 x  64                  29,856
    self-attention                         32 x  32 x  64                   5,121
    residual down-block 128                16 x  16 x 128                 119,104
    residual down-block 256                 8 x   8 x 256                 475,776
    residual down-block 256                 4 x   4 x 256               1,245,952
    ReLU, sum over pixels, dense 1              1                             256
                                                          together      1,883,729
                                                             total      4,297,091 that train, and 32,523 statistics
                                                                        (of the norms; the spectral ones' vectors)

Train it: ``tumorbench run -d yesno253 -m sagan --protocol paper``. The report states no figure: it tried a SAGAN without success and
infers that its images are too few. Expect worse FID than of GANs trained on thousands of images; the point is to show by how much.

From the paper: spectral normalisation of every layer of both networks, self-attention at 32x32, hinge loss, Adam (0, 0.9), and a discriminator
that learns four times as fast as the generator (4e-4, 1e-4). Chosen here, because a few hundred grey slices reward no more: a sixteenth of the
paper's channels at the image's resolution and a quarter at the deepest, no classes, hence no conditional norms, one discriminator step a batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tumorbench import Problem, Recipe, build_optimizer
from tumorbench_generators.adversarial import HINGE, UnconditionalGAN
from tumorbench_generators.residual import Discriminator, residual_generator, sides, spectral, width

__all__ = ["SAGAN", "SelfAttention"]

ATTENTION_SIDE = 32  # pixels: attention is at the first map that is not larger


class SAGAN(UnconditionalGAN):
    """Both networks attend to themselves once. discriminator_speed: its learning rate over the generator's."""

    def __init__(self, problem: Problem, latent: int = 128, discriminator_speed: float = 4.0) -> None:
        attended = next(side for side in sides(problem.size) if side <= ATTENTION_SIDE)

        def attention(side: int) -> list[nn.Module]:
            return [SelfAttention(width(side))] if side == attended else []

        generator = residual_generator(latent, problem.size, problem.channels, spectral, attention)
        super().__init__(problem, generator, Discriminator(problem.size, problem.channels, attention), latent, HINGE)
        self.discriminator_speed = discriminator_speed

    def optimizers(self, recipe: Recipe) -> dict[str, torch.optim.Optimizer]:
        """The generator's at the recipe's rate, the discriminator's ``discriminator_speed`` times that."""
        faster = recipe.optimizer.model_copy(
            update={"learning_rate": recipe.optimizer.learning_rate * self.discriminator_speed}
        )
        return {
            "discriminator": build_optimizer(faster, self.discriminator.parameters()),
            "generator": build_optimizer(recipe.optimizer, self.generator.parameters()),
        }


class SelfAttention(nn.Module):
    """Every pixel adds what it finds at those pixels that resemble it, times a learned weight that starts at zero. Source: Zhang et al., section 3.

    Keys and values are pooled 2x2, as in the authors' code.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = spectral(nn.Conv2d(channels, channels // 8, 1, bias=False))
        self.key = nn.Sequential(spectral(nn.Conv2d(channels, channels // 8, 1, bias=False)), nn.MaxPool2d(2))
        self.value = nn.Sequential(spectral(nn.Conv2d(channels, channels // 2, 1, bias=False)), nn.MaxPool2d(2))
        self.output = spectral(nn.Conv2d(channels // 2, channels, 1, bias=False))
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, maps: Tensor) -> Tensor:
        """Maps ``(batch, channels, s, s)`` -> the same shape."""
        query, key, value = (
            each(maps).flatten(2) for each in (self.query, self.key, self.value)
        )  # (batch, channels / 8 or 2, pixels)
        attention = (query.mT @ key).float().softmax(2)  # (batch, pixels, pixels / 4): of each pixel over all
        found = (value @ attention.mT.to(value.dtype)).unflatten(2, maps.shape[2:])  # (batch, channels / 2, s, s)
        return maps + self.weight * self.output(found)
