"""What the user asked for, and which protocols and folds that means on a data set for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from tumorbench.contracts.budget import Budget
from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.contracts.problem import FOLDS, NAMED, Protocol
from tumorbench.errors import BadInput

__all__ = [
    "Selection",
    "belongs",
    "budget_on",
    "check",
    "fitting",
    "folds_of",
    "protocols_of",
    "seeds_of",
    "why_nothing",
]

RANKED_SEEDS = (0, 1, 2)  # of ``grouped`` on the full budget, unless seeds are named
QUICK_FOLDS = (0,)  # of a protocol with folds, unless folds are named


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user asked for. Empty tuples mean: everything that fits."""

    everything: bool = False
    datasets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    protocols: tuple[Protocol, ...] = ()
    budget: Budget | None = None  # None: full on CUDA, quick elsewhere
    seeds: tuple[int, ...] = ()  # none: 0 to 2 for what ranks, ``grouped`` on the full budget, and 0 for the rest
    folds: tuple[int, ...] = ()
    train_on: str | None = None  # the data set that ``external`` learns from
    leave_out: str | None = None  # the data set whose test part, a fold of ``grouped``, ``paper`` learns nothing of


def check(selection: Selection) -> None:
    """True after the call: its options go together. Raises: BadInput."""
    if not (selection.everything or selection.datasets or selection.models):
        raise BadInput("nothing is selected; name data sets (-d) and models (-m), or give --all")
    if outside := [fold for fold in selection.folds if not 0 <= fold < FOLDS]:
        raise BadInput(f"--fold {outside[0]} is not one of the {FOLDS} folds 0 to {FOLDS - 1}")
    if ("external" in selection.protocols) != bool(selection.train_on):
        raise BadInput(
            "--protocol external and --train-on DATASET go together: it is trained on one set, tested on another"
        )
    if selection.leave_out and selection.protocols != ("paper",):
        raise BadInput("--leave-out is of the protocol paper alone: give --protocol paper")


def budget_on(device: str, asked: Budget | None) -> Budget:
    """The budget that was asked for, else the full one on CUDA and the quick one elsewhere."""
    return asked or ("full" if device == "cuda" else "quick")


def folds_of(selection: Selection, dataset: DatasetSpec, protocol: Protocol, budget: Budget) -> Sequence[int]:
    """The folds of the protocol on the data set that the selection asks for."""
    folds = FOLDS if selection.leave_out else dataset.folds(protocol)
    if folds == 1:
        return (0,)
    every = QUICK_FOLDS if budget == "quick" else range(folds)
    return tuple(dict.fromkeys(selection.folds)) or every


def seeds_of(selection: Selection, protocol: Protocol, budget: Budget) -> Sequence[int]:
    """The seeds that the selection asks for, or those by default."""
    return selection.seeds or (RANKED_SEEDS if (protocol, budget) == ("grouped", "full") else (0,))


def belongs(selection: Selection, dataset: DatasetSpec, model: ModelSpec) -> bool:
    """Whether --all runs the model on the data set: on the synthetic stand-in only what is quick to show."""
    stands_in = selection.everything and dataset.synthetic and not selection.datasets and not selection.models
    return model.in_all == "always" or not stands_in


def fitting(dataset: DatasetSpec, model: ModelSpec) -> list[Protocol]:
    """Every protocol under which the model can run on the data set; none where the set does not have its task."""
    if model.task not in dataset.tasks:
        return []
    paper = dataset.id in model.paper.splits
    judged = model.task == "generation" and "classification" in dataset.tasks
    fits: dict[Protocol, bool] = {
        "paper": paper,
        "official": dataset.has_official,
        "grouped": True,
        "external": model.task != "generation",
        "tstr": judged,
        "tstr-paper": judged and paper,
    }
    return [protocol for protocol in get_args(Protocol) if fits[protocol]]


def protocols_of(selection: Selection, dataset: DatasetSpec, model: ModelSpec) -> list[Protocol]:
    """The protocols that the selection asks for and that fit: without a name those that do not have to be named."""
    fits = fitting(dataset, model)
    asked = selection.protocols or [protocol for protocol in fits if protocol not in NAMED]
    return [protocol for protocol in dict.fromkeys(asked) if protocol in fits]


def why_nothing(selection: Selection, datasets: Sequence[DatasetSpec], models: Sequence[ModelSpec]) -> str:
    """Why no model fits any of the data sets, in one line that says what to do."""
    sets = ", ".join(each.id for each in datasets) or "no data set"
    names = f"{sets} with {', '.join(each.id for each in models) or 'no model'}"
    if not any(model.task in dataset.tasks for dataset in datasets for model in models):
        return f"no cell fits {names}: no model has a task of the data set; see tumorbench list models"
    if selection.protocols == ("external",):
        return f"no cell fits {names}: the protocol external tests classifiers and segmenters, not generators"
    return (
        f"no cell fits {names} under protocol {', '.join(selection.protocols)}: the source report used another "
        "data set, or the set has no official split; try --protocol grouped"
    )
