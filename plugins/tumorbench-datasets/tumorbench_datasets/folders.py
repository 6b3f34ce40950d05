"""Data sets whose labels are folder names: the three Kaggle sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from tumorbench import BadInput, Dataset, Sample, Unavailable

__all__ = ["ClassFolders", "Kaggle3264", "Kaggle7023", "Yesno253"]

PICTURES = {".jpg", ".jpeg", ".png"}  # compared in lower case: yesno253 has .JPG


class ClassFolders(Dataset):
    """One folder a class, in one folder a split where the set has an official one. Sample id: the path below the data set's folder."""

    id: str
    class_folders: tuple[str, ...]  # label order
    split_folders: tuple[tuple[str, Literal["train", "test"] | None], ...] = (("", None),)

    def samples(self) -> Sequence[Sample]:
        """Every picture of every class, sorted by id.

        Raises: Unavailable where no class folder is there; BadInput where one is missing or empty.
        """
        missing = [folder for folder, _, _ in self._folders() if not folder.is_dir()]
        if len(missing) == len(list(self._folders())):
            raise Unavailable(f"{self.id} is not in {self.root}; fetch it with: tumorbench data fetch {self.id}")
        if missing:
            raise BadInput(
                f"{self.id} is incomplete: {', '.join(map(str, missing))} missing; remove {self.root} and run: tumorbench data fetch {self.id}"
            )
        listed = [sample for folder, label, split in self._folders() for sample in self._pictures(folder, label, split)]
        return sorted(listed, key=lambda sample: sample.id)

    def _folders(self) -> Iterator[tuple[Path, int, Literal["train", "test"] | None]]:
        for split_folder, split in self.split_folders:
            for label, class_folder in enumerate(self.class_folders):
                yield self.root / split_folder / class_folder, label, split

    def _pictures(self, folder: Path, label: int, split: Literal["train", "test"] | None) -> list[Sample]:
        names = [path.relative_to(self.root).as_posix() for path in folder.iterdir() if path.suffix.lower() in PICTURES]
        if not names:
            raise BadInput(
                f"{self.id} is incomplete: {folder} holds no picture; remove {self.root} and run: tumorbench data fetch {self.id}"
            )
        return [Sample(name, label, image=name, split=split) for name in names]


class Kaggle7023(ClassFolders):
    """masoudnickparvar/brain-tumor-mri-dataset, version 1."""

    id = "kaggle7023"
    class_folders = ("glioma", "meningioma", "notumor", "pituitary")
    split_folders = (("Training", "train"), ("Testing", "test"))


class Kaggle3264(ClassFolders):
    """sartajbhuvaji/brain-tumor-classification-mri."""

    id = "kaggle3264"
    class_folders = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
    split_folders = (("Training", "train"), ("Testing", "test"))


class Yesno253(ClassFolders):
    """navoneel/brain-mri-images-for-brain-tumor-detection; the download's second copy in ``brain_tumor_dataset`` is not read."""

    id = "yesno253"
    class_folders = ("no", "yes")
