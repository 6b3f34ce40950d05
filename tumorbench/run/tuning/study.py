"""A study: trial after trial, each a process of its own, until there are as many as were asked for.

It lies below the store, in ``tuning``: ``study.db``, the material of its trials, and a small store for each of them.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from tumorbench import tasks
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.job import Trial
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.run.campaign import How, Watch, run_all
from tumorbench.run.context import Context
from tumorbench.run.executors import Executor, Handle
from tumorbench.run.plan import Plan, PlannedCell, Selection, budget_on, make_plan
from tumorbench.run.tuning.archive import Archive, Direction
from tumorbench.run.tuning.material import write_material
from tumorbench.run.tuning.space import Space, space_of
from tumorbench.store import Store, file_name

__all__ = ["Asked", "Outcome", "Study", "Watching"]

PROTOCOLS = ("grouped", "official", "paper")  # whose own validation part can be judged on
FALLING = ("val_loss", "val_block_distance")  # of the monitored values: less is better
State = Literal["complete", "pruned", "failed", "unfinished"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for. selection: one model, one data set, one protocol, one fold, one seed."""

    selection: Selection
    trials: int
    objective: str | None = None  # None: what the recipe monitors, else the first that its task has
    prunes: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial of a study stands. value: of the objective; of a pruned one the last that it had."""

    number: int
    model: str
    state: State
    value: float | None
    epochs: int


@dataclass(frozen=True, slots=True)
class Watching:
    """What is called as a study goes on."""

    on_begin: Callable[[int, str], None] = lambda _number, _model: None
    on_end: Callable[[Outcome, str], None] = lambda _outcome, _note: None
    trial: Watch = field(default_factory=Watch)  # of the one cell of each trial


class Study:
    """A study as it was asked for, planned: nothing has run yet.

    Raises: BadInput where the model has no search space, starts from another cell, or nothing is held out for
    validation.
    """

    def __init__(self, asked: Asked, context: Context, announce: Callable[[], None] = lambda: None) -> None:
        self.asked, self.context = asked, context
        (name,), (protocol,) = asked.selection.models, asked.selection.protocols
        self.space: Space = space_of(context.registry, name, budget_on(context.device, asked.selection.budget))
        if protocol not in PROTOCOLS:
            raise BadInput(f"tune does not run under the protocol {protocol}; give --protocol grouped")
        self.cell = _only_cell(make_plan(asked.selection, context, announce), name)
        identity, split = self.cell.identity, self.cell.cell.split
        if not len(split.val) or not len(split.train):
            raise BadInput(
                f"{identity.dataset}, protocol {protocol}: nothing is held out for validation, by which trials are "
                "judged; give --protocol grouped"
            )
        self.objective = _objective(asked.objective, self.cell)
        self.direction: Direction = "minimize" if self.objective in FALLING else "maximize"
        self.folder = self._folder()

    def _folder(self) -> Path:
        """Where the study lies.

        What makes trials comparable is in its name: another data set or space is another study.
        """
        identity = self.cell.identity
        searched = {name: search.model_dump() for name, search in self.space.searched.items()}
        whole = [identity.model_dump(mode="json", exclude_defaults=True), searched, self.objective]
        digest = hashlib.sha256(canonical_json(whole)).hexdigest()[:12]
        name = f"{identity.protocol}-fold{identity.fold}-seed{identity.seed}-{identity.budget}-{digest}"
        return self.context.store.root / "tuning" / identity.dataset / file_name(identity.model) / name

    def run(self, how: How, executor: Executor, watch: Watching) -> list[str]:
        """There are as many trials as asked for that ended well or early. Returns the reasons of those that failed now.

        What an earlier process left unfinished is continued first. Raises: BadInput where another process is at work on
        the study.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        failures: list[str] = []
        with _alone(self.folder):
            archive, material = Archive(self.folder / "study.db", self.direction), self.folder / "material"
            for number, values in self._due(archive):
                write_material(self.cell.cell, material)
                failures += self._trial(number, values, archive, how, _Kept(executor), watch)
                if failures and not any(trial.state.name == "COMPLETE" for trial in archive.trials):
                    return failures  # what ends the first one would end the others
            shutil.rmtree(material, ignore_errors=True)
        return failures

    def best(self) -> Outcome | None:
        """The complete trial with the best value, the first of equal ones; None where there is none."""
        complete = [each for each in self.outcomes() if each.state == "complete" and each.value is not None]
        sign = 1 if self.direction == "minimize" else -1
        return min(complete, key=lambda each: sign * (each.value or 0.0), default=None)

    def command_of(self, model: str) -> str:
        """The command that runs a model over all folds of the study's protocol."""
        identity, spec = self.cell.identity, self.cell.cell.dataset.spec
        folds = spec.folds(identity.protocol)
        named = "".join(f" --fold {fold}" for fold in range(folds)) if folds > 1 else ""
        return (
            f"tumorbench run -d {identity.dataset} -m '{model}' --protocol {identity.protocol}{named} "
            f"--budget {identity.budget}"
        )

    def outcomes(self) -> list[Outcome]:
        """Every trial of the study, by its number."""
        path = self.folder / "study.db"
        return [self._outcome(each) for each in Archive(path).trials] if path.exists() else []

    def _outcome(self, trial: Any) -> Outcome:
        states: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
        model = self._model(trial.params) if set(trial.params) == set(self.space.searched) else ""
        state = states.get(trial.state.name, "unfinished")
        return Outcome(trial.number, model, state, trial.value, len(trial.intermediate_values))

    def _model(self, values: dict[str, Any]) -> str:
        return self.context.registry.model(self.space.name_of(values)).id

    def _due(self, archive: Archive) -> Iterator[tuple[int, dict[str, Any]]]:
        """The trials to run: those that are unfinished, then new ones."""
        for trial in archive.unfinished(self.space):
            yield trial.number, trial.params
        left = self.asked.trials - sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in archive.trials)
        for _ in range(left):
            trial = archive.ask(self.space, self.cell.identity.seed)
            yield trial.number, trial.params

    def _trial(
        self, number: int, values: dict[str, Any], archive: Archive, how: How, executor: Executor, watch: Watching
    ) -> list[str]:
        """The trial has ended, or can be continued. Returns why it failed, if it did."""
        watch.on_begin(number, self._model(values))
        if (twin := archive.twin(values, self.space)) and twin.value is not None:
            archive.trial(number, 0).complete(twin.value)
            watch.on_end(self._outcome(archive.trials[number]), f"the same as trial {twin.number}")
            return []
        record = self._computed(number, values, how, executor, watch)
        ended = archive.trials[number]
        if ended.state.name != "RUNNING":
            watch.on_end(self._outcome(ended), "")
            return []
        if record.status != "timeout":  # that one continues when there is more time
            archive.fail(number)
        watch.on_end(self._outcome(archive.trials[number]), record.reason)
        return [f"trial {number}, {record.identity.model}: {record.reason}"]

    def _computed(self, number: int, values: dict[str, Any], how: How, executor: Executor, watch: Watching) -> Record:
        store = Store(self.folder / "trials" / f"{number:04}").open()
        context = replace(self.context, store=store)
        selection = replace(self.asked.selection, models=(self.space.name_of(values),))
        plan = make_plan(selection, context)
        trial = Trial(
            study=str((self.folder / "study.db").resolve()),
            number=number,
            objective=self.objective,
            material=str((self.folder / "material").resolve()),
            prunes=self.asked.prunes,
        )
        done = run_all(plan, context, replace(how, trial=trial), executor, watch.trial)
        return next(iter(done.records.values()))


