"""What a trial is given of a data set: files with its training and validation slices.

The test part is in none of them.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.contracts.cell import CellIdentity, canonical_json
from tumorbench.contracts.dataset import Sample
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.problem import Protocol
from tumorbench.contracts.recipe import Crop
from tumorbench.data.decode import Decoded
from tumorbench.data.kinship import Kinship
from tumorbench.data.split import Split
from tumorbench.errors import BadInput
from tumorbench.store import read_json, write_json
from tumorbench.tasks.cell import Cell

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WithoutTest", "read_material", "write_material"]

INDEX, IMAGES, MASKS = "material.json", "images.npy", "masks.npy"
PARTS = ("train", "val")  # in the order of their slices


@dataclass(frozen=True)
class WithoutTest(Decoded):
    """The training and validation slices of a data set, at one size and crop. It knows of no other slice."""

    size: int
    crop: Crop
    folder: Path

    def images(self, size: int, crop: Crop = "none") -> NDArray[np.uint8]:
        """Every slice, uint8 ``(n, size, size)``. Raises: BadInput for another size or crop."""
        self._require(size, crop)
        return np.load(self.folder / IMAGES, mmap_mode="r")  # type: ignore[no-any-return]

    def masks(self, size: int, crop: Crop = "none") -> NDArray[np.uint8] | None:
        """Every mask, uint8 ``(n, size, size)``; None where the data set has none. Raises: as ``images``."""
        self._require(size, crop)
        path = self.folder / MASKS
        return np.load(path, mmap_mode="r") if path.exists() else None

    def image(self, index: int) -> NDArray[np.uint8]:
        """Raises: BadInput: a trial has no slice at its native size."""
        raise BadInput(f"a trial has slices of {self.size} pixels alone, and slice {index} is asked for at its own")

    def mask(self, index: int) -> NDArray[np.uint8] | None:
        """Raises: as ``image``."""
        return self.image(index)

    def _require(self, size: int, crop: Crop) -> None:
        if (size, crop) != (self.size, self.crop):
            raise BadInput(
                f"a trial has slices of {self.size} pixels, crop {self.crop}, not {size} pixels, crop {crop}"
            )


def write_material(cell: Cell, folder: Path) -> None:
    """The folder holds what a trial of the cell is given; what is there already stays."""
    if (folder / INDEX).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    kept = np.concatenate([getattr(cell.split, part) for part in PARTS])
    preprocessing, masks = cell.identity.recipe.preprocessing, cell.masks
    for name, arrays in ((IMAGES, cell.images), (MASKS, masks)):
        if arrays is not None:
            with written_whole(folder / name) as file:
                np.save(file, np.asarray(arrays[kept]))
    digest = hashlib.sha256(canonical_json([cell.dataset.fingerprint, kept.tolist()])).hexdigest()
    content = {
        "samples": [asdict(replace(cell.dataset.samples[index], image="", mask=None)) for index in kept.tolist()],
        "sizes": {part: len(getattr(cell.split, part)) for part in PARTS},
        "fingerprint": digest,
        "size": preprocessing.size,
        "crop": preprocessing.crop,
    }
    write_json(folder / INDEX, content)


def read_material(folder: Path, spec: DatasetSpec, identity: CellIdentity) -> tuple[WithoutTest, Split]:
    """The data set that a trial sees, and its split, whose test part is empty.

    Raises: BadInput where it is not there.
    """
    content = read_json(folder / INDEX)
    samples = tuple(Sample(**each) for each in content["samples"])
    known = {"size": int(content["size"]), "crop": content["crop"], "folder": folder}
    dataset = WithoutTest(spec, samples, (), content["fingerprint"], folder, **known)
    return dataset, _split(samples, content["sizes"], identity.protocol, identity.fold)


def _split(samples: tuple[Sample, ...], sizes: dict[str, int], protocol: Protocol, fold: int) -> Split:
    numbers = np.arange(len(samples), dtype=np.int64)
    train, val = numbers[: sizes["train"]], numbers[sizes["train"] :]
    kin = Kinship.of(samples, [sample.id for sample in samples])
    return Split(protocol, fold, train, val, numbers[:0], kin)
