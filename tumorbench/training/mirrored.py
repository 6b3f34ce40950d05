"""Test-time flips: what a network says of a slice and of its mirror images, as one answer."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tumorbench.contracts.families import Network, TransferClassifier
from tumorbench.contracts.recipe import Recipe
from tumorbench.errors import BadInput
from tumorbench.training.promises import logits_of

__all__ = ["mirrored"]

HEIGHT, WIDTH = 2, 3  # axes of images and of a segmenter's logits
MIRRORS: dict[str, tuple[tuple[int, ...], ...]] = {
    "horizontal": ((), (WIDTH,)),
    "both": ((), (WIDTH,), (HEIGHT,), (HEIGHT, WIDTH)),
}


def mirrored(network: Network, recipe: Recipe) -> Network:
    """The network as it predicts: itself, or where the recipe has ``test_time_flips`` the mean over the mirror images.

    Raises: BadInput for a frozen backbone, whose head is given features that cannot be mirrored.
    """
    if recipe.test_time_flips == "none":
        return network
    if isinstance(network, TransferClassifier):
        raise BadInput(
            f"{type(network).__name__} has a frozen backbone, whose features are computed once and cannot be mirrored; "
            "leave test_time_flips out of its recipe"
        )
    return _Mirrored(network, MIRRORS[recipe.test_time_flips])


class _Mirrored(Network):
    """``forward``: images -> logits, of which the softmax is the mean of those of the mirror images."""

    def __init__(self, network: Network, mirrors: tuple[tuple[int, ...], ...]) -> None:
        super().__init__(network.problem)
        self.network, self.mirrors = network, mirrors

    def forward(self, images: Tensor) -> Tensor:
        """float32, whatever the network computes in."""
        found = []
        for axes in self.mirrors:
            logits = logits_of(self.network, images.flip(axes) if axes else images).float().log_softmax(1)
            found.append(logits.flip(axes) if axes and logits.ndim == images.ndim else logits)
        return torch.stack(found).logsumexp(0) - math.log(len(found))
