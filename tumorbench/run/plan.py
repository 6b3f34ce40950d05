"""What a selection means: every cell with its key, whether it is cached, and what is unavailable and why."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.contracts.cell import CellIdentity, cell_key
from tumorbench.contracts.problem import FOLDED, FOLDS, TSTR_SPLITS, Budget, Protocol
from tumorbench.contracts.record import Record
from tumorbench.data import decode, split
from tumorbench.errors import BadInput, TumorbenchError
from tumorbench.run.context import Bench
from tumorbench.run.identity import finished, identify
from tumorbench.store import Store, read_json, write_json
from tumorbench.training.pretrained import name_of_file

__all__ = ["Plan", "PlannedCell", "Selection", "budget_on", "expected_seconds", "make_plan"]

QUICK_FOLDS = (0,)  # of a protocol with folds, unless folds are named


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user asked for. Empty tuples mean: everything that fits."""

    everything: bool = False
    datasets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    protocols: tuple[Protocol, ...] = ()
    budget: Budget | None = None  # None: full on CUDA, quick elsewhere
    seeds: int = 1
    folds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One cell, ready to run. record: the finished one where it is cached."""

    dataset: decode.Decoded
    model: ModelSpec
    split: split.Split
    identity: CellIdentity
    key: str
    record: Record | None

    @property
    def status(self) -> Literal["cached", "to run"]:
        """Whether the store has its finished record."""
        return "cached" if self.record else "to run"


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells of a selection, and the data sets that it left out with the reason for each."""

    budget: Budget
    cells: list[PlannedCell]
    unavailable: dict[str, str]


def make_plan(selection: Selection, bench: Bench, announce: Callable[[], None] = lambda: None) -> Plan:
    """Every cell of the selection. Raises: BadInput for unknown names, and where nothing at all fits.

    announce: called when the selection is found to be sound, before the first data set is read.
    """
    if not (selection.everything or selection.datasets or selection.models):
        raise BadInput("nothing is selected; name data sets (-d) and models (-m), or give --all")
    if selection.seeds < 1:
        raise BadInput(f"--seeds {selection.seeds} runs nothing; give 1 or more")
    if outside := [fold for fold in selection.folds if not 0 <= fold < FOLDS]:
        raise BadInput(f"--fold {outside[0]} is not one of the {FOLDS} folds 0 to {FOLDS - 1}")
    budget = budget_on(bench.device, selection.budget)
    models = [bench.registry.model(name) for name in selection.models] or [
        model for model in bench.registry.models.values() if model.in_all != "never" or not selection.everything
    ]
    specs = [bench.registry.dataset(name) for name in selection.datasets] or list(bench.registry.datasets.values())
    if not any(model.task in spec.tasks and _protocols(selection, spec, model) for spec in specs for model in models):
        raise BadInput(_why_nothing(selection, specs, models))
    models = _with_weights(bench, models)
    announce()
    datasets, unavailable = _available(selection, bench)
    cells = [
        cell
        for dataset in datasets
        for model in models
        if model.task in dataset.spec.tasks and _belongs(selection, dataset.spec, model)
        for protocol in _protocols(selection, dataset.spec, model)
        for cell in _cells(bench, dataset, model, protocol, budget, selection)
    ]
    if not cells and not unavailable:
        raise BadInput(_why_nothing(selection, [dataset.spec for dataset in datasets], models))
    return Plan(budget, cells, unavailable)


def budget_on(device: str, asked: Budget | None) -> Budget:
    """The budget that was asked for, else the full one on CUDA and the quick one elsewhere."""
    return asked or ("full" if device == "cuda" else "quick")


def _with_weights(bench: Bench, models: list[ModelSpec]) -> list[ModelSpec]:
    """The models, of which one starts from the file that was given: the only one, or the only pretrained one. Raises: BadInput where that is not one."""
    if bench.weights is None:
        return models
    takers = [model.id for model in models if model.recipe.pretrained or len(models) == 1]
    if len(takers) != 1:
        raise BadInput(
            f"--weights {bench.weights} is for one pretrained model, and {len(takers)} are selected ({', '.join(sorted(takers)) or 'none'}); name it with -m"
        )
    name = name_of_file(bench.weights)
    bench.files[name] = bench.weights
    return [
        model.model_copy(update={"recipe": model.recipe.model_copy(update={"pretrained": name})})
        if model.id == takers[0]
        else model
        for model in models
    ]


