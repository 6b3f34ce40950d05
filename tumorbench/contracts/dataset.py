"""What a data set plugin writes: how its samples are listed and read. Decoding once, resizing, caching and splitting are core's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tumorbench.contracts.files import pictures
from tumorbench.contracts.files.pictures import read_grey

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Dataset", "Sample", "read_grey"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One slice.

    id: unique in its data set and the same on every machine.
    label: index into the card's classes.
    image, mask: paths relative to the data set's folder; ``archive.zip!/member`` inside an archive; "" where the slice is computed.
    patient: who it was, where that is known. group: what must not straddle a ``grouped`` split (default: the patient).
    recovered: who it was, where the set does not say it and a match with another set does.
    split: the data set's own train/test folder, where it has one.
    fold: which of the card's ``official_folds`` tests the slice, from 0, where the publication says it.
    """

    id: str
    label: int
    image: str
    mask: str | None = None
    patient: str | None = None
    group: str | None = None
    split: Literal["train", "test"] | None = None
    fold: int | None = None
    recovered: str | None = None


class Dataset:
    """A data set in one folder. A plugin writes ``samples`` and, unless its files are ordinary pictures, ``read_image``/``read_mask``."""

    mask_classes: tuple[str, ...] = ()  # of its card: core sets it where it opens the data set

    def __init__(self, root: Path) -> None:
        self.root = root

    def samples(self) -> Sequence[Sample]:
        """Every sample, in an order that is the same on every machine.

        Raises: Unavailable where the data set is not in ``root``; BadInput where it is there but incomplete.
        """
        raise NotImplementedError

    def read_image(self, sample: Sample) -> np.ndarray:
        """The slice as uint8 ``(height, width)``, 0 dark to 255 bright; how pictures of other kinds are scaled: ``read_grey``.

        Raises: BadInput for a file that cannot be decoded.
        """
        return read_grey(self.root / sample.image)

    def read_mask(self, sample: Sample) -> np.ndarray | None:
        """The mask as uint8 ``(height, width)``, 0 = background, the size of its image; None where the set has none.

        A file is read by the rule of ``pictures.read_mask``: two values, or those of the card's mask classes.
        Raises: BadInput for a file that is no such mask, with the values found.
        """
        if sample.mask is None:
            return None
        return pictures.read_mask(self.root / sample.mask, len(self.mask_classes))
