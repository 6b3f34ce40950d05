"""What the unconditional GANs share: two networks trained in turn, the losses between them, and Keras' initialisation.

The losses take logits: of real images ``(batch, 1)`` and of generated ones, positive for real. Both are computed in float32.

    binary cross-entropy (Goodfellow et al. 2014, the generator's in its non-saturating form)
        discriminator  (-log D(x) - log(1 - D(G(z)))) / 2       generator  -log D(G(z))
    hinge (Lim and Ye 2017; Miyato et al. 2018)
        discriminator  max(0, 1 - D(x)) + max(0, 1 + D(G(z)))   generator  -D(G(z))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import BadInput, Batch, Generator, Problem, Recipe, build_optimizer

__all__ = [
    "CROSS_ENTROPY",
    "HINGE",
    "SLOPE",
    "Objective",
    "UnconditionalGAN",
    "frozen",
    "initialise_as_keras",
    "require_multiple",
]

SLOPE = 0.2  # of every LeakyReLU


@dataclass(frozen=True, slots=True)
class Objective:
    """What the two networks minimise, and what is noted of the discriminator's answers: ``verdict`` (its name) of the logits, ``read`` so."""

    discriminator: Callable[[Tensor, Tensor], Tensor]  # logits of real images, of generated ones -> loss
    generator: Callable[[Tensor], Tensor]  # logits of generated images -> loss
    verdict: str
    read: Callable[[Tensor], Tensor]


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


CROSS_ENTROPY = Objective(
    discriminator=lambda real, generated: (_cross_entropy(real, 1.0) + _cross_entropy(generated, 0.0)) / 2,
    generator=lambda generated: _cross_entropy(generated, 1.0),
    verdict="probability",
    read=torch.sigmoid,
)
HINGE = Objective(
    discriminator=lambda real, generated: F.relu(1 - real).mean() + F.relu(1 + generated).mean(),
    generator=lambda generated: -generated.mean(),
    verdict="verdict",
    read=lambda logits: logits,
)


class UnconditionalGAN(Generator):
    """A ``generator`` (latent -> images) and a ``discriminator`` (images -> logits ``(batch, 1)``, positive for real), one step each a batch.

    Observed: the discriminator's mean answer to real and to generated images, before its step. Answers that part for good, or a
    generator's loss that only grows, are the signs that the generator has lost or collapsed.
    """

    compilable = ("generator.forward", "discriminator.forward")

    def __init__(
        self, problem: Problem, generator: nn.Module, discriminator: nn.Module, latent: int, objective: Objective
    ) -> None:
        super().__init__(problem)
        self.latent, self.objective = latent, objective
        self.generator, self.discriminator = generator, discriminator

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """The discriminator's loss, then the generator's, both on the same generated images."""
        generated = self.generator(torch.randn(len(batch), self.latent, device=batch.images.device))
        of_real, of_generated = self.discriminator(batch.images).float(), self.discriminator(generated.detach()).float()
        for name, logits in (("real", of_real), ("generated", of_generated)):
            self.observed[f"{name}_{self.objective.verdict}"] = self.objective.read(logits.detach()).mean()
        yield "discriminator", self.objective.discriminator(of_real, of_generated)
        with frozen(self.discriminator):
            loss = self.objective.generator(self.discriminator(generated).float())
        yield "generator", loss

    def optimizers(self, recipe: Recipe) -> dict[str, torch.optim.Optimizer]:
        """One optimizer a network, both as the recipe says."""
        return {
            name: build_optimizer(recipe.optimizer, getattr(self, name).parameters())
            for name in ("discriminator", "generator")
        }

    def sample(self, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:  # noqa: ARG002 - unconditional
        """``n`` images ``(n, channels, size, size)`` in [-1, 1]; the labels are ignored."""
        device = next(self.generator.parameters()).device
        return self.generator(torch.randn(n, self.latent, generator=rng).to(device)).float()


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """What ``network`` computes here passes gradients to its inputs and none to its own weights; afterwards those train that did before."""
    training = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in training:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in training:
            parameter.requires_grad_(True)


def initialise_as_keras(layer: nn.Module) -> None:
    """A layer's weights are Glorot uniform and its bias zero."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def require_multiple(model: str, size: int, factor: int, halvings: str) -> None:
    """``size`` is a multiple of ``factor``. Raises: BadInput, which says how often ``model`` halves its images."""
    if size % factor:
        raise BadInput(
            f"{model} halves its images {halvings}: it needs a side that is a multiple of {factor}, not {size}"
        )
