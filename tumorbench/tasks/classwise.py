"""An unconditional generator that is asked for classes: one network for each, trained on its slices alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest

import torch
from torch import Tensor, nn

from tumorbench.contracts.families import Generator
from tumorbench.contracts.problem import Problem
from tumorbench.data import batches

__all__ = ["Classwise", "named", "side_by_side"]

SHARED = ("epoch", "learning_rate")  # of a history's entry: the same for every class
SUMMED = "wall_s"


class Classwise(Generator):
    """Networks of one kind, in the order of ``problem.classes``: each trains for itself, together they sample."""

    def __init__(self, problem: Problem, networks: Iterable[nn.Module]) -> None:
        super().__init__(problem)
        self.networks = nn.ModuleList(networks)

    def of_classes(
        self, learned: Mapping[str, batches.Slices]
    ) -> Iterator[tuple[int, str, Generator, dict[str, batches.Slices]]]:
        """(label, class, its network, its slices by part of the split) of every class."""
        for label, (name, network) in enumerate(zip(self.problem.classes, self.networks, strict=True)):
            assert isinstance(network, Generator)
            yield label, name, network, {part: slices.of_class(label) for part, slices in learned.items()}

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """Every network starts from ``weights``."""
        for network in self.networks:
            network.load_pretrained(weights)  # type: ignore[operator]

    def sample(self, n: int, labels: Tensor, rng: torch.Generator) -> Tensor:
        """``n`` images, each by the network of its label."""
        found: dict[int, Tensor] = {}
        for label, network in enumerate(self.networks):
            rows = (labels == label).nonzero().flatten()
            if len(rows):
                sampled = network.sample(len(rows), labels[rows], rng)  # type: ignore[operator]
                found |= zip(rows.tolist(), sampled, strict=True)
        return torch.stack([found[row] for row in range(n)])


def named(entry: Mapping[str, float], name: str) -> dict[str, float]:
    """A history's entry whose values say of which class they are: ``generator/glioma``."""
    return {key if key in (*SHARED, SUMMED) else f"{key}/{name}": value for key, value in entry.items()}


def side_by_side(histories: Mapping[str, list[dict[str, float]]]) -> list[dict[str, float]]:
    """One history of the classes' histories: an entry an epoch, with the seconds of all classes."""
    found = []
    for entries in zip_longest(*histories.values()):
        merged: dict[str, float] = {}
        for name, entry in zip(histories, entries, strict=True):
            merged |= named(entry or {}, name)
        merged[SUMMED] = round(sum(entry[SUMMED] for entry in entries if entry), 3)
        found.append(merged)
    return found
