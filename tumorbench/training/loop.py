"""The one loop that trains every family, and continues where a killed run stopped."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Batch, Network
from tumorbench.contracts.recipe import Recipe
from tumorbench.errors import BadInput, CellTimeout, Diverged
from tumorbench.training.averaging import averaged, update_average
from tumorbench.training.checkpoint import Keeper, Progress, note, reduce_on_plateau, resume, should_stop
from tumorbench.training.compiling import CompiledStep, PlanOf, plan_of
from tumorbench.training.promises import losses_of
from tumorbench.training.stepping import Stepper, part_size, parts_of

__all__ = [
    "CHECKPOINT_EVERY_S",
    "Fit",
    "autocast",
    "check_deadline",
    "fit",
    "losses_in_precision",
    "seed_everything",
    "timed",
]

CHECKPOINT_EVERY_S = 60.0  # what a killed process loses at most


@dataclass(slots=True)
class Fit:
    """What training did. history: one entry an epoch; best_epoch: the 1-based epoch whose weights the network now has."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    resumed_from_epoch: int | None = None
    discarded: str = ""  # why an earlier run's checkpoint was not continued
    compiled: str = ""  # what of a step ran compiled on a GPU, or why nothing did
    times: dict[str, float] = field(default_factory=dict)  # seconds of this session, as ``contracts.record.Timing``

    def validated(self) -> dict[str, float]:
        """Name -> validation value of the weights that the network now has; empty where there was no validation."""
        entry = self.history[self.best_epoch - 1] if self.best_epoch else {}
        return {name.removeprefix("val_"): value for name, value in entry.items() if name.startswith("val_")}


@contextmanager
def timed(times: dict[str, float], name: str) -> Iterator[None]:
    """The seconds that are spent inside are added to ``times[name]``."""
    started = time.perf_counter()
    try:
        yield
    finally:
        times[name] = times.get(name, 0.0) + time.perf_counter() - started


def seed_everything(seed: int) -> None:
    """torch, numpy and ``random`` start from ``seed``: a plugin's model may draw from any of them."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - the global state is what a stranger's code uses
    random.seed(seed)


def autocast(device: str, precision: str) -> AbstractContextManager[Any]:
    """bf16 autocast, or nothing for fp32."""
    return torch.autocast(device, torch.bfloat16) if precision == "bf16" else nullcontext()


def check_deadline(deadline: float, where: str) -> None:
    """There is time left at ``where``. Raises: CellTimeout after ``deadline`` (``time.monotonic`` seconds)."""
    if time.monotonic() > deadline:
        raise CellTimeout(f"out of time {where}")


def fit(
    network: Network,
    batches: Callable[[int], Iterable[Batch]],
    recipe: Recipe,
    *,
    seed: int,
    device: str,
    checkpoint: Path,
    steps_per_epoch: int | None = None,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    validate: Callable[[Network], dict[str, float]] | None = None,
    deadline: float = math.inf,
    on_epoch: Callable[[dict[str, float], int], None] = lambda _entry, _epochs: None,
    on_step: Callable[[int, int], None] = lambda _epoch, _step: None,
    on_weights: Callable[[Network, int], None] = lambda _network, _epoch: None,
    result: Fit | None = None,
    plan: PlanOf = plan_of,
) -> Fit:
    """The network is trained by its recipe and holds the weights that the recipe keeps.

    ``checkpoint`` holds an epoch's state: the last one's when this returns or raises, before that one of the last
    ``checkpoint_every_s`` seconds. batches: epoch number -> its batches. steps_per_epoch: how many these are, which a
    recipe with a schedule needs. Every epoch starts from seeds
    derived from (seed, epoch), so that continuing from the checkpoint gives the same numbers as never having stopped.
    validate: mean validation values, "val_loss" among them; None where nothing is held out. on_weights: called after
    each epoch with the network as it would be scored then. result: filled as training goes, so that its history is
    known even when this raises. plan: what of a step is compiled. A checkpoint that cannot be read is discarded, and
    under determinism also one that was made in another mode or on another device or thread count.

    Raises: Diverged when an epoch's mean loss or a validation value is not finite; CellTimeout after ``deadline``
    (``time.monotonic`` seconds); BadInput when an epoch takes no step.
    """
    result = result or Fit()
    progress, stepper, result.discarded = resume(checkpoint, network, recipe, device, steps_per_epoch)
    result.history, result.resumed_from_epoch = progress.history, len(progress.history) or None
    keeper = Keeper(checkpoint, device, checkpoint_every_s)
    losses = partial(losses_in_precision, network, names=stepper.optimizers, recipe=recipe, device=device)
    step = CompiledStep(network, losses, part_size(recipe), device, plan)
    try:
        for epoch in range(len(progress.history) + 1, recipe.epochs + 1):
            if should_stop(progress, recipe):
                break
            with timed(result.times, "train_s"):
                step.prepare(partial(_parts, batches, epoch, part_size(recipe)), recipe.epochs + 1 - epoch)
                seed_everything(derive_seed(seed, "training", epoch))
                started = time.perf_counter()
                network.begin_epoch(epoch, recipe.epochs)
                steps = _until(deadline, batches(epoch), epoch, on_step, result.times)
                with timed(result.times, "steady_s"):
                    means = _train_epoch(step, stepper, steps, progress)
                entry = {"epoch": float(epoch), **means}
                _check_finite(entry, epoch)
                with averaged(progress, network):
                    entry |= _validated(network, validate, epoch, deadline, result.times)
                    on_weights(network, epoch)
                entry["learning_rate"] = stepper.rate
                entry["wall_s"] = round(time.perf_counter() - started, 3)
                note(progress, entry, network, recipe)
                reduce_on_plateau(progress, recipe, stepper.optimizers)
                stepper.end_epoch()
                with timed(result.times, "checkpoint_s"):
                    keeper.note(progress, network, stepper)
            on_epoch(entry, recipe.epochs)
    finally:
        result.compiled = step.told
        step.close()
        with timed(result.times, "train_s"), timed(result.times, "checkpoint_s"):
            keeper.close()
    kept = progress.best_weights if recipe.keep == "best" and progress.best_weights is not None else progress.average
    if kept is not None:
        network.load_trained_state(kept)
    result.best_epoch = progress.best_epoch if recipe.keep == "best" and progress.best_epoch else len(progress.history)
    return result


def _validated(
    network: Network,
    validate: Callable[[Network], dict[str, float]] | None,
    epoch: int,
    deadline: float,
    times: dict[str, float],
) -> dict[str, float]:
    """The validation values of the epoch's weights; none without a validation. Raises: Diverged, CellTimeout."""
    if validate is None:
        return {}
    check_deadline(deadline, f"in epoch {epoch}, before its validation")
    with timed(times, "validate_s"):
        values = validate(network)
    _check_finite(values, epoch)
    return values


