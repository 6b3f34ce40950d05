"""Where a command works: what is installed, the data, the store and the device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tumorbench import hardware
from tumorbench.contracts.cards import DatasetSpec, ModelSpec, SplitRule
from tumorbench.contracts.cell import CellIdentity, OtherSet, canonical_json
from tumorbench.contracts.evaluated import card_of
from tumorbench.contracts.problem import TSTR_SPLITS, Protocol
from tumorbench.contracts.record import TakenOut
from tumorbench.data import split
from tumorbench.data.decode import Decoded, Progress, decode
from tumorbench.data.external import Joined, across, external_split, join, related, without
from tumorbench.data.kinship import Kinship, kinship
from tumorbench.data.locations import cache_root
from tumorbench.data.split import Split
from tumorbench.errors import BadInput
from tumorbench.registry import Registry
from tumorbench.store import Store, read_json, write_json
from tumorbench.tasks.cell import Cell, Tools

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Context"]


@dataclass(slots=True)
class Context:
    """What a command works with. A data set is decoded once, a split is made once; both are kept."""

    registry: Registry
    store: Store
    data_root: Path
    device: Literal["cpu", "cuda"] = "cpu"
    progress: Progress | None = None
    judge: str | None = None  # the classifier that ``tstr`` trains, where it is not the first that says it judges
    given_weights: Path | None = None  # the file of --weights, for the one model that starts from it
    weights: dict[str, Path] = field(default_factory=dict)  # what a recipe calls a given file -> the file
    decoded: dict[str, Decoded] = field(default_factory=dict)
    kin: dict[str, Kinship] = field(default_factory=dict)  # by the fingerprints of the set, or of two
    splits: dict[str, Split] = field(default_factory=dict)

    def tools(self) -> Tools:
        """What is at hand where a cell is computed."""
        return Tools(self.registry, self.device, self.weights, self.progress)

    def decode(self, spec: DatasetSpec) -> Decoded:
        """The data set, decoded. Raises: Unavailable or BadInput, as ``data.decode``."""
        if spec.id not in self.decoded:
            cache = cache_root() / "decoded"
            self.decoded[spec.id] = decode(spec, self.data_root, cache, self.progress)
        return self.decoded[spec.id]

    def kinship(self, dataset: Decoded) -> Kinship:
        """How the slices of the data set belong together."""
        if dataset.fingerprint not in self.kin:
            if isinstance(dataset, Joined):
                self.kin[dataset.fingerprint] = self.across(dataset.tested, dataset.learned)
            else:
                self.kin[dataset.fingerprint] = kinship(dataset)
        return self.kin[dataset.fingerprint]

    def across(self, tested: Decoded, learned: Decoded) -> Kinship:
        """How the slices of two data sets belong together, as ``data.external.across``."""
        name = f"{tested.fingerprint} {learned.fingerprint}"
        if name not in self.kin:
            self.kin[name] = across(tested, learned, self.kinship(tested), self.kinship(learned))
        return self.kin[name]

    def split(
        self, dataset: Decoded, model: ModelSpec, protocol: Protocol, fold: int, leaves_out: Decoded | None = None
    ) -> Split:
        """The split as the store has it, else made now and not yet stored. protocol: one that splits, as ``grouped``.

        leaves_out: a data set; what matches the test part of its ``grouped`` fold is in no part of the split.
        Raises: BadInput, naming the data set, where it cannot be split so, or where the stored split was changed.
        """
        key, path, rule = self._split_place(dataset, model, protocol, fold, leaves_out)
        if key not in self.splits:
            try:
                if path.exists():
                    kin = self.kinship(dataset)
                    found = split.from_ids(read_json(path), dataset.samples, kin, protocol, fold)
                else:
                    found = self._made(dataset, model, protocol, fold, rule, leaves_out)
            except BadInput as error:
                raise BadInput(f"{dataset.spec.id}, protocol {protocol}: {error}") from None
            self.splits[key] = found
        return self.splits[key]

    def _made(
        self,
        dataset: Decoded,
        model: ModelSpec,
        protocol: Protocol,
        fold: int,
        rule: SplitRule | None,
        leaves_out: Decoded | None,
    ) -> Split:
        if isinstance(dataset, Joined):
            tested = self.split(dataset.tested, model, "grouped", fold).test
            return external_split(dataset, self.kinship(dataset), tested, fold)
        if leaves_out:
            whole = self.split(dataset, model, protocol, 0)
            return without(whole, self._left_out(dataset, model, fold, leaves_out), fold)
        return split.make_split(dataset.samples, dataset.spec.classes, self.kinship(dataset), protocol, fold, rule)

    def _left_out(self, dataset: Decoded, model: ModelSpec, fold: int, leaves_out: Decoded) -> NDArray[np.bool_]:
        """Of each slice of the data set whether it matches a test slice of the other one's ``grouped`` fold."""
        tested = self.split(leaves_out, model, "grouped", fold).test
        return related(self.across(leaves_out, dataset), tested, len(leaves_out.samples))

    def taken_out(self, cell: Cell) -> TakenOut | None:
        """What is in no part of the cell's split because it brings two data sets together; None where it does not."""
        dataset, fold, learned = cell.dataset, cell.identity.fold, len(cell.split.train) + len(cell.split.val)
        if isinstance(dataset, Joined):
            there = sum(sample.label >= 0 for sample in dataset.samples[len(dataset.tested.samples) :])
            tested = len(self.split(dataset.tested, cell.model, "grouped", fold).test)
            return TakenOut(training_slices=there - learned, test_slices=tested - len(cell.split.test))
        if cell.identity.leaves_out:
            whole = self.split(dataset, cell.model, cell.identity.protocol, 0)
            return TakenOut(training_slices=len(whole.train) + len(whole.val) - learned)
        return None

    def keep_split(self, cell: Cell) -> None:
        """The cell's split lies in the store."""
        identity = cell.identity
        protocol = TSTR_SPLITS.get(identity.protocol, identity.protocol)
        path = self._split_place(cell.dataset, cell.model, protocol, identity.fold, self._other(identity.leaves_out))[1]
        if not path.exists():
            write_json(path, cell.split.to_store(cell.dataset.samples))

    def cell(self, identity: CellIdentity, precision: Literal["fp32", "bf16"] | None = None) -> Cell:
        """The cell with the data set, split and card that its identity names. precision: None resolves the declared one.

        Raises: BadInput where one of them is not here what it was where the identity was made; Unavailable where the
        data are not here.
        """
        model = card_of(identity) if identity.origin == "evaluated" else self.registry.model(identity.model)
        if model.version != identity.model_version:
            raise BadInput(
                f"{identity.model} is version {model.version} here, and version {identity.model_version} is asked for; "
                "install the same plugins where jobs are made and where they run"
            )
        recipe = model.recipe.model_copy(update={"pretrained": identity.recipe.pretrained})
        model = model.model_copy(update={"recipe": recipe})
        dataset = self.decode(self.registry.dataset(identity.dataset))
        _same(identity.dataset_fingerprint, dataset.fingerprint, f"the data set {identity.dataset}")
        if (learned := self._other(identity.trained_on)) is not None:
            dataset = join(dataset, learned)
        protocol = TSTR_SPLITS.get(identity.protocol, identity.protocol)
        found = self.split(dataset, model, protocol, identity.fold, self._other(identity.leaves_out))
        here = found.fingerprint(dataset.samples)
        _same(identity.split_fingerprint, here, f"the split of {identity.dataset}, {protocol} fold {identity.fold},")
        resolved = precision or hardware.resolve_precision(identity.recipe.precision, self.device)
        return Cell(identity, model, dataset, found, resolved)

    def _other(self, named: OtherSet | None) -> Decoded | None:
        """The other data set that an identity names. Raises: as ``cell``."""
        if named is None:
            return None
        found = self.decode(self.registry.dataset(named.dataset))
        _same(named.fingerprint, found.fingerprint, f"the data set {named.dataset}")
        return found

    def _split_place(
        self, dataset: Decoded, model: ModelSpec, protocol: Protocol, fold: int, leaves_out: Decoded | None
    ) -> tuple[str, Path, SplitRule | None]:
        """(key, path, rule) of the split; only ``paper`` splits by a rule of the model's card."""
        rule = model.paper.splits.get(dataset.spec.id) if protocol == "paper" else None
        key = split.split_key(dataset.fingerprint, self.kinship(dataset), protocol, fold, rule)
        if leaves_out:
            both = self.across(leaves_out, dataset).digest
            key = hashlib.sha256(canonical_json([key, leaves_out.fingerprint, both])).hexdigest()
        return key, self.store.split_path(dataset.spec.id, f"{protocol}-fold{fold}-{key[:12]}"), rule


def _same(asked: str, here: str, what: str) -> None:
    if asked != here:
        raise BadInput(f"{what} is not the one that is asked for: its fingerprint is {here[:12]}, not {asked[:12]}")
