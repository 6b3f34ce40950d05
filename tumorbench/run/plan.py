"""What a selection means: every cell with its key, what it needs, whether it is cached; what is unavailable and why.

Planning reads data and the store, writes nothing to the store and loads no torch.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tumorbench import tasks
from tumorbench.contracts.budget import Budget
from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.problem import FOLDED, TSTR_SPLITS, Protocol
from tumorbench.contracts.record import Record
from tumorbench.data.decode import Decoded
from tumorbench.data.external import Joined, join
from tumorbench.errors import BadInput, TumorbenchError
from tumorbench.run.context import Context
from tumorbench.run.identity import generator_of, identify, judge_of, origin_of
from tumorbench.run.selection import (
    Selection,
    belongs,
    budget_on,
    check,
    fitting,
    folds_of,
    protocols_of,
    seeds_of,
    why_nothing,
)
from tumorbench.run.weights import with_weights
from tumorbench.run.words import require_words
from tumorbench.store import Store
from tumorbench.tasks.cell import Cell

__all__ = ["Missing", "Plan", "PlannedCell", "Selection", "budget_on", "expected_seconds", "make_plan"]


@dataclass(frozen=True, slots=True)
class PlannedCell:
    """One cell, ready to become a job.

    record: the finished one where it is cached. lacking: the metrics that it has not been scored by yet, which costs no
    training. needs: keys of the cells whose weights it starts from. asked: False for a cell that only another one needs.
    """

    cell: Cell
    record: Record | None = None
    lacking: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    asked: bool = True

    @property
    def identity(self) -> CellIdentity:
        """The cell's identity."""
        return self.cell.identity

    @property
    def key(self) -> str:
        """The cell's key."""
        return self.cell.key

    @property
    def status(self) -> Literal["cached", "to run"]:
        """Whether the store has its finished record."""
        return "cached" if self.record else "to run"

    @property
    def reason(self) -> str:
        """What else is to be said of it: what it will be scored by, or that another cell needs it."""
        if self.record and self.lacking:
            return f"will be scored by {', '.join(self.lacking)}, without training"
        return "" if self.asked or self.record else "another cell starts from it"


@dataclass(frozen=True, slots=True)
class Missing:
    """What a selection left out, and why. model, protocol: "" where it is the whole data set."""

    dataset: str
    reason: str
    model: str = ""
    protocol: str = ""

    def __str__(self) -> str:
        return f"{' '.join(filter(None, (self.dataset, self.model, self.protocol)))}: {self.reason}"


@dataclass(slots=True)
class Plan:
    """The cells of a selection, each after those that it needs, and what the selection left out."""

    budget: Budget
    cells: list[PlannedCell] = field(default_factory=list)
    unavailable: list[Missing] = field(default_factory=list)


def make_plan(selection: Selection, context: Context, announce: Callable[[], None] = lambda: None) -> Plan:
    """Every cell of the selection. Raises: BadInput for unknown names, and where nothing at all fits.

    announce: called when the selection is found to be sound, before the first data set is read.
    """
    check(selection)
    registry = context.registry
    named = {spec.id: spec for spec in map(registry.model, selection.models)}  # a name may be written in several ways
    models = list(named.values()) or [
        model for model in registry.models.values() if model.in_all != "never" or not selection.everything
    ]
    specs = [registry.dataset(name) for name in dict.fromkeys(selection.datasets)] or list(registry.datasets.values())
    if not any(protocols_of(selection, spec, model) for spec in specs for model in models):
        raise BadInput(why_nothing(selection, specs, models))
    models = with_weights(context, models)
    if selection.protocols and not TSTR_SPLITS.keys().isdisjoint(selection.protocols):
        judge_of(registry, context.judge)
    announce()
    for other in filter(None, (selection.train_on, selection.leave_out)):
        context.decode(registry.dataset(other))
    planner = _Planner(selection, context, Plan(budget_on(context.device, selection.budget)))
    for dataset in planner.available(specs):
        for model in models:
            planner.add(dataset, model)
    plan = planner.plan
    if not plan.cells and (selection.datasets or not plan.unavailable):
        reasons = "; ".join(dict.fromkeys(missing.reason for missing in plan.unavailable))
        raise BadInput(reasons or why_nothing(selection, specs, models))
    return plan


