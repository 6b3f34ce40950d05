"""Cheng's slices, from the official archives or from their conversion to pictures."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from tumorbench import BadInput, Dataset, Sample
from tumorbench_datasets.figshare_folds import FOLDS, read_folds
from tumorbench_datasets.figshare_mat import ARCHIVES, MatArchives, MatFiles, mat_files
from tumorbench_datasets.layout import absent, folders

__all__ = ["ConvertedPictures", "base_id", "open_figshare3064"]

ARTICLE = "1512427"  # what figshare calls a download of everything


def open_figshare3064(root: Path) -> Dataset:
    """The reader for the layout that ``root`` holds, or the only folder up to two levels below it that holds one.

    In one folder the pictures come first (where there is a metadata.csv), then the archives, then ``.mat`` files.
    """
    for level in folders(root):
        found = [reader for folder in level if (reader := _reader(folder, root))]
        if len(found) > 1:
            return _Nothing(root, [reader.root for reader in found])
        if found:
            return found[0]
    return _Nothing(root, [])


def _reader(folder: Path, root: Path) -> Dataset | None:
    """The reader for what lies in that very folder; None where it is nothing of this data set."""
    if (folder / "metadata.csv").exists() or (folder == root and (folder / "images").is_dir()):
        return ConvertedPictures(folder)
    if any((folder / name).exists() for name in ARCHIVES):
        return MatArchives(folder, base_id)
    return MatFiles(folder, base_id) if mat_files(folder) else None


def base_id(pid: str) -> str:
    """The patient ID without its letter suffix: IDs that differ by it only may be one person.

    >>> base_id("MR040240B"), base_id("MR040240"), base_id("100360")
    ('MR040240', 'MR040240', '100360')
    """
    return re.sub(r"(?<=\d)[A-Za-z]$", "", pid)


class _Nothing(Dataset):
    """The data set where nothing of it is on disk, or where it is there more than once."""

    def __init__(self, root: Path, places: list[Path]) -> None:
        super().__init__(root)
        self.places = places

    def samples(self) -> Sequence[Sample]:
        """Nothing. Raises: Unavailable; BadInput where it is there more than once."""
        if self.places:
            both = " and ".join(map(str, self.places))
            raise BadInput(f"figshare3064 is in {self.root} more than once: {both}; keep one of them")
        expected = f"{', '.join(ARCHIVES)}, as downloaded,"
        above = self.root.parent.is_dir() and _reader(self.root.parent, self.root) is not None
        raise absent("figshare3064", self.root, expected, (ARTICLE,), above=above)


class ConvertedPictures(Dataset):
    """``images/N.jpg``, ``masks/N.png`` and ``metadata.csv`` (image, label 1-3, label_name, pid, pid_group, cv_fold 1-5 or none)."""

    def samples(self) -> Sequence[Sample]:
        """Every row of metadata.csv, by slice number. Raises: BadInput where the table or a picture that it names is missing."""
        table = self.root / "metadata.csv"
        if not table.is_file():
            raise BadInput(f"{table} is missing, so labels and patients are unknown; {self._mend()}")
        folds = read_folds(self.root)
        try:
            with table.open(newline="", encoding="utf-8") as rows:
                listed = [_row_to_sample(row, folds) for row in csv.DictReader(rows)]
        except (KeyError, TypeError, ValueError, OSError, csv.Error) as error:
            raise BadInput(
                f"{table} cannot be read ({type(error).__name__}: {error}); its columns are image, label, pid, pid_group and cv_fold"
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

    def _mend(self) -> str:
        """What helps here: a fetch brings the official archives, which are not read while anything converted lies beside them."""
        return f"complete the converted folder, or move {self.root} away and have the four official zips there: tumorbench data fetch figshare3064"


def _row_to_sample(row: dict[str, str], folds: Sequence[int]) -> Sample:
    """folds: of ``cvind.mat``, for a table without the column."""
    number, label = int(row["image"]), int(row["label"])
    if label not in (1, 2, 3):
        raise ValueError(f"label {label} of image {number} is not 1, 2 or 3")
    if not 0 < number < 1_000_000:  # noqa: PLR2004 - 3,064 are published
        raise ValueError(f"image {number} is not a number of a slice")
    if "cv_fold" in row:
        fold = int(row["cv_fold"]) - 1
        if not 0 <= fold < FOLDS:
            raise ValueError(f"cv_fold {row['cv_fold']} of image {number} is not one of 1 to {FOLDS}")
    else:
        fold = folds[number - 1] if number <= len(folds) else None
    return Sample(
        str(number),
        label - 1,
        f"images/{number}.jpg",
        f"masks/{number}.png",
        patient=row["pid"],
        group=row["pid_group"],
        fold=fold,
    )
