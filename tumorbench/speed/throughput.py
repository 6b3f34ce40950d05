"""The throughput of each model of a run: measured once for a model, problem, budget and machine."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Literal, cast

from tumorbench import hardware, speed
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.problem import Budget
from tumorbench.contracts.record import Throughput
from tumorbench.run.cell import build
from tumorbench.run.context import Bench
from tumorbench.run.plan import PlannedCell
from tumorbench.store import read_throughput, write_json
from tumorbench.training import networks

__all__ = ["SECONDS", "measure_speed"]

SECONDS: dict[Budget, float] = {"full": 8.0, "quick": 1.0}  # of each phase: training, inference, single images


def measure_speed(cell: PlannedCell, bench: Bench, *, force: bool = False) -> Throughput:
    """The throughput record of the cell's model on the cell's problem and this machine; measured unless the store has it."""
    recipe = cell.identity.recipe
    problem = networks.problem_for(cell.model, cell.dataset.spec, recipe)
    machine, environment = hardware.describe_hardware(bench.device), hardware.describe_environment()
    content = [
        cell.model.id,
        cell.model.version,
        recipe.model_dump(mode="json"),
        asdict(problem),
        bench.device,
        machine,
        environment["packages"].get("torch"),
    ]
    key = hashlib.sha256(canonical_json(content)).hexdigest()
    path = bench.store.throughput_path(key, cell.model.id, cell.dataset.spec.id)
    if path.exists() and not force:
        return read_throughput(path)
    started = datetime.now(UTC)
    measured = speed.measure(
        lambda: build(cell, problem, bench.device),
        problem,
        recipe,
        bench.device,
        recipe.precision,
        seconds=SECONDS[cell.identity.budget],
        channels_last=bench.device == "cuda",
    )
    figures = {name: value for name, value in asdict(measured).items() if name in Throughput.model_fields}
    record = Throughput(
        key=key,
        model=cell.model.id,
        model_version=cell.model.version,
        dataset=cell.dataset.spec.id,
        task=cell.model.task,
        size=problem.size,
        channels=problem.channels,
        classes=len(problem.classes),
        budget=cell.identity.budget,
        device=cast(Literal["cpu", "cuda"], bench.device),
        precision=recipe.precision,
        hardware=machine,
        environment=environment,
        parameters=networks.count_parameters(cell.model, problem),
        command=f"tumorbench bench -d {cell.dataset.spec.id} -m '{cell.model.id}' --budget {cell.identity.budget}",
        started_at=started.isoformat(timespec="seconds"),
        **figures,
    )
    write_json(path, record)
    return record
