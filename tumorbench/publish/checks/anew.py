"""``verify --data``: a record's split, labels and leakage made anew from the data, and generated images scored again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorbench import tasks
from tumorbench.contracts.cell import CellIdentity, cell_key
from tumorbench.contracts.known import KnownSplit
from tumorbench.contracts.record import Record
from tumorbench.errors import TumorbenchError, one_line
from tumorbench.publish.checks.facts import Level, Listed, Unknown
from tumorbench.publish.checks.listing import known_split
from tumorbench.publish.checks.scores import differences, instrument_name
from tumorbench.publish.checks.tables import ID, read_table
from tumorbench.publish.contents import store_of
from tumorbench.run.context import Context
from tumorbench.run.lineage import pretraining_seen
from tumorbench.store import PREDICTIONS, Store, file_sha256
from tumorbench.tables.stored import read_stored
from tumorbench.tasks.base import ScoringInput
from tumorbench.tasks.cell import Cell
from tumorbench.tasks.outlines import Outlines, differing
from tumorbench.tasks.predictions import pixels_of

__all__ = ["IMAGES", "PRETRAINING", "FromData"]

PRETRAINING = "what its pre-training has seen of its test slices"
OUTLINES = ("surfaces", "lesions")  # columns of a table of masks
IMAGES = "its numbers, which are of generated images"
FEATURES = 1e-3  # by which, of the value's size, features on another device may move a number


@dataclass(slots=True)
class FromData:
    """The data sets on this machine, in which every split is made anew; for sets that are not here, what cards list.

    context: whose store is empty, so that no stored split is believed. samples: stores that have the images of the
    generators, which are not published.
    """

    context: Context
    samples: tuple[Store, ...]
    _cells: dict[str, Cell | Unknown] = field(default_factory=dict)

    def of(self, identity: CellIdentity) -> KnownSplit | Unknown:
        """The split as the data give it; as the card lists it where the data are not here."""
        cell = self.cell(identity)
        if isinstance(cell, Unknown):
            return cell if cell.refused else Listed(self.context.registry).of(identity)
        return known_split(cell.split, cell.dataset.samples)

    def level(self, identity: CellIdentity) -> Level:
        """With data, where they are here."""
        return "with data" if isinstance(self.cell(identity), Cell) else "verified"

    def cell(self, identity: CellIdentity) -> Cell | Unknown:
        """The cell that the identity names, made from the data."""
        key = cell_key(identity)
        if key not in self._cells:
            self._cells[key] = self._made(identity)
        return self._cells[key]

    def _made(self, identity: CellIdentity) -> Cell | Unknown:
        wanted = {identity.dataset: identity.dataset_fingerprint}
        wanted |= {each.dataset: each.fingerprint for each in (identity.trained_on, identity.leaves_out) if each}
        try:
            for name, fingerprint in wanted.items():
                here = self.context.decode(self.context.registry.dataset(name)).fingerprint
                if here != fingerprint:
                    return Unknown(f"its data: {name} is another copy here, {here[:12]} and not {fingerprint[:12]}")
        except TumorbenchError as reason:
            return Unknown(f"its data: {reason}")
        try:
            return self.context.cell(identity, "fp32")
        except TumorbenchError as reason:
            return Unknown(str(reason), refused=True)

    def check(self, path: Path, record: Record) -> tuple[list[str], list[str]]:
        """(what is wrong with the record's masks or generated images, what of them cannot be checked here)."""
        cell = self.cell(record.identity)
        if isinstance(cell, Unknown):
            return [], [] if cell.refused else [cell.reason]
        faults, left_open = self._check_pretraining(path, record, cell)
        if tasks.of(record.identity).scored_from_table:
            return [*faults, *_check_masks(path, record, cell)], left_open
        more, open_too = self._check_images(path, record, cell)
        return [*faults, *more], [*left_open, *open_too]

    def _check_pretraining(self, path: Path, record: Record, cell: Cell) -> tuple[list[str], list[str]]:
        """What the weights that the cell starts from have seen of its test slices is what the record says."""
        key, store = record.identity.starts_from, store_of(path)
        if key is None:
            return [], []
        while key is not None and store is not None and (found := store.by_key(key)):
            self.context.store.write(found[1])  # where the context looks for it, and no split of that store is
            key = found[1].identity.starts_from
        seen, said = pretraining_seen(cell, self.context), record.leakage and record.leakage.pretraining_test_images
        if seen is None or said is None:
            return [], [
                f"{PRETRAINING}: the record of the cell that it starts from is not here, or it was not measured"
            ]
        return [f"its pre-training has seen {seen} of its test slices, and it says {said}"] if said != seen else [], []

    def _check_images(self, path: Path, record: Record, cell: Cell) -> tuple[list[str], list[str]]:
        """The generator's images, which a store has, give the record's numbers."""
        file, task = self._images(path, record), tasks.of(record.identity)
        if file is None:
            return [], [
                f"{IMAGES}: no file in {self.samples[0].root} is the one that it names; give its store with --store"
            ]
        try:
            asked = [(each.metric, each.extractor) for each in record.instruments]
            scores = task.score(read_stored(file), ScoringInput.of_cell(cell, self.context.tools(), only=asked))
        except Exception as error:  # noqa: BLE001 - of images that are none, or a stranger's metric
            return [f"its images cannot be scored again: {one_line(error)}"], []
        failed = {(each.metric, each.extractor) for each in record.instruments if each.reason}
        silent = [each for each in scores.instruments if each.reason and (each.metric, each.extractor) not in failed]
        left_out = {instrument_name(each): each.reason for each in silent}
        left_out |= dict.fromkeys(task.unchecked(record, self.context.registry), "no installed plugin has it")
        faults = list(differences(record, scores, left_out, FEATURES))
        return faults, [f"{IMAGES}: {name}: {reason}" for name, reason in left_out.items()]

    def _images(self, path: Path, record: Record) -> Path | None:
        """The file of the images that the record names: beside it, or in the store of the samples."""
        named = next((each.sha256 for each in record.artifacts if each.path == PREDICTIONS), None)
        folders = path.parent, *(each.cell_folder(record.identity, record.cell_key) for each in self.samples)
        files = [folder / PREDICTIONS for folder in folders]
        return next((file for file in files if file.is_file() and file_sha256(file) == named), None)


def _check_masks(path: Path, record: Record, cell: Cell) -> Iterator[str]:
    """The stored masks, beside the data set's own, give the stored confusions and distances, where sizes agree."""
    table = read_table(path, record, {ID, "confusion", "mask_png", *OUTLINES})
    if table is None or not {"confusion", "mask_png"} <= set(table):
        return
    place = {sample.id: index for index, sample in enumerate(cell.dataset.samples)}
    nothing: list[None] = [None] * len(table)
    outlines = [table[name] for name in OUTLINES] if set(OUTLINES) <= set(table) else [nothing] * len(OUTLINES)
    wrong = {"a confusion": 0, "distances or lesions": 0}
    rows = zip(table[ID], table["mask_png"], table["confusion"], *outlines, strict=True)
    for name, png, confusion, surfaces, lesions in rows:
        both = _masks(place[name], pixels_of(png), cell) if name in place else None
        if both is not None:
            wrong["a confusion"] += _unlike(confusion, *both)
            wrong["distances or lesions"] += surfaces is not None and differing(surfaces, lesions, Outlines.of(*both))
    for what, number in wrong.items():
        if number:
            yield f"{PREDICTIONS} has in {number} rows {what} that its mask and the data set's do not give"


def _masks(index: int, predicted: NDArray[np.uint8], cell: Cell) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """The true and the predicted mask of a slice; None where they are not of one size."""
    true = cell.dataset.mask(index)
    if true is None:
        true = np.zeros_like(cell.dataset.image(index))
    if true.shape != predicted.shape:
        resized = cell.masks
        true = None if resized is None else np.asarray(resized[index])
    if true is None or true.shape != predicted.shape:
        return None
    if cell.identity.recipe.masks == "classes":
        true = ((true > 0) * (1 + cell.dataset.samples[index].label)).astype(np.uint8)
    return true, predicted


def _unlike(confusion: NDArray[np.int64], true: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> bool:
    from tumorbench.metrics.segmentation import pixel_confusions

    k = round(len(confusion) ** 0.5)
    return bool((pixel_confusions([true], [predicted], k)[0].ravel() != np.asarray(confusion)).any())
