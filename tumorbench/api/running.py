"""``tumorbench.run``: models trained and scored on data sets, as the command ``tumorbench run`` does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from tqdm import tqdm

from tumorbench.api.place import MOST_SEED, Folder, context_at, listed, one_of
from tumorbench.api.results import Results
from tumorbench.contracts.budget import Budget, read_budget
from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.contracts.problem import Protocol, Task
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.record import Record
from tumorbench.contracts.strangers import described
from tumorbench.errors import BadInput
from tumorbench.registry import Registry
from tumorbench.run import executors
from tumorbench.run.campaign import How, Watch, run_all
from tumorbench.run.context import Context
from tumorbench.run.plan import PlannedCell, Selection, make_plan

if TYPE_CHECKING:
    from torch import nn

    AnyModel: TypeAlias = str | ModelSpec | nn.Module | Callable[..., nn.Module]
    AnyDataset: TypeAlias = str | DatasetSpec

__all__ = ["run"]


def run(
    models: AnyModel | Sequence[AnyModel],
    datasets: AnyDataset | Sequence[AnyDataset],
    *,
    protocol: str | Sequence[str] = "grouped",
    budget: str | None = None,
    folds: Iterable[int] = (),
    seeds: Iterable[int] = (),
    recipe: Recipe | None = None,
    task: str = "classification",
    name: str | None = None,
    store: Folder = "runs",
    data_root: Folder | None = None,
    device: str = "auto",
    executor: str = "local",
    jobs: int | None = None,
    force: bool = False,
    deterministic: bool = False,
    timeout_s: float | None = None,
    progress: bool = True,
) -> Results:
    """Every model is trained and scored on every data set; finished cells are taken from the store.

    Returns their results.

    models: one or several of: an id, with parameters in brackets (``pose-cnn[dropout=0.4]``); a card; a torch module,
    with ``recipe`` and ``task``. Of a module give the class, or a function, that is called once a cell, with the
    ``Problem`` (or with nothing, where it takes nothing): then the seed draws the weights. An instance starts from the
    weights that it has, which are part of its identity. It takes images as its recipe's preprocessing makes them and
    gives logits, ``(batch, classes)`` or for segmentation ``(batch, 1 + mask classes, size, size)``; a subclass of
    ``tumorbench.Classifier``, ``Segmenter`` or ``Generator`` may say more. name: what a module is called; ``own/NAME``
    is its id.

    protocol, folds, seeds, budget: as the options of ``tumorbench run``; without folds and seeds its defaults.

    Installed models run in worker processes, by ``executor``. A module, or a card that no plugin provides, cannot be
    imported elsewhere (it may be of a notebook): its cells run in this process, one after another, whatever the
    executor, and draw from the global random generators, whose state is put back.

    A cell that fails stops no other: ``failures`` of what is returned. Raises: BadInput for what cannot be run at all.
    """
    context = context_at(store, data_root, device)
    context.registry.executor(executor)
    ids, own = _sorted_out(listed(models), context.registry, recipe, one_of("task", task, Task), name)
    asked = Selection(
        datasets=tuple(each if isinstance(each, str) else each.id for each in listed(datasets)),
        protocols=tuple(one_of("protocol", each, Protocol) for each in listed(protocol)),
        budget=None if budget is None else _budget(budget),
        seeds=_numbers("seeds", seeds),
        folds=_numbers("folds", folds),
    )
    how = How(force=force, deterministic=deterministic, timeout_s=timeout_s, executor=executor)
    records: list[Record] = []
    if ids:
        records += _ran(replace(asked, models=tuple(ids)), context, how, jobs, progress=progress)
    if own:
        plugins = replace(context.registry, models=context.registry.models | own)
        here = replace(context, registry=plugins)
        records += _ran_here(replace(asked, models=tuple(own)), here, how, progress=progress)
    return Results(records, context.store.root)


def _sorted_out(
    models: Sequence[Any], registry: Registry, recipe: Recipe | None, task: Task, name: str | None
) -> tuple[list[str], dict[str, ModelSpec]]:
    """(ids of installed models, the cards of those that this process alone has, by id). Raises: BadInput."""
    if not models:
        raise BadInput("no model is named; give an id, a card or a torch module")
    ids: list[str] = []
    own: dict[str, ModelSpec] = {}
    for model in models:
        if isinstance(model, str):
            ids.append(model)
            continue
        card = model if isinstance(model, ModelSpec) else _card(model, recipe, task, name)
        if isinstance(model, ModelSpec) and registry.has_model(card.id):
            if registry.model(card.id) != card:
                raise BadInput(f"the card {card.id} differs from the installed one of that id; give it another id")
            ids.append(card.id)
        elif own.setdefault(card.id, card) != card:
            raise BadInput(f"two models are called {card.id}; run them one after another, each with a name of its own")
    return ids, own


def _card(model: Any, recipe: Recipe | None, task: Task, name: str | None) -> ModelSpec:
    from tumorbench.api.modules import card_of_module

    if not callable(model):
        raise BadInput(f"a model is an id, a card, a torch module or what makes one, not {described(model)}")
    return card_of_module(model, recipe, task, name)


def _budget(given: str) -> Budget:
    """Raises: BadInput for what is no budget."""
    try:
        return read_budget(str(given))
    except ValueError as error:
        raise BadInput(f"budget {error}") from None


def _numbers(what: str, given: Iterable[int]) -> tuple[int, ...]:
    """Raises: BadInput for what are no numbers from 0 on."""
    if isinstance(given, int):
        raise BadInput(f"{what} is a list, such as {what}=[{given}]")
    found = tuple(dict.fromkeys(given))
    if wrong := [each for each in found if type(each) is not int or not 0 <= each <= MOST_SEED]:
        raise BadInput(f"{what} has {wrong[0]!r}, which is no whole number from 0 to {MOST_SEED}")
    return found


def _ran(selection: Selection, context: Context, how: How, jobs: int | None, *, progress: bool) -> list[Record]:
    """The records of the cells that are asked for, computed by workers."""
    plan = make_plan(selection, context)
    executor = executors.start(
        how.executor, context.registry, device=context.device, jobs=jobs, store=context.store.root
    )
    with tqdm(total=len(plan.cells), unit="cell", disable=not progress) as bar:
        records = run_all(plan, context, how, executor, _shown_on(bar)).records
    return [records[cell.key] for cell in plan.cells if cell.asked]


def _ran_here(selection: Selection, context: Context, how: How, *, progress: bool) -> list[Record]:
    """The records of the cells that are asked for, computed in this process."""
    from tumorbench.api.in_process import InProcess

    plan = make_plan(selection, context)
    with tqdm(total=len(plan.cells), unit="cell", disable=not progress) as bar, _random_state_kept():

        def on_epoch(entry: dict[str, float], epochs: int) -> None:
            bar.set_postfix_str(f"epoch {int(entry['epoch'])} of {epochs}")

        executor = InProcess(context.registry, on_epoch)
        records = run_all(plan, context, replace(how, executor="in-process"), executor, _shown_on(bar)).records
    return [records[cell.key] for cell in plan.cells if cell.asked]


def _shown_on(bar: Any) -> Watch:
    def on_start(cell: PlannedCell, _number: int, _of: int) -> None:
        bar.set_description(f"{cell.identity.model} on {cell.identity.dataset}")

    def on_progress(_cell: PlannedCell, lease: dict[str, Any]) -> None:
        bar.set_postfix_str(f"epoch {lease['epoch']} of {lease.get('epochs', '?')}")

    return Watch(on_start=on_start, on_progress=on_progress, on_done=lambda _cell, _record, _cached: bar.update())


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """What is drawn inside leaves the global generators as they were."""
    import numpy as np
    import torch

    here, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global state is what the loop seeds
    try:
        with torch.random.fork_rng() if torch.cuda.device_count() < 2 else nullcontext():  # noqa: PLR2004 - it warns of many
            yield
    finally:
        random.setstate(here)
        np.random.set_state(numpys)  # noqa: NPY002 - as above
