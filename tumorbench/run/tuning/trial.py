"""One trial where it is computed: trained on the training part, judged on the validation part, told to its study."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

from tumorbench import hardware
from tumorbench.contracts.job import Job, Trial
from tumorbench.contracts.record import Record, Status
from tumorbench.errors import BadInput
from tumorbench.run.cell import attempt, forget_progress
from tumorbench.run.context import Context
from tumorbench.run.lost import lost_record
from tumorbench.run.sessions import Sessions
from tumorbench.run.tuning.archive import Archive
from tumorbench.run.tuning.material import read_material
from tumorbench.run.work import CellOptions, Outcome, learn
from tumorbench.tasks.cell import Cell

__all__ = ["run_trial"]


class _Pruned(Exception):
    """Others did better by the same epoch."""


def run_trial(job: Job, context: Context, options: CellOptions) -> Record:
    """The job's trial is told to its study. The caller holds the lease of the cell's folder.

    Of the data set this process opens the job's material alone. The record, in the trial's own store, has no metric:
    its status is ``skipped``, for the cell is not scored. Raises: Stopped; the same trial continues from its
    checkpoint.
    """
    assert job.trial is not None
    cell, folder = _cell(job, context), context.store.cell_folder(job.identity, job.cell_key)
    folder.mkdir(parents=True, exist_ok=True)
    outcome = Outcome(Sessions(folder))
    hardware.set_determinism(options.deterministic)
    status, reason = attempt(lambda: _judge(cell, context, options, folder, outcome, job.trial), folder)
    if status == "ok":
        status, reason = "skipped", f"trial {job.trial.number} of a study: it is not scored"
        forget_progress(cell, folder)
    record = _record(job, status, reason, outcome)
    context.store.write(record)
    return record


def _cell(job: Job, context: Context) -> Cell:
    """The cell with nothing of its test part."""
    assert job.trial is not None
    identity = job.identity
    spec = context.registry.dataset(identity.dataset)
    dataset, split = read_material(Path(job.trial.material), spec, identity)
    precision = job.precision or hardware.resolve_precision(identity.recipe.precision, context.device)
    return Cell(identity, context.registry.model(identity.model), dataset, split, precision)


def _judge(
    cell: Cell, context: Context, options: CellOptions, folder: Path, outcome: Outcome, trial: Trial | None
) -> None:
    """The study knows the validation value of each epoch, and that of the weights that would be scored, or the pruning.

    Raises: as ``learn``; BadInput where the model has no such value.
    """
    assert trial is not None
    told = Archive(Path(trial.study)).trial(trial.number, cell.recipe.epochs if trial.prunes else 0)

    def on_epoch(entry: dict[str, float], epochs: int) -> None:
        options.on_epoch(entry, epochs)
        value = entry.get(trial.objective)
        if value is not None and told.is_behind(int(entry["epoch"]), value) and entry["epoch"] < epochs:
            raise _Pruned

    try:
        how = replace(options, on_epoch=on_epoch)
        learn(cell, context, how, folder, outcome, time.monotonic() + options.timeout_s)
    except _Pruned:
        told.prune()
        return
    scored = outcome.fit.history[outcome.fit.best_epoch - 1] if outcome.fit.best_epoch else {}
    value = scored.get(trial.objective, math.nan)
    if not math.isfinite(value):
        raise BadInput(f"{cell.identity.model} has no {trial.objective} in its history; give another --objective")
    told.complete(value)


def _record(job: Job, status: Status, reason: str, outcome: Outcome) -> Record:
    fit, sessions = outcome.fit, outcome.sessions
    return lost_record(job, status, reason).model_copy(
        update={
            "history": tuple(fit.history),
            "best_epoch": fit.best_epoch or None,
            "parameters": outcome.counts,
            "timing": sessions.timing({}, fit.resumed_from_epoch),
        }
    )