@dataclass(slots=True)
class _Planner:
    """Adds cells to a plan, each once, and what they need before them."""

    selection: Selection
    context: Context
    plan: Plan
    known: dict[str, int] = field(default_factory=dict)  # key -> its place in the plan

    def available(self, specs: Sequence[DatasetSpec]) -> Iterator[Decoded]:
        """The data sets that are here. One that is named but absent is an error; otherwise it is listed.

        Synthetic sets stand in only where no real one is here.
        """
        if self.selection.datasets:
            yield from [self.context.decode(spec) for spec in specs]
            return
        real = list(self._readable(spec for spec in specs if not spec.synthetic))
        yield from real or self._readable(spec for spec in specs if spec.synthetic)

    def _readable(self, specs: Iterable[DatasetSpec]) -> Iterator[Decoded]:
        for spec in specs:
            try:
                yield self.context.decode(spec)
            except TumorbenchError as reason:
                self.plan.unavailable.append(Missing(spec.id, str(reason)))

    def add(self, dataset: Decoded, model: ModelSpec) -> None:
        """Every cell of the model on the data set that the selection asks for is in the plan."""
        selection, spec = self.selection, dataset.spec
        if not belongs(selection, spec, model):
            return
        protocols = protocols_of(selection, spec, model)
        if not protocols and model.id in selection.models and spec.id in selection.datasets:
            self.plan.unavailable.append(Missing(spec.id, why_nothing(selection, [spec], [model]), model.id))
        named = selection.leave_out
        leaves_out = self.context.decode(self.context.registry.dataset(named)) if named else None
        for protocol in protocols:
            for fold in folds_of(selection, spec, protocol, self.plan.budget):
                for seed in seeds_of(selection, protocol, self.plan.budget):
                    try:
                        self._cell(dataset, model, protocol, fold, seed, leaves_out=leaves_out)
                    except TumorbenchError as reason:
                        missing = Missing(spec.id, str(reason), model.id, protocol)
                        if missing not in self.plan.unavailable:
                            self.plan.unavailable.append(missing)

    def _cell(
        self,
        dataset: Decoded,
        model: ModelSpec,
        protocol: Protocol,
        fold: int,
        seed: int,
        *,
        asked: bool = True,
        leaves_out: Decoded | None = None,
    ) -> str:
        """The cell is in the plan, after those that it needs. Returns its key."""
        starts_from = self._origin(dataset, model, protocol, fold, seed)
        if protocol == "external":
            dataset = self._joined(dataset, model)
        chosen = self.context.split(dataset, model, TSTR_SPLITS.get(protocol, protocol), fold, leaves_out)
        judge = judge_of(self.context.registry, self.context.judge) if protocol in TSTR_SPLITS else None
        identity = identify(
            dataset,
            model,
            protocol,
            chosen,
            self.plan.budget,
            seed,
            starts_from=starts_from,
            judge=judge,
            leaves_out=leaves_out,
        )
        require_words(identity.recipe, len(chosen.train))
        needs = [starts_from] if starts_from else []
        if judge and model.conditional:
            generator = generator_of(identity)
            needs.append(self._cell(dataset, model, generator.protocol, fold, seed, asked=False))
        return self._enter(Cell(identity, model, dataset, chosen), tuple(needs), asked=asked)

    def _joined(self, dataset: Decoded, model: ModelSpec) -> Joined:
        """The data set beside the one that is learned from. Raises: BadInput where the model cannot learn so."""
        assert self.selection.train_on is not None
        learned = self.context.decode(self.context.registry.dataset(self.selection.train_on))
        found = join(dataset, learned)
        if model.task not in found.spec.tasks:
            raise BadInput(f"{model.task} needs masks of the same classes in {dataset.spec.id} and {learned.spec.id}")
        return found

    def _enter(self, cell: Cell, needs: tuple[str, ...], *, asked: bool) -> str:
        key = cell.key
        if key in self.known:
            place = self.known[key]
            before = self.plan.cells[place]
            self.plan.cells[place] = PlannedCell(
                before.cell, before.record, before.lacking, before.needs, asked or before.asked
            )
            return key
        self.known[key] = len(self.plan.cells)
        record = self.context.store.finished(cell.identity, key)
        lacking = tasks.of(cell.identity).lacking(record, self.context.registry) if record else []
        names = tuple(dict.fromkeys(f"{metric}[{extractor}]" if extractor else metric for metric, extractor in lacking))
        self.plan.cells.append(PlannedCell(cell, record, names, needs, asked))
        return key

    def _origin(self, dataset: Decoded, model: ModelSpec, protocol: Protocol, fold: int, seed: int) -> str | None:
        """Key of the cell whose weights the model's recipe starts from, which is in the plan; None where there is none.

        Trained on other data, it learns nothing of what the test part shows where that is a fold of ``grouped``.
        """
        found = origin_of(model, dataset.spec.id, self.context.registry)
        if found is None:
            return None
        other, where, own_paper = found
        on = self.context.decode(self.context.registry.dataset(where))
        its_protocol: Protocol = "paper" if own_paper else TSTR_SPLITS.get(protocol, protocol)
        if its_protocol not in fitting(on.spec, other):
            raise BadInput(f"{model.id} starts from {other.id}, which does not run on {where} under {its_protocol}")
        spares = own_paper and protocol in FOLDED
        its_fold = fold if spares or on.spec.folds(its_protocol) > 1 else 0
        return self._cell(on, other, its_protocol, its_fold, seed, asked=False, leaves_out=dataset if spares else None)


def expected_seconds(plan: Plan, store: Store) -> dict[str, float]:
    """Cell key -> the median wall time of finished cells of the same model, data set and budget in the store.

    Cells of which the store has none are left out.
    """
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