class _Kept:
    """An executor that a campaign leaves open for the next one."""

    def __init__(self, executor: Executor) -> None:
        self.executor, self.slots = executor, executor.slots

    def submit(self, jobs: Sequence[Path]) -> Sequence[Handle]:
        return self.executor.submit(jobs)

    def close(self, *, now: bool) -> None:
        if now:
            self.executor.close(now=True)


def _only_cell(plan: Plan, name: str) -> PlannedCell:
    """The cell that the study is about. Raises: BadInput where there is none, or where it starts from another."""
    if not plan.cells:
        raise BadInput(
            "; ".join(dict.fromkeys(missing.reason for missing in plan.unavailable)) or f"no cell fits {name}"
        )
    if len(plan.cells) > 1:
        raise BadInput(f"{name} starts from the weights of another cell, and such a model cannot be tuned")
    return plan.cells[0]


def _objective(asked: str | None, cell: PlannedCell) -> str:
    monitors = tasks.of(cell.identity).monitors
    if asked is not None and asked not in monitors:
        raise BadInput(
            f"--objective {asked} is not measured for {cell.identity.task}; give one of {', '.join(monitors)}"
        )
    return asked or cell.identity.recipe.monitor or monitors[0]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """No other process is at work on the study. Raises: BadInput."""
    lock = FileLock(folder / "study.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BadInput(
            f"another process is at work on the study {folder}; wait until it has ended, or give another --seed or --fold"
        ) from None
    try:
        yield
    finally:
        lock.release()
