"""The three families of networks. One loop trains them all, because each says what its losses and optimizers are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Optimizer, Recipe

__all__ = ["Batch", "Classifier", "Generator", "Network", "Segmenter", "build_optimizer"]


@dataclass(slots=True)
class Batch:
    """images: float32 ``(batch, channels, size, size)``, normalised by the recipe. labels: int64 ``(batch,)``. masks: int64 ``(batch, size, size)`` or None."""

    images: Tensor
    labels: Tensor
    masks: Tensor | None = None

    def __len__(self) -> int:
        return self.images.shape[0]


def build_optimizer(recipe: Optimizer, parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    """The recipe's optimizer over those of ``parameters`` that train."""
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    lr, decay = recipe.learning_rate, recipe.weight_decay
    match recipe.name:
        case "adam":
            return torch.optim.Adam(trainable, lr, recipe.betas, weight_decay=decay)
        case "adamw":
            return torch.optim.AdamW(trainable, lr, recipe.betas, weight_decay=decay)
        case "sgd":
            return torch.optim.SGD(trainable, lr, recipe.momentum, weight_decay=decay)
        case "rmsprop":
            return torch.optim.RMSprop(trainable, lr, weight_decay=decay, momentum=recipe.momentum)


class Network(nn.Module):
    """What the loop trains. A subclass takes ``(problem, **params)``, keeps the problem, and defines its layers."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Pairs (optimizer name, scalar loss), one at a time: the loop steps that optimizer before it asks for the next."""
        raise NotImplementedError

    def optimizers(self, recipe: Recipe) -> dict[str, torch.optim.Optimizer]:
        """Optimizers by the names that ``losses`` uses."""
        return {"loss": build_optimizer(recipe.optimizer, self.parameters())}


class Classifier(Network):
    """``forward``: images -> logits ``(batch, classes)``."""

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the logits, in float32."""
        yield "loss", F.cross_entropy(self(batch.images).float(), batch.labels)


class Segmenter(Network):
    """``forward``: images -> logits ``(batch, 1 + foreground classes, size, size)``; channel 0 is the background."""

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Mean cross-entropy over pixels, in float32."""
        assert batch.masks is not None
        yield "loss", F.cross_entropy(self(batch.images).float(), batch.masks)


class Generator(Network):
    """Makes images from a latent: writes ``losses``, ``optimizers`` and ``sample``."""

    def sample(self, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:
        """``n`` images, float32 ``(n, channels, size, size)`` in the recipe's normalisation, on the model's device.

        labels: int64 ``(n,)``; an unconditional generator ignores them. rng: a CPU generator and the only source of randomness.
        """
        raise NotImplementedError
