"""One cell where it is computed: what it is, what it works on, and what is at hand there. Light: imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.cell import CellIdentity, cell_key
from tumorbench.contracts.recipe import Recipe
from tumorbench.data.decode import Decoded
from tumorbench.data.split import Split
from tumorbench.registry import Registry

__all__ = ["Cell", "Tools"]


@dataclass(frozen=True, slots=True)
class Cell:
    """What was asked for, with the data set, split and card that it names. precision: in which it is computed."""

    identity: CellIdentity
    model: ModelSpec
    dataset: Decoded
    split: Split
    precision: Literal["fp32", "bf16"] = "fp32"

    @property
    def key(self) -> str:
        """The cell's key."""
        return cell_key(self.identity)

    @property
    def recipe(self) -> Recipe:
        """The recipe as it is computed here: its precision is resolved."""
        return self.identity.recipe.model_copy(update={"precision": self.precision})

    @property
    def labels(self) -> NDArray[np.int64]:
        """The label of every sample of the data set, int64 ``(n,)``."""
        return np.array([sample.label for sample in self.dataset.samples], np.int64)

    @property
    def images(self) -> NDArray[np.uint8]:
        """Every slice of the data set as the recipe crops and sizes it, uint8 ``(n, size, size)``."""
        preprocessing = self.identity.recipe.preprocessing
        return self.dataset.images(preprocessing.size, preprocessing.crop)

    @property
    def masks(self) -> NDArray[np.uint8] | None:
        """The masks of these slices, uint8 ``(n, size, size)``; None where the data set has none."""
        preprocessing = self.identity.recipe.preprocessing
        return self.dataset.masks(preprocessing.size, preprocessing.crop)


@dataclass(frozen=True, slots=True)
class Tools:
    """What is at hand where a cell is computed: the installed plugins, the device, and files of weights."""

    registry: Registry
    device: Literal["cpu", "cuda"] = "cpu"
    weights: dict[str, Path] = field(default_factory=dict)  # what a recipe calls a given file -> the file
    progress: Callable[[str, int, int], None] | None = None  # what is being done, how many are done, how many there are
