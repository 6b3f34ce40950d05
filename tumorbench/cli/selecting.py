"""From options to a selection and the context in which it is planned."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from tumorbench import registry
from tumorbench.cli.output import Reporter
from tumorbench.contracts.budget import read_budget
from tumorbench.contracts.problem import Protocol
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from tumorbench.run.context import Context
    from tumorbench.run.plan import Selection

__all__ = ["MOST_SEEDS", "check_counts", "context_of", "selection_of"]

MOST_SEEDS = 1000
MOST_AT_ONCE = 1024  # cells, or threads of one


def check_counts(
    *, timeout: float | None, jobs: int | None, threads: int | None, checkpoint_every: float = 0.0
) -> None:
    """Each of them is a number that a run can have. Raises: BadInput."""
    if timeout is not None and not (timeout > 0 and math.isfinite(timeout)):
        raise BadInput(f"--timeout {timeout:g} is no time; give seconds, or leave it out")
    if not (checkpoint_every >= 0 and math.isfinite(checkpoint_every)):
        raise BadInput(f"--checkpoint-every {checkpoint_every:g} is no time; give seconds, 0 for every epoch")
    for option, count in (("--jobs", jobs), ("--threads", threads)):
        if count is not None and not 1 <= count <= MOST_AT_ONCE:
            raise BadInput(f"{option} {count} is not a number from 1 to {MOST_AT_ONCE}")


def selection_of(
    *,
    everything: bool = False,
    datasets: list[str] | None = None,
    models: list[str] | None = None,
    protocols: list[str] | None = None,
    budget: str | None = None,
    seeds: int | None = None,
    seed: list[int] | None = None,
    folds: list[int] | None = None,
    train_on: str | None = None,
    leave_out: str | None = None,
) -> Selection:
    """What the options ask for. Raises: BadInput for a word that is none of its option's."""
    known = get_args(Protocol)
    if wrong := [each for each in protocols or () if each not in known]:
        raise BadInput(f"--protocol {wrong[0]} is unknown; give one of {', '.join(known)}")
    try:
        chosen = None if budget is None else read_budget(budget)
    except ValueError as error:
        raise BadInput(f"--budget {error}") from None
    from tumorbench.run.plan import Selection

    return Selection(
        everything,
        tuple(datasets or ()),
        tuple(models or ()),
        tuple(protocols or ()),  # type: ignore[arg-type]
        chosen,
        _seeds(seeds, seed),
        tuple(folds or ()),
        train_on,
        leave_out,
    )


def _seeds(count: int | None, named: list[int] | None) -> tuple[int, ...]:
    """``--seeds N`` are 0 to N-1, each ``--seed K`` is one; none where neither is given, for the default."""
    if count is not None and named:
        raise BadInput("--seeds and --seed were both given; give --seeds N for 0 to N-1, or --seed K for single ones")
    if named:
        if outside := [each for each in named if not 0 <= each < 2**31]:
            raise BadInput(f"--seed {outside[0]} is outside of 0 to {2**31 - 1}")
        return tuple(dict.fromkeys(named))
    if count is not None and not 1 <= count <= MOST_SEEDS:
        raise BadInput(f"--seeds {count} is not a number from 1 to {MOST_SEEDS}")
    return tuple(range(count or 0))


def context_of(
    store: Path,
    data_root: Path | None,
    device: str,
    report: Reporter,
    *,
    weights: Path | None = None,
    judge: str | None = None,
    writes: bool = True,
) -> Context:
    """Where the command works. writes: the store's folder is made where it is missing. Raises: BadInput."""
    from tumorbench import hardware
    from tumorbench.data import locations
    from tumorbench.run.context import Context
    from tumorbench.run.identity import judge_of
    from tumorbench.store import Store

    found = registry.find()
    if judge is not None:  # whether or not a cell of the selection needs one
        judge_of(found, judge)
    opened = Store(store).open() if writes else Store(store).to_read()
    return Context(
        found,
        opened,
        locations.data_root(data_root),
        hardware.choose_device(device),
        report.progress,
        judge=judge,
        given_weights=weights,
    )
