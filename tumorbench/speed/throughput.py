"""The throughput of each model of a run: measured once for a model, problem, budget and machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime

from tumorbench import hardware, speed
from tumorbench.contracts.cell import canonical_json, derive_seed
from tumorbench.contracts.families import Network
from tumorbench.contracts.problem import Budget, Problem
from tumorbench.contracts.record import Throughput
from tumorbench.errors import one_line
from tumorbench.store import Store, read_throughput, write_json
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.training import networks, seed_everything

__all__ = ["SECONDS", "measure_each", "measure_speed"]

SECONDS: dict[Budget, float] = {"full": 8.0, "quick": 1.0}  # of each phase: training, inference, single images


def measure_each(cells: Iterable[Cell], tools: Tools, store: Store, say: Callable[[str], None]) -> dict[str, str]:
    """The speed of each model is in the store, once for each shape of problem: data sets with as many classes share it.

    Returns why it could not be measured, by model and data set.
    """
    measured: set[tuple[str, int]] = set()
    failures: dict[str, str] = {}
    for cell in cells:
        shape = (cell.model.id, len(cell.dataset.spec.classes))
        if shape in measured:
            continue
        measured.add(shape)
        what = f"{cell.model.id} on {cell.dataset.spec.id}"
        say(f"measuring the throughput of {what}")
        try:
            measure_speed(cell, tools, store)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - a stranger's model may raise anything, SystemExit among it
            failures[what] = one_line(error, 300)
    return failures


def measure_speed(cell: Cell, tools: Tools, store: Store, *, force: bool = False) -> Throughput:
    """The throughput record of the cell's model on its problem and this machine; measured unless the store has it."""
    hardware.tune_allocator()
    device, declared = tools.device, cell.identity.recipe
    precision = hardware.resolve_precision(declared.precision, device)
    recipe = declared.model_copy(update={"precision": precision})
    problem = networks.problem_for(cell.model, cell.dataset.spec, recipe)
    machine, environment = hardware.describe_hardware(device), hardware.describe_environment()
    content = [
        cell.model.id,
        cell.model.version,
        recipe.model_dump(mode="json"),
        asdict(problem),
        device,
        machine,
        environment["packages"].get("torch"),
    ]
    key = hashlib.sha256(canonical_json(content)).hexdigest()
    path = store.throughput_path(key, cell.model.id, cell.dataset.spec.id)
    if path.exists() and not force:
        return read_throughput(path)
    started = datetime.now(UTC)
    measured = speed.measure(
        lambda: _fresh(cell, problem),
        problem,
        recipe,
        device,
        precision,
        seconds=SECONDS[cell.identity.budget],
        channels_last=device == "cuda",
    )
    values = {name: value for name, value in asdict(measured).items() if name in Throughput.model_fields}
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
        device=device,
        precision=precision,
        hardware=machine,
        environment=environment,
        parameters=networks.count_parameters(cell.model, problem),
        command=f"tumorbench bench -d {cell.dataset.spec.id} -m '{cell.model.id}' --budget {cell.identity.budget}",
        started_at=started.isoformat(timespec="seconds"),
        **values,
    )
    write_json(path, record)
    return record


def _fresh(cell: Cell, problem: Problem) -> Network:
    """The cell's network with freshly drawn weights; ``measure`` moves it to the device."""
    seed_everything(derive_seed(cell.identity.seed, "init"))
    return networks.build(cell.model, problem, cell.identity.recipe)
