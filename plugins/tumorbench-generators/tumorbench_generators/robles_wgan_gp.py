"""WGAN-GP and its class-conditional form WCGAN-GP, of M. Robles, J. Rodríguez and D. Aguirre (report ``robles``), after Gulrajani et al. 2017.

    parameters (4 classes, 128x128x1)                           critic 1     critic 2
    robles-wcgan-gp  generator 1 (transposed conv)  latent  64   3,328,617    3,329,065
                                                    latent 128   4,377,193    4,377,641
                                                    latent 256   6,474,345    6,474,793
                     generator 2 (nearest x2, conv) latent  64   3,027,337    3,027,785
                                                    latent 128   4,075,913    4,076,361
                                                    latent 256   6,173,065    6,173,513
    robles-wgan-gp   generator 1                    latent 128   3,492,257
                                    (all that trains; beside it 960 statistics of the generator's norms)

Layers: ``robles_gan``. Critic c, generator g, real x, generated y = g(z, k), both of class k, and a point p = e x + (1 - e) y, e uniform in [0, 1]:

    critic      mean c(y, k) - mean c(x, k) + 10 mean (|grad_p c(p, k)| - 1)^2       five steps a batch
    generator   -mean c(y, k)                                                        one

Each step draws its latents anew. The five steps see the same real batch, as in Keras' WGAN-GP example: Gulrajani et al. give
each its own, but an epoch would then move the generator a fifth as often. The penalty is in float32 whatever the precision. It is of one image's gradient,
which BatchNorm would mix with its neighbours': critic 2 has layer normalisation in its place, which Gulrajani et al. recommend (their section 4).

Train it: ``tumorbench run -d kaggle3264 -m robles-wcgan-gp --protocol paper``; ``robles-wcgan-gp[generator=2,critic=2,latent=64]`` is another cell of the
report's grid. critic_gradient_norm is near 0 before training and then about 1 + W / 20 for a distance W (a slope k gains k W and costs 10 (k - 1)^2): 2 to 3
while the generated images are far off, towards 1 as wasserstein_estimate falls. Where val_wasserstein_estimate (on held-out images) falls away from that,
the critic has learnt the training images by heart. The report's losses are no yardstick: they are of critics on unknown scales. Its classifier gets 44.6 %
of the real test images right when trained on generated ones alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tumorbench import Batch, Problem
from tumorbench_generators.adversarial import frozen
from tumorbench_generators.robles_gan import (
    LATENTS,
    ConditionalGAN,
    ImageCritic,
    ImageGenerator,
    layer_norm,
    require_one_of,
)

__all__ = ["WCGANGP", "WGANGP", "gradient_norms"]

CRITIC_STEPS = 5  # a batch
PENALTY = 10.0  # lambda of the paper


class WGANGP(ConditionalGAN):
    """Unconditional; for any side that is a multiple of 16. generator, critic: 1 or 2; latent: 64, 128 or 256.

    Observed, in a batch's last critic step: ``critic_gradient_norm`` and ``gradient_penalty`` (before its weight) between real and generated images, and
    ``wasserstein_estimate``, the critic's mean verdict on real images less that on generated ones.
    """

    compilable = ("generator.forward", "critic_loss")
    conditional = False

    def __init__(self, problem: Problem, generator: int = 1, critic: int = 1, latent: int = 128) -> None:
        require_one_of(problem.size, generator=(generator, (1, 2)), critic=(critic, (1, 2)), latent=(latent, LATENTS))
        classes = len(problem.classes) if self.conditional else 0
        shape = classes, problem.size, problem.channels
        super().__init__(
            problem,
            ImageGenerator(generator, latent, *shape),
            "critic",
            ImageCritic(critic, *shape, layer_norm, bias=False),
            latent,
        )

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """The critic's loss five times, then the generator's; latents and interpolates are drawn anew for each."""
        for _ in range(CRITIC_STEPS):
            with torch.no_grad():
                generated = self.imagine(batch.labels).float()
            loss, self.observed = self.critic_loss(batch.images, generated, batch.labels)
            yield "critic", loss
        with frozen(self.critic):
            loss = -self.critic(self.imagine(batch.labels), batch.labels).mean()
        yield "generator", loss

    def critic_loss(self, images: Tensor, generated: Tensor, labels: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The critic's whole loss, a function of tensors alone, and what is observed of it."""
        distance = self._distance(images, generated, labels)
        share = torch.rand(len(images), 1, 1, 1, device=images.device)  # of the real image
        norms = gradient_norms(self.critic, share * images + (1 - share) * generated, labels)
        penalty = (norms - 1).square().mean()
        return PENALTY * penalty - distance, {
            "critic_gradient_norm": norms.detach().mean(),
            "gradient_penalty": penalty.detach(),
            "wasserstein_estimate": distance.detach(),
        }

    def _distance(self, images: Tensor, generated: Tensor, labels: Tensor) -> Tensor:
        """The critic's mean verdict on ``images`` less that on ``generated``, of the same classes."""
        verdicts = self.critic(torch.cat([images, generated]), labels.repeat(2))
        real, false = verdicts.chunk(2)
        return real.mean() - false.mean()

    def validation(self, batch: Batch) -> dict[str, Tensor]:
        """``wasserstein_estimate`` of held-out images: where the critic knows the training images by heart, it is lower than theirs."""
        generated = self.imagine(batch.labels).float()
        return {"wasserstein_estimate": self._distance(batch.images, generated, batch.labels)}


class WCGANGP(WGANGP):
    """Both networks know the class of the image."""

    conditional = True


def gradient_norms(critic: torch.nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Euclidean norm of each verdict's gradient with respect to its image, in ``images``' precision, at least float32.

    ``(batch,)``; it can be differentiated again. The critic must judge each image apart from the rest of its batch.
    """

    def verdicts(points: Tensor) -> Tensor:
        found: Tensor = critic(points * 1.0, labels)  # a leaf itself would stop torch's counter of operations
        return found.sum()

    with torch.autocast(images.device.type, enabled=False):
        points = images.detach().to(torch.promote_types(images.dtype, torch.float32))
        gradients: Tensor = torch.func.grad(verdicts)(points)
    return gradients.flatten(1).norm(dim=1)
