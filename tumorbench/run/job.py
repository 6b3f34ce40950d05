"""A job where it is computed: what it names is found here, checked to be what was asked for, and run or rescored."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from tumorbench.contracts.cell import cell_key
from tumorbench.contracts.job import Job
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput, TumorbenchError, Unavailable
from tumorbench.registry import Registry
from tumorbench.run.cell import CellOptions, run_cell
from tumorbench.run.context import Context
from tumorbench.run.lost import lost_record
from tumorbench.run.rescore import rescore
from tumorbench.run.tuning.trial import run_trial
from tumorbench.store import Store
from tumorbench.training import CHECKPOINT_EVERY_S

__all__ = ["run_job"]


def run_job(job: Job, registry: Registry, options: CellOptions | None = None) -> Record:
    """The job's record, which lies in the store. The caller holds the cell's lease.

    options: what is called as training goes; how the cell runs is the job's. Raises: Stopped, as ``run_cell``.
    """
    weights = {name: Path(path) for name, path in job.weights.items()}
    context = Context(registry, Store(Path(job.store)), Path(job.data_root), job.device, weights=weights)
    how = _how(job, options or CellOptions())
    try:
        _check(job)
        if job.what == "trial":
            return run_trial(job, context, how)
        if job.what == "rescore":
            return _rescored(job, context)
        cell = context.cell(job.identity, job.precision)
    except TumorbenchError as error:
        record = lost_record(job, "skipped" if isinstance(error, Unavailable) else "failed", str(error))
        if context.store.finished(job.identity, job.cell_key) is None:
            context.store.write(record)
        return record
    return run_cell(cell, context, how)


def _how(job: Job, options: CellOptions) -> CellOptions:
    """The options, and how the job says that its cell runs."""
    return replace(
        options,
        force=job.force,
        deterministic=job.deterministic,
        timeout_s=job.timeout_s or math.inf,
        checkpoint_every_s=CHECKPOINT_EVERY_S if job.checkpoint_every_s is None else job.checkpoint_every_s,
        executor=job.executor,
    )


def _check(job: Job) -> None:
    if cell_key(job.identity) != job.cell_key:
        raise BadInput(f"the job's cell key {job.cell_key[:12]} is not that of its identity; make the job again")
    if job.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            raise BadInput(
                "the job asks for CUDA, and torch finds no usable GPU here; update the driver, or --device cpu"
            )


def _rescored(job: Job, context: Context) -> Record:
    found = context.store.by_key(job.cell_key)
    if found is None:
        raise BadInput(f"the cell {job.cell_key[:12]} is not finished in {job.store}; run it first")
    return rescore(*found, context)
