"""Where a command works: what is installed, the data, the store and the device."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tumorbench import hardware
from tumorbench.contracts.cards import DatasetSpec, ModelSpec, SplitRule
from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.problem import TSTR_SPLITS, Protocol
from tumorbench.data import split
from tumorbench.data.decode import Decoded, Progress, decode
from tumorbench.data.locations import cache_root
from tumorbench.errors import BadInput
from tumorbench.registry import Registry
from tumorbench.store import Store, read_json, write_json
from tumorbench.tasks.cell import Cell, Tools

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
    splits: dict[str, split.Split] = field(default_factory=dict)

    def tools(self) -> Tools:
        """What is at hand where a cell is computed."""
        return Tools(self.registry, self.device, self.weights, self.progress)

    def decode(self, spec: DatasetSpec) -> Decoded:
        """The data set, decoded. Raises: Unavailable or BadInput, as ``data.decode``."""
        if spec.id not in self.decoded:
            cache = cache_root() / "decoded"
            self.decoded[spec.id] = decode(spec, self.data_root, cache, self.progress)
        return self.decoded[spec.id]

    def split(self, dataset: Decoded, model: ModelSpec, protocol: Protocol, fold: int) -> split.Split:
        """The split as the store has it, else made now and not yet stored. protocol: one that splits, as ``grouped``.

        Raises: BadInput, naming the data set, where it cannot be split so, or where the stored split was changed.
        """
        key, path, rule = self._split_place(dataset, model, protocol, fold)
        if key not in self.splits:
            pixels = [where.pixels for where in dataset.slices]
            try:
                if path.exists():
                    found = split.from_ids(read_json(path), dataset.samples, pixels, protocol, fold)
                else:
                    found = split.make_split(dataset.samples, dataset.spec.classes, pixels, protocol, fold, rule)
            except BadInput as error:
                raise BadInput(f"{dataset.spec.id}, protocol {protocol}: {error}") from None
            self.splits[key] = found
        return self.splits[key]

    def keep_split(self, dataset: Decoded, model: ModelSpec, protocol: Protocol, fold: int) -> None:
        """The split lies in the store."""
        _, path, _ = self._split_place(dataset, model, protocol, fold)
        if not path.exists():
            write_json(path, self.split(dataset, model, protocol, fold).to_store(dataset.samples))

    def cell(self, identity: CellIdentity, precision: Literal["fp32", "bf16"] | None = None) -> Cell:
        """The cell with the data set, split and card that its identity names. precision: None resolves the declared one.

        Raises: BadInput where one of them is not here what it was where the identity was made; Unavailable where the
        data are not here.
        """
        model = self.registry.model(identity.model)
        if model.version != identity.model_version:
            raise BadInput(
                f"{identity.model} is version {model.version} here, and version {identity.model_version} is asked for; "
                "install the same plugins where jobs are made and where they run"
            )
        recipe = model.recipe.model_copy(update={"pretrained": identity.recipe.pretrained})
        model = model.model_copy(update={"recipe": recipe})
        dataset = self.decode(self.registry.dataset(identity.dataset))
        _same(identity.dataset_fingerprint, dataset.fingerprint, f"the data set {identity.dataset}")
        protocol = TSTR_SPLITS.get(identity.protocol, identity.protocol)
        found = self.split(dataset, model, protocol, identity.fold)
        here = found.fingerprint(dataset.samples)
        _same(identity.split_fingerprint, here, f"the split of {identity.dataset}, {protocol} fold {identity.fold},")
        resolved = precision or hardware.resolve_precision(identity.recipe.precision, self.device)
        return Cell(identity, model, dataset, found, resolved)

    def _split_place(
        self, dataset: Decoded, model: ModelSpec, protocol: Protocol, fold: int
    ) -> tuple[str, Path, SplitRule | None]:
        """(key, path, rule) of the split; only ``paper`` splits by a rule of the model's card."""
        rule = model.paper.splits.get(dataset.spec.id) if protocol == "paper" else None
        key = split.split_key(dataset.fingerprint, protocol, fold, rule)
        return key, self.store.split_path(dataset.spec.id, f"{protocol}-fold{fold}-{key[:12]}"), rule


def _same(asked: str, here: str, what: str) -> None:
    if asked != here:
        raise BadInput(f"{what} is not the one that is asked for: its fingerprint is {here[:12]}, not {asked[:12]}")