def _parts(batches: Callable[[int], Iterable[Batch]], epoch: int, size: int) -> Iterator[Batch]:
    """What of an epoch is computed at once."""
    for batch in batches(epoch):
        for piece, _ in parts_of(batch, size):
            yield piece


def _train_epoch(
    step: CompiledStep, stepper: Stepper, batches: Iterable[Batch], progress: Progress
) -> dict[str, float]:
    """One pass over ``batches``: the mean of each loss and of what the network observed, summed on the device so that no step waits for the host."""
    network, recipe = stepper.network, stepper.recipe
    network.train()
    means = _Means(step.device)
    for batch in batches:
        for piece, part in parts_of(batch, part_size(recipe)):
            with step.on(piece):
                for name, loss in stepper.follow(step.losses(piece), part):
                    means.add(name, loss, part.share)
            for name, value in network.observed.items():
                means.add(name, value, part.share)
        if recipe.ema_decay is not None:
            update_average(progress, network, recipe.ema_decay)
    if not means.totals:
        raise BadInput(
            "no training step was taken in an epoch: there is no batch, or losses() yields nothing; fix the split or the model"
        )
    return means.values()


def losses_in_precision(
    network: Network, batch: Batch, *, names: Mapping[str, object], recipe: Recipe, device: str
) -> Iterator[tuple[str, Tensor]]:
    """The network's losses of the batch, one at a time, each computed in the recipe's precision."""
    losses = losses_of(network, batch, names)
    while True:
        with autocast(device, recipe.precision):
            step = next(losses, None)
        if step is None:
            return
        yield step


class _Means:
    """Means of named scalars on the device, over batches."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.totals: dict[str, Tensor] = {}
        self.counts: dict[str, float] = {}

    def add(self, name: str, value: Tensor, share: float) -> None:
        """share: of a batch that the value is of."""
        total = self.totals.get(name, torch.zeros((), device=self.device))
        self.totals[name] = torch.add(total, value.detach().float(), alpha=share)
        self.counts[name] = self.counts.get(name, 0.0) + share

    def values(self) -> dict[str, float]:
        return {name: (total / self.counts[name]).item() for name, total in self.totals.items()}


def _check_finite(entry: dict[str, float], epoch: int) -> None:
    if bad := [name for name, value in entry.items() if not math.isfinite(value)]:
        raise Diverged(f"{', '.join(bad)} is not finite in epoch {epoch}")


def _until(
    deadline: float,
    batches: Iterable[Batch],
    epoch: int,
    on_step: Callable[[int, int], None],
    times: dict[str, float],
) -> Iterator[Batch]:
    """The batches, until the deadline. A session's first step, which loads and compiles, is no steady training."""
    for step, batch in enumerate(batches, 1):
        check_deadline(deadline, f"in epoch {epoch}, step {step}")
        on_step(epoch, step)
        before = time.perf_counter()
        yield batch
        if "steady_s" not in times:
            times["steady_s"] = before - time.perf_counter()
