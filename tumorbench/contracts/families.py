"""The three families of networks. One loop trains them all, because each says what its losses and optimizers are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench.contracts.backbone import load_backbone
from tumorbench.contracts.optimizers import build_optimizer
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Recipe
from tumorbench.errors import BadInput

__all__ = [
    "Batch",
    "Classifier",
    "Generator",
    "Mixed",
    "Network",
    "Segmenter",
    "TransferClassifier",
    "load_backbone",
    "pixel_cross_entropy",
]


@dataclass(slots=True)
class Mixed:
    """What a recipe's ``mixup`` mixed into a batch: image i is ``share[i]`` of its own and the rest of another.

    share: float32 ``(batch,)``, 0.5 to 1. labels, masks: those of the other images, as a batch's.
    """

    share: Tensor
    labels: Tensor
    masks: Tensor | None = None


@dataclass(slots=True)
class Batch:
    """What a step learns from.

    images: float32 ``(batch, channels, size, size)``, normalised by the recipe, or ``(batch, features)`` of a frozen
    backbone. labels: int64 ``(batch,)``. masks: int64 ``(batch, size, size)`` or None. mixed: None without mixup.
    """

    images: Tensor
    labels: Tensor
    masks: Tensor | None = None
    mixed: Mixed | None = None

    def __len__(self) -> int:
        return self.images.shape[0]

    def part(self, rows: slice) -> Batch:
        """The batch of those rows alone; its tensors are views."""
        mixed, masks = self.mixed, None if self.masks is None else self.masks[rows]
        if mixed is not None:
            others = None if mixed.masks is None else mixed.masks[rows]
            mixed = Mixed(mixed.share[rows], mixed.labels[rows], others)
        return Batch(self.images[rows], self.labels[rows], masks, mixed)


class Network(nn.Module):
    """What the loop trains. A subclass takes ``(problem, **params)``, keeps the problem, and defines its layers.

    compilable: the functions that a GPU may run compiled in training, by dotted names (``generator.forward``). What
    they return follows from tensors alone, and no gradient is taken of their gradients. label_smoothing: the recipe's,
    set by the harness; ``Classifier.cross_entropy`` heeds it.
    """

    compilable: ClassVar[tuple[str, ...]] = ()
    label_smoothing: float = 0.0

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem
        self.observed: dict[
            str, Tensor
        ] = {}  # what ``losses`` wants in the history beside its losses: detached scalars, averaged over the epoch

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Pairs (optimizer name, scalar loss), one at a time: the loop steps that optimizer before it asks for the next."""
        raise NotImplementedError

    def optimizers(self, recipe: Recipe) -> dict[str, torch.optim.Optimizer]:
        """Optimizers by the names that ``losses`` uses."""
        return {"loss": build_optimizer(recipe.optimizer, self.parameters())}

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Called before each epoch, the first being 1: for a schedule of its own, as layers frozen at first.

        epochs: as many as the budget runs, so that a schedule ends with a quick training and with a share of the full
        one.
        """

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """The network starts from ``weights``: what the recipe's ``pretrained`` names. Raises: BadInput where they do not fit."""
        raise BadInput(
            f"{type(self).__name__} takes no pretrained weights ({len(weights)} tensors given); leave --weights out, or mend its recipe"
        )

    def trained_state(self) -> dict[str, Tensor]:
        """What training may change: all that a checkpoint has to hold."""
        return self.state_dict()

    def load_trained_state(self, state: Mapping[str, Tensor]) -> None:
        """The network holds ``state``, as ``trained_state`` gave it."""
        self.load_state_dict(state)


class Classifier(Network):
    """``forward``: images -> logits ``(batch, classes)``."""

    compilable: ClassVar[tuple[str, ...]] = ("forward",)

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the logits."""
        yield "loss", self.cross_entropy(self(batch.images), batch)

    def cross_entropy(self, logits: Tensor, batch: Batch) -> Tensor:
        """The mean cross-entropy of a batch's logits in float32, under the recipe's label smoothing and mixup."""
        logits, smoothing = logits.float(), self.label_smoothing
        if batch.mixed is None:
            return F.cross_entropy(logits, batch.labels, label_smoothing=smoothing)
        own, other = (
            F.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
            for labels in (batch.labels, batch.mixed.labels)
        )
        return torch.lerp(other, own, batch.mixed.share).mean()


class TransferClassifier(Classifier):
    """A ``backbone`` that does not train (images -> features ``(batch, features)``) under a ``head`` that does (features -> logits).

    The harness computes the features once for each data set and view, and trains the head on them.
    """

    compilable = ()

    def __init__(self, problem: Problem, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__(problem)
        self.backbone = backbone.requires_grad_(requires_grad=False)
        self.head = head

    def train(self, mode: bool = True) -> TransferClassifier:
        """The head trains; the backbone's norms keep their statistics."""
        super().train(mode)
        self.backbone.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, classes)`` of images ``(batch, channels, size, size)``, or of their features ``(batch, features)``."""
        return self.head(images if images.ndim == 2 else self.backbone(images))  # type: ignore[no-any-return]  # noqa: PLR2004 - batch and features

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """The backbone holds ``weights``."""
        load_backbone(self.backbone, weights)

    def trained_state(self) -> dict[str, Tensor]:
        """Everything but the backbone."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("backbone.")}

    def load_trained_state(self, state: Mapping[str, Tensor]) -> None:
        """The head holds ``state``; the backbone stays as it is."""
        self.load_state_dict({**self.state_dict(), **state})


class Segmenter(Network):
    """``forward``: images -> logits ``(batch, 1 + foreground classes, size, size)``; channel 0 is the background."""

    compilable = ("forward",)

    def losses(self, batch: Batch) -> Iterator[tuple[str, Tensor]]:
        """Mean cross-entropy over pixels, in float32."""
        assert batch.masks is not None
        yield "loss", pixel_cross_entropy(self(batch.images), batch.masks).mean()


def pixel_cross_entropy(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy of each pixel, float32 ``(batch, size, size)``. Not reduced here: CUDA has no deterministic kernel that sums over pixels as it goes."""
    return F.cross_entropy(logits.float(), masks, reduction="none")


class Generator(Network):
    """Makes images from a latent: writes ``losses``, ``optimizers`` and ``sample``."""

    def sample(self, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:
        """``n`` images, float32 ``(n, channels, size, size)`` in the recipe's normalisation, on the model's device.

        labels: int64 ``(n,)``; an unconditional generator ignores them. rng: a CPU generator and the only source of randomness.
        """
        raise NotImplementedError

    def validation(self, batch: Batch) -> dict[str, Tensor]:  # noqa: ARG002 - for those that have a loss on held-out images
        """Scalars on a batch of held-out real images, which enter the history as ``val_NAME``; empty for a model that has none."""
        return {}

    def reconstruct(self, batch: Batch) -> Tensor | None:  # noqa: ARG002 - for autoencoders
        """The batch's images as the model gives them back, ``(batch, channels, size, size)``; None for a model that cannot."""
        return None
