"""Cheng's slices, from the official archives or from their conversion to pictures."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench import BadInput, Dataset, Sample, Unavailable
from tumorbench_datasets.figshare_mat import ARCHIVES, MatArchives

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ConvertedPictures", "base_id", "open_figshare3064"]


def open_figshare3064(root: Path) -> Dataset:
    """The reader for the layout that ``root`` holds: the pictures where there is a metadata.csv, else the archives."""
    if (root / "metadata.csv").exists() or (root / "images").is_dir():
        return ConvertedPictures(root)
    if any((root / name).exists() for name in ARCHIVES):
        return MatArchives(root, base_id)
    return _Absent(root)


def base_id(pid: str) -> str:
    """The patient ID without its letter suffix: IDs that differ by it only may be one person.

    >>> base_id("MR040240B"), base_id("MR040240"), base_id("100360")
    ('MR040240', 'MR040240', '100360')
    """
    return re.sub(r"(?<=\d)[A-Za-z]$", "", pid)


class _Absent(Dataset):
    """The data set where nothing of it is on disk."""

    def samples(self) -> Sequence[Sample]:
        """Nothing. Raises: Unavailable."""
        raise Unavailable(f"figshare3064 is not in {self.root}; fetch it with: tumorbench data fetch figshare3064")


class ConvertedPictures(Dataset):
    """``images/N.jpg``, ``masks/N.png`` and ``metadata.csv`` (image, label 1-3, label_name, pid, pid_group, cv_fold)."""

    def samples(self) -> Sequence[Sample]:
        """Every row of metadata.csv, by slice number. Raises: BadInput where the table or a picture that it names is missing."""
        table = self.root / "metadata.csv"
        if not table.exists():
            raise BadInput(f"{table} is missing, so labels and patients are unknown; {self._mend()}")
        try:
            with table.open(newline="", encoding="utf-8") as rows:
                listed = [_row_to_sample(row) for row in csv.DictReader(rows)]
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise BadInput(
                f"{table} cannot be read ({type(error).__name__}: {error}); its columns are image, label, pid and pid_group"
            ) from error
        present = {
            path.relative_to(self.root).as_posix()
            for folder in ("images", "masks")
            for path in (self.root / folder).glob("*")
        }
        named = [str(path) for sample in listed for path in (sample.image, sample.mask)]
        missing = [path for path in named if path not in present]
        if not listed:
            raise BadInput(f"{table} lists no slice; {self._mend()}")
        if missing:
            raise BadInput(
                f"figshare3064 is incomplete: {len(missing)} of the {len(named)} pictures that metadata.csv lists are missing in {self.root}, "
                f"the first is {missing[0]}; {self._mend()}"
            )
        return sorted(listed, key=lambda sample: int(sample.id))

    def read_mask(self, sample: Sample) -> np.ndarray | None:
        """The mask, 0 or 1. Raises: BadInput for a mask that is not the size of its image."""
        from PIL import Image

        mask = super().read_mask(sample)
        if mask is None:
            return None
        try:
            with Image.open(self.root / sample.image) as picture:  # the header only
                width, height = picture.size
        except OSError:
            return mask  # reading the image says what is wrong with it
        if mask.shape != (height, width):
            raise BadInput(
                f"{self.root / str(sample.mask)} is {mask.shape[1]}x{mask.shape[0]}, but its image {self.root / sample.image} is {width}x{height}; "
                "replace the mask by the one of its conversion"
            )
        return mask

    def _mend(self) -> str:
        """What helps here: a fetch brings the official archives, which are not read while anything converted lies beside them."""
        return f"complete the converted folder, or move {self.root} away and have the four official zips there: tumorbench data fetch figshare3064"


def _row_to_sample(row: dict[str, str]) -> Sample:
    number, label = int(row["image"]), int(row["label"])
    if label not in (1, 2, 3):
        raise ValueError(f"label {label} of image {number} is not 1, 2 or 3")
    return Sample(
        str(number),
        label - 1,
        f"images/{number}.jpg",
        f"masks/{number}.png",
        patient=row["pid"],
        group=row["pid_group"],
    )
