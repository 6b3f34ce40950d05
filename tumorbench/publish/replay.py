"""A record's cell, run again from nothing, and what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from tumorbench import hardware
from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.publish.checks.scores import same
from tumorbench.run.campaign import How, Watch, run_all
from tumorbench.run.context import Context
from tumorbench.run.executors import start
from tumorbench.run.plan import PlannedCell, Selection, make_plan
from tumorbench.run.weights import FILE, name_of_file
from tumorbench.store import Store

__all__ = ["Difference", "Replayed", "replay"]

SHOWN_HASH = 12  # characters of a SHA-256 in a message
TOLERANCE = 1e-5  # of a value, or of 1 where it is smaller: what the rounding of float32 in other batches changes

Difference = tuple[str, float | None, float | None]
"""A metric's name, its value in the record, its value now; the two differ by more than ``TOLERANCE``."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay found. compared: how many metrics. unchecked: those that nothing installed here computes."""

    record: Record
    compared: int
    differences: list[Difference]
    unchecked: list[str]


def replay(
    record: Record,
    context: Context,
    *,
    timeout_s: float | None = None,
    watch: Watch | None = None,
    say: Callable[[str], None] = lambda _line: None,
) -> Replayed:
    """The record's cell run again in an empty store, with those that it starts from, and every metric compared.

    It is computed in the record's precision where the machine has it. Raises: BadInput where the cell no longer exists
    as recorded: other data, another split, model version or recipe; where it starts from a file of weights that
    ``context.given_weights`` is not.
    """
    identity = record.identity
    if identity.origin == "evaluated":
        raise BadInput(
            f"{identity.model} was trained elsewhere, so that its record cannot be run again; its scores follow from "
            "its predictions, which tumorbench verify scores again"
        )
    _check_weights(identity.recipe.pretrained or "", context.given_weights)
    with TemporaryDirectory() as folder:
        place = replace(context, store=Store(Path(folder)), splits={})
        selection = Selection(
            datasets=(identity.dataset,),
            models=(identity.model,),
            protocols=(identity.protocol,),
            budget=identity.budget,
            seeds=(identity.seed,),
            folds=(identity.fold,),
            train_on=identity.trained_on.dataset if identity.trained_on else None,
            leave_out=identity.leaves_out.dataset if identity.leaves_out else None,
        )
        plan = make_plan(selection, place)
        if record.cell_key not in {cell.key for cell in plan.cells}:
            raise BadInput(_why_gone(record, [cell for cell in plan.cells if cell.asked], map(str, plan.unavailable)))
        how = How(
            deterministic=record.determinism.get("mode") == "deterministic",
            timeout_s=timeout_s,
            precision=_precision(record, context.device, say),
        )
        executor = start("local", context.registry, device=context.device, store=place.store.root)
        again = run_all(plan, place, how, executor, watch).records[record.cell_key]
    now = {metric.name: metric.value for metric in again.metrics}
    names = {metric.name for metric in record.metrics}
    unchecked = sorted(names - now.keys()) if again.status == "ok" else []
    compared = [metric for metric in record.metrics if metric.name not in unchecked]
    pairs = [(each.name, each.value, now.get(each.name)) for each in compared]
    differences = [pair for pair in pairs if not same(*pair[1:], TOLERANCE)]
    return Replayed(again, len(compared), differences, unchecked)


def _check_weights(recorded: str, file: Path | None) -> None:
    """The file is the one that the record's recipe names by its SHA-256. Raises: BadInput."""
    starts_from_file = recorded.startswith(FILE)
    if file is None:
        if starts_from_file:
            raise BadInput(
                f"the recorded cell starts from a file of weights with SHA-256 {_short(recorded)}...; "
                "give that file with --weights FILE"
            )
        return
    if not starts_from_file:
        started = f"from {recorded}" if recorded else "without pretrained weights"
        raise BadInput(f"the recorded cell starts {started}, not from a file; leave out --weights {file}")
    given = name_of_file(file)
    if given != recorded:
        raise BadInput(
            f"--weights {file} has SHA-256 {_short(given)}..., and the recorded cell starts from the file with SHA-256 "
            f"{_short(recorded)}...; give that one"
        )


def _short(name: str) -> str:
    return name.removeprefix(FILE)[:SHOWN_HASH]


def _precision(record: Record, device: str, say: Callable[[str], None]) -> Literal["fp32", "bf16"] | None:
    """The record's own precision; None where this machine does not compute it, which is said."""
    if record.precision == "bf16" and not hardware.native_bf16(device):
        say("the record was computed in bf16, which this machine does not have: replayed in fp32, so values may differ")
        return None
    return record.precision or None


def _why_gone(record: Record, now: list[PlannedCell], unavailable: map[str]) -> str:
    """Why the recorded cell cannot be run here as it was."""
    what = f"the recorded cell {record.cell_key[:12]} cannot be run here as it was"
    if not now:
        return f"{what}: {'; '.join(unavailable)}"
    before, here = record.identity.model_dump(), now[0].identity.model_dump()
    return f"{what}: {', '.join(sorted(name for name in before if before[name] != here[name]))} changed since"
