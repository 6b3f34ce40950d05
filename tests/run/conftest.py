"""The context of a run on the tiny data set, and its cells as they are planned there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tumorbench import registry
from tumorbench.contracts.record import Record
from tumorbench.data.locations import data_root
from tumorbench.run.campaign import How, Watch, _Driver
from tumorbench.run.context import Context
from tumorbench.run.plan import PlannedCell, Selection, make_plan
from tumorbench.store import JOB, RECORD, Store, read_record, write_json


@pytest.fixture
def context(tiny) -> Context:
    """The store ``runs`` in the test's folder, and what is installed."""
    return Context(registry.find(), Store(tiny / "runs").open(), data_root(None))


@pytest.fixture
def planned(context) -> Callable[[str], PlannedCell]:
    """The model's cell on fold 0 of the tiny data set, as the store has it now."""

    def plan(model: str) -> PlannedCell:
        selection = Selection(datasets=("tiny-shapes",), models=(model,), protocols=("grouped",), budget="quick")
        return make_plan(selection, context).cells[-1]

    return plan


@pytest.fixture
def jobs(context, monkeypatch) -> Callable[..., list[Path]]:
    """Makes the job files of models on the tiny data set, as a run leaves them for workers."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def make(*models: str, seeds: tuple[int, ...] = (0,), **how: Any) -> list[Path]:
        selection = Selection(
            datasets=("tiny-shapes",), models=models, protocols=("grouped",), budget="quick", seeds=seeds
        )
        plan = make_plan(selection, context)
        driver = _Driver(plan, context, How(**how), None, Watch())
        for cell in plan.cells:
            write_json(driver._folder(cell) / JOB, driver._job(cell))
        return [driver._folder(cell) / JOB for cell in plan.cells]

    return make


@pytest.fixture
def record_of() -> Callable[[Path], Record]:
    """The record beside a job."""
    return lambda job: read_record(job.parent / RECORD)
