"""Data sets whose labels are folder names: the three Kaggle sets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from tumorbench import BadInput, Dataset, DatasetSpec, Sample
from tumorbench_datasets import cards
from tumorbench_datasets.layout import absent, child, describe, folders, same
from tumorbench_datasets.recovered import recovered

__all__ = ["ClassFolders", "Kaggle3264", "Kaggle7023", "Yesno253"]

PICTURES = {".jpg", ".jpeg", ".png"}  # compared in lower case: yesno253 has .JPG

Part = tuple[str, int, Literal["train", "test"] | None]
"""A published folder below the data set's (``Training/glioma``), its label and its split."""


class ClassFolders(Dataset):
    """One folder a class, in one folder a split where the set has an official one.

    Sample id: the published path below the data set's folder, whatever the folders are called here. They may differ from
    the published names by case, blanks, ``_`` and ``-``, and may lie up to two levels too deep. A class folder that is called
    ``glioma`` for ``glioma_tumor``, or the reverse, as the same classes are in another of these sets, is taken where every
    count is the published one.
    """

    card: DatasetSpec
    class_folders: tuple[str, ...]  # label order
    split_folders: tuple[tuple[str, Literal["train", "test"] | None], ...] = (("", None),)

    def samples(self) -> Sequence[Sample]:
        """Every picture of every class, sorted by id. Hidden files and what is no .jpg, .jpeg or .png are left out.

        Raises: Unavailable where no class folder is there; BadInput where one is missing or empty, or may be another's, and
        for a picture's name that is no file.
        """
        located = self._located()
        listed = {part: self._pictures(folder, part) for part, folder in located.items()}
        self._refuse_another_set(located, listed)
        return sorted((sample for each in listed.values() for sample in each), key=lambda sample: sample.id)

    def _parts(self) -> list[Part]:
        return [
            (f"{split_folder}/{class_folder}".removeprefix("/"), label, split)
            for split_folder, split in self.split_folders
            for label, class_folder in enumerate(self.class_folders)
        ]

    def _located(self) -> dict[Part, Path]:
        """Each part's folder. Raises: Unavailable where there is none; BadInput where some are missing, or the set is there twice."""
        incomplete: dict[Path, dict[Part, Path]] = {}
        for level in folders(self.root):
            found = {base: located for base in level if (located := self._below(base))}
            whole = [base for base, located in found.items() if len(located) == len(self._parts())]
            if len(whole) > 1:
                raise BadInput(
                    f"{self.card.id} is in {self.root} twice: {' and '.join(map(str, whole))}; keep one of them"
                )
            if whole:
                return found[whole[0]]
            incomplete |= found
        if not incomplete:
            raise self._absent()
        base, located = max(incomplete.items(), key=lambda each: len(each[1]))
        missing = [str(base / part[0]) for part in self._parts() if part not in located]
        places = {Path(path).parent for path in missing}
        there = "; ".join(f"{place} holds {describe(place) or 'nothing'}" for place in sorted(places) if place.is_dir())
        raise BadInput(
            f"{self.card.id} is incomplete: {', '.join(missing)} missing{f' ({there})' if there else ''}; rename or complete "
            f"what is there, or remove {self.root} and run: tumorbench data fetch {self.card.id}"
        )

    def _below(self, base: Path) -> dict[Part, Path]:
        """The folders of the parts that are there, where ``base`` is taken for the data set's folder."""
        located = {}
        for part in self._parts():
            folder: Path | None = base
            for name in part[0].split("/"):
                folder = child(folder, name) if folder else None
            if folder:
                located[part] = folder
        return located

    def _absent(self) -> Exception:
        slug = (self.card.source.kaggle or "").split("/")[1]
        expected = ", ".join(f"{name}/" for name, _, _ in self._parts())
        above = len(self._below(self.root.parent)) == len(self._parts()) if self.root.parent.is_dir() else False
        return absent(self.card.id, self.root, expected, (slug,), above=above)

    def _pictures(self, folder: Path, part: Part) -> list[Sample]:
        published, label, split = part
        below, known = folder.relative_to(self.root).as_posix(), recovered(self.card.id)
        listed = [
            Sample(own, label, image=f"{below}/{name}", split=split, recovered=known.get(own))
            for name in self._names(folder)
            for own in [f"{published}/{name}"]
        ]
        if not listed:
            others = describe(folder)
            raise BadInput(
                f"{self.card.id} is incomplete: {folder} holds no picture{f', but {others}' if others else ''}; remove "
                f"{self.root} and run: tumorbench data fetch {self.card.id}"
            )
        return listed

    def _names(self, folder: Path) -> Iterator[str]:
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            raise BadInput(f"{folder} cannot be listed ({error.strerror}); fix its permissions") from error
        for entry in entries:
            if entry.name.startswith(".") or Path(entry.name).suffix.lower() not in PICTURES:
                continue  # such as ._Y1.jpg of macOS, .DS_Store and Thumbs.db
            if not _is_file(entry):
                name = ascii(entry.name)[1:-1]
                raise BadInput(
                    f"{folder}/{name} is no file, but a folder, a pipe, a device or a broken link; remove it"
                )
            yield entry.name

    def _refuse_another_set(self, located: dict[Part, Path], listed: dict[Part, list[Sample]]) -> None:
        """True after the call: where class folders have the names of another set, the counts are those of this one."""
        other = {part: folder for part, folder in located.items() if same(folder.name) != same(part[0].split("/")[-1])}
        for (published, label, split), folder in other.items():
            due = self.card.counts[split or "all"][self.card.classes[label]]
            if any(
                len(each) != self.card.counts[own or "all"][self.card.classes[number]]
                for (_, number, own), each in listed.items()
            ):
                raise BadInput(
                    f"{self.card.id}: found {folder} with {len(listed[published, label, split])} pictures, where {published} "
                    f"with {due} is due; rename the folders if they are this data set, or move another one out of {self.root}"
                )


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a loop of links
        return False


class Kaggle7023(ClassFolders):
    """masoudnickparvar/brain-tumor-mri-dataset, version 1."""

    card = cards.KAGGLE7023
    class_folders = ("glioma", "meningioma", "notumor", "pituitary")
    split_folders = (("Training", "train"), ("Testing", "test"))


class Kaggle3264(ClassFolders):
    """sartajbhuvaji/brain-tumor-classification-mri."""

    card = cards.KAGGLE3264
    class_folders = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")
    split_folders = (("Training", "train"), ("Testing", "test"))


class Yesno253(ClassFolders):
    """navoneel/brain-mri-images-for-brain-tumor-detection; the download's second copy in ``brain_tumor_dataset`` is not read."""

    card = cards.YESNO253
    class_folders = ("no", "yes")
