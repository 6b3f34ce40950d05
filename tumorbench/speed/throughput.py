"""The throughput of each model of a run: measured once for a model, problem, budget and machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from tumorbench import hardware, speed
from tumorbench.contracts.budget import Budget, share_of
from tumorbench.contracts.cell import canonical_json, derive_seed
from tumorbench.contracts.families import Network
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.record import Throughput
from tumorbench.errors import NotMeasurable, TumorbenchError, one_line
from tumorbench.store import Store, read_throughput, write_json
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.training import networks, seed_everything

__all__ = ["SECONDS", "Speed", "Speeds", "measure_each", "measure_speed", "one_of_each_dataset", "one_of_each_shape"]

LATER_WORDS = {
    "schedule", "gradient_clip_norm", "gradient_accumulation", "label_smoothing", "mixup", "mask_supervision",
    "test_time_flips",
}  # fmt: skip
SECONDS: dict[Budget, float] = {"full": 8.0, "quick": 1.0}  # of training and inference each; half of it for latency


@dataclass(frozen=True, slots=True)
class Speed:
    """A throughput record. cached: it was not measured now; its ``started_at`` says when it was."""

    throughput: Throughput
    cached: bool


@dataclass(slots=True)
class Speeds:
    """What was measured, and of the others why there is no figure, by model and data set."""

    found: list[Speed] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)


def one_of_each_dataset(cells: Iterable[Cell]) -> list[Cell]:
    """The first cell of each model and data set: seeds and folds have one speed."""
    chosen: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        chosen.setdefault((cell.model.id, cell.dataset.spec.id), cell)
    return list(chosen.values())


def one_of_each_shape(cells: Iterable[Cell]) -> list[Cell]:
    """The first cell of each model and shape of problem: data sets with as many classes share their speed."""
    chosen: dict[tuple[str, int], Cell] = {}
    for cell in cells:
        chosen.setdefault((cell.model.id, len(cell.dataset.spec.classes)), cell)
    return list(chosen.values())


def measure_each(
    cells: Iterable[Cell],
    tools: Tools,
    store: Store,
    say: Callable[[str], None],
    *,
    force: bool = False,
    discard: bool = True,
) -> Speeds:
    """The speed of each cell's model is in the store, or why it is not in ``failures``: one stops no other.

    force: measures what the store has. discard: as ``measure`` takes it.
    """
    speeds = Speeds()
    for cell in cells:
        what = f"{cell.model.id} on {cell.dataset.spec.id} at {cell.recipe.preprocessing.size} px"
        say(f"throughput of {what}")
        try:
            speed = measure_speed(cell, tools, store, force=force, discard=discard)
        except KeyboardInterrupt:
            raise
        except (NotMeasurable, TumorbenchError) as error:
            speeds.failures[what] = str(error)
        except BaseException as error:  # noqa: BLE001 - a stranger's model may raise anything, SystemExit among it
            speeds.failures[what] = f"could not be measured: {one_line(error, 300)}"
        else:
            speeds.found.append(speed)
            if speed.cached:
                say(f"  cached, measured {speed.throughput.measured_at}")
    return speeds


def measure_speed(cell: Cell, tools: Tools, store: Store, *, force: bool = False, discard: bool = True) -> Speed:
    """The throughput record of the cell's model on its problem and this machine; measured unless the store has it.

    Raises: NotMeasurable where the machine is too busy, and then nothing is written; what a stranger's model raises.
    """
    hardware.tune_allocator()
    device, (budget, declared) = tools.device, _measured(cell)
    precision = hardware.resolve_precision(declared.precision, device)
    recipe = declared.model_copy(update={"precision": precision})
    problem = networks.problem_for(cell.model, cell.dataset.spec, recipe)
    machine, environment = hardware.describe_hardware(device), hardware.describe_environment()
    key = _key(cell, recipe, problem, device, machine, environment)
    path = store.throughput_path(key, cell.model.id, cell.dataset.spec.id)
    if path.exists() and not force:
        return Speed(read_throughput(path), cached=True)
    started = datetime.now(UTC)
    measured = speed.measure(
        lambda: _fresh(cell, problem),
        problem,
        recipe,
        device,
        precision,
        seconds=SECONDS[budget],
        discard=discard,
    )
    record = Throughput(
        key=key,
        model=cell.model.id,
        model_version=cell.model.version,
        dataset=cell.dataset.spec.id,
        task=cell.model.task,
        size=problem.size,
        channels=problem.channels,
        classes=len(problem.classes),
        budget=budget,
        device=device,
        precision=precision,
        hardware=machine,
        environment=environment,
        parameters=networks.count_parameters(cell.model, problem),
        command=f"tumorbench bench -d {cell.dataset.spec.id} -m '{cell.model.id}' --budget {budget}",
        started_at=started.isoformat(timespec="seconds"),
        **asdict(measured),
    )
    write_json(path, record)
    return Speed(record, cached=False)


def _measured(cell: Cell) -> tuple[Budget, Recipe]:
    """What is measured for the cell. A share of the epochs has the steps of the full recipe, and so its speed."""
    identity = cell.identity
    return ("full", cell.model.recipe) if share_of(identity.budget) else (identity.budget, identity.recipe)


def _key(
    cell: Cell,
    recipe: Recipe,
    problem: Problem,
    device: str,
    machine: dict[str, Any],
    environment: dict[str, Any],
) -> str:
    """What tells two measurements apart."""
    content = [
        cell.model.id,
        cell.model.version,
        _content(recipe),
        asdict(problem),
        device,
        machine,
        environment["packages"].get("torch"),
    ]
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _content(recipe: Recipe) -> dict[str, Any]:
    """The recipe as JSON content. Words that came after the first measurements are left out at their default."""
    content, given = recipe.model_dump(mode="json"), recipe.model_dump(mode="json", exclude_defaults=True)
    for words, stated in ((content, given), (content["quick"], given["quick"])):
        for name in LATER_WORDS & (words.keys() - stated.keys()):
            del words[name]
    if not recipe.optimizer.arguments:
        del content["optimizer"]["arguments"]
    return content


def _fresh(cell: Cell, problem: Problem) -> Network:
    """The cell's network with freshly drawn weights; ``measure`` moves it to the device."""
    seed_everything(derive_seed(cell.identity.seed, "init"))
    return networks.build(cell.model, problem, cell.identity.recipe)