def _available(selection: Selection, bench: Bench) -> tuple[list[decode.Decoded], dict[str, str]]:
    """The data sets that are here. One that is named but absent is an error; otherwise it is listed. Synthetic sets stand in only where no real one is here."""
    if selection.datasets:
        return [bench.decode(bench.registry.dataset(name)) for name in selection.datasets], {}
    real, unavailable = [], {}
    for spec in bench.registry.datasets.values():
        if not spec.synthetic:
            try:
                real.append(bench.decode(spec))
            except TumorbenchError as reason:
                unavailable[spec.id] = str(reason)
    return real or [bench.decode(spec) for spec in bench.registry.datasets.values() if spec.synthetic], unavailable


def _belongs(selection: Selection, dataset: DatasetSpec, model: ModelSpec) -> bool:
    """Whether --all runs the model on the data set: on the synthetic stand-in of a bare machine only what is quick to show."""
    stands_in = selection.everything and dataset.synthetic and not selection.datasets and not selection.models
    return model.in_all == "always" or not stands_in


def _protocols(selection: Selection, dataset: DatasetSpec, model: ModelSpec) -> list[Protocol]:
    paper, judged = dataset.id in model.paper.splits, model.task == "generation" and "classification" in dataset.tasks
    fits: dict[Protocol, bool] = {
        "grouped": True,
        "official": dataset.official_split,
        "paper": paper,
        "tstr": judged,
        "tstr-paper": judged and paper,
    }
    asked = selection.protocols or [protocol for protocol in get_args(Protocol) if protocol not in TSTR_SPLITS]
    return [protocol for protocol in asked if fits[protocol]]


def _cells(
    bench: Bench, dataset: decode.Decoded, model: ModelSpec, protocol: Protocol, budget: Budget, selection: Selection
) -> list[PlannedCell]:
    folds: Sequence[int] = (0,)
    if protocol in FOLDED:
        folds = selection.folds or (QUICK_FOLDS if budget == "quick" else range(FOLDS))
    cells = []
    for fold in folds:
        parts = _split(bench, dataset, model, TSTR_SPLITS.get(protocol, protocol), fold)
        for seed in range(selection.seeds):
            identity = identify(bench, dataset, model, protocol, parts, budget, seed)
            key = cell_key(identity)
            cells.append(PlannedCell(dataset, model, parts, identity, key, finished(bench, identity, key)))
    return cells


def _split(bench: Bench, dataset: decode.Decoded, model: ModelSpec, protocol: Protocol, fold: int) -> split.Split:
    """The split as the store has it, else made and stored. Raises: BadInput, naming the data set, where it cannot be split so."""
    spec, rule = dataset.spec, model.paper.splits.get(dataset.spec.id) if protocol == "paper" else None
    key = split.split_key(dataset.fingerprint, protocol, fold, rule)
    if key not in bench.splits:
        path = bench.store.split_path(spec.id, f"{protocol}-fold{fold}-{key[:12]}")
        pixels = [where.pixels for where in dataset.slices]
        try:
            if path.exists():
                bench.splits[key] = split.from_ids(read_json(path), dataset.samples, pixels, protocol, fold)
            else:
                bench.splits[key] = split.make_split(dataset.samples, spec.classes, pixels, protocol, fold, rule)
                write_json(path, bench.splits[key].to_store(dataset.samples))
        except BadInput as error:
            raise BadInput(f"{spec.id}, protocol {protocol}: {error}") from None
    return bench.splits[key]


def _why_nothing(selection: Selection, datasets: Sequence[DatasetSpec], models: Sequence[ModelSpec]) -> str:
    names = f"{', '.join(each.id for each in datasets) or 'no data set'} with {', '.join(each.id for each in models) or 'no model'}"
    if not any(model.task in dataset.tasks for dataset in datasets for model in models):
        return f"no cell fits {names}: no model has a task of the data set; see tumorbench list models"
    protocols = ", ".join(selection.protocols)
    return f"no cell fits {names} under protocol {protocols}: the source report used another data set, or the set has no official split; try --protocol grouped"


def expected_seconds(plan: Plan, store: Store) -> dict[str, float]:
    """Cell key -> the median wall time of finished cells of the same model, data set and budget in the store; cells without any are left out."""
    times: dict[tuple[str, str, str], list[float]] = {}
    for _, record in store.records():
        if record.status == "ok":
            times.setdefault(_kind(record.identity), []).append(record.timing.total_s)
    return {
        cell.key: round(statistics.median(times[_kind(cell.identity)]), 1)
        for cell in plan.cells
        if _kind(cell.identity) in times
    }


def _kind(identity: CellIdentity) -> tuple[str, str, str]:
    return identity.model, identity.dataset, identity.budget
