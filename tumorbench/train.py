"""The one loop that trains every family, and continues where a killed run stopped."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tumorbench.contracts.cell import derive_seed
from tumorbench.contracts.families import Batch, Network
from tumorbench.contracts.recipe import Recipe
from tumorbench.contracts.whole import written_whole
from tumorbench.errors import BadInput, CellTimeout, Diverged

__all__ = ["Fit", "autocast", "check_deadline", "fit", "save_atomically", "seed_everything"]

Optimizers = dict[str, torch.optim.Optimizer]
MIN_DELTA = 1e-4  # what counts as better for the plateau, as in Keras, which the source reports used


@dataclass(slots=True)
class Fit:
    """What training did. history: one entry an epoch; best_epoch: the 1-based epoch whose weights the network now has."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    resumed_from_epoch: int | None = None
    discarded: str = ""  # why an earlier run's checkpoint was not continued


@dataclass(slots=True)
class _Progress:
    """Everything that an interrupted run needs to go on, besides the seed."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float = math.inf
    best_weights: dict[str, Tensor] | None = None


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
    validate: Callable[[Network], dict[str, float]] | None = None,
    deadline: float = math.inf,
    on_epoch: Callable[[dict[str, float], int], None] = lambda _entry, _epochs: None,
    on_step: Callable[[int, int], None] = lambda _epoch, _step: None,
    result: Fit | None = None,
) -> Fit:
    """The network is trained by its recipe and holds the weights that the recipe keeps; ``checkpoint`` holds the last epoch's state.

    batches: epoch number -> its batches. Every epoch starts from seeds derived from (seed, epoch), so that continuing from the checkpoint gives the same
    numbers as never having stopped. validate: mean validation values, "val_loss" among them; None where nothing is held out.
    result: filled as training goes, so that its history is known even when this raises.
    A checkpoint that cannot be read is discarded, and under determinism also one that was made in another mode or on another device or thread count.
    Raises: Diverged when an epoch's mean loss or a validation value is not finite; CellTimeout after ``deadline`` (``time.monotonic`` seconds);
    BadInput when an epoch takes no step.
    """
    result = result or Fit()
    progress, optimizers, result.discarded = _resume(checkpoint, network, recipe, device)
    result.history, result.resumed_from_epoch = progress.history, len(progress.history) or None
    for epoch in range(len(progress.history) + 1, recipe.epochs + 1):
        if _should_stop(progress, recipe):
            break
        seed_everything(derive_seed(seed, "training", epoch))
        started = time.perf_counter()
        entry = {"epoch": float(epoch), **_train_epoch(network, _until(deadline, batches(epoch), epoch, on_step), optimizers, device, recipe.precision)}
        _check_finite(entry, epoch)
        if validate:
            check_deadline(deadline, f"in epoch {epoch}, before its validation")
            entry |= validate(network)
            _check_finite(entry, epoch)
        entry["learning_rate"] = float(next(iter(optimizers.values())).param_groups[0]["lr"])
        entry["wall_s"] = round(time.perf_counter() - started, 3)
        _note(progress, entry, network, recipe)
        _reduce_on_plateau(progress, recipe, optimizers)
        _save(checkpoint, progress, network, optimizers, device)
        on_epoch(entry, recipe.epochs)
    if recipe.keep == "best" and progress.best_weights is not None:
        network.load_trained_state(progress.best_weights)
    result.best_epoch = progress.best_epoch if recipe.keep == "best" and progress.best_epoch else len(progress.history)
    return result


def _train_epoch(network: Network, batches: Iterable[Batch], optimizers: Optimizers, device: str, precision: str) -> dict[str, float]:
    """One pass over ``batches``: the mean of each loss, summed on the device so that no step waits for the host."""
    network.train()
    totals: dict[str, Tensor] = {}
    counts: dict[str, int] = {}
    for batch in batches:
        losses = network.losses(batch)
        while True:
            with autocast(device, precision):
                step = next(losses, None)
            if step is None:
                break
            name, loss = step
            optimizers[name].zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizers[name].step()
            totals[name] = totals.get(name, torch.zeros((), device=device)) + loss.detach().float()
            counts[name] = counts.get(name, 0) + 1
    if not totals:
        raise BadInput("no training step was taken in an epoch: there is no batch, or losses() yields nothing; mend the split or the model")
    return {name: (total / counts[name]).item() for name, total in totals.items()}


def _check_finite(entry: dict[str, float], epoch: int) -> None:
    if bad := [name for name, value in entry.items() if not math.isfinite(value)]:
        raise Diverged(f"{', '.join(bad)} is not finite in epoch {epoch}")


def _until(deadline: float, batches: Iterable[Batch], epoch: int, on_step: Callable[[int, int], None]) -> Iterator[Batch]:
    for step, batch in enumerate(batches, 1):
        check_deadline(deadline, f"in epoch {epoch}, step {step}")
        on_step(epoch, step)
        yield batch


def _note(progress: _Progress, entry: dict[str, float], network: Network, recipe: Recipe) -> None:
    """The epoch enters the history; its weights are kept when the monitored value is the best so far."""
    progress.history.append(entry)
    value = _monitored(entry, recipe)
    if value < progress.best_value:
        progress.best_value, progress.best_epoch = value, len(progress.history)
        if recipe.keep == "best":
            progress.best_weights = {name: tensor.detach().clone() for name, tensor in network.trained_state().items()}


def _monitored(entry: dict[str, float], recipe: Recipe) -> float:
    """The monitored value as something to minimise; infinite where the epoch has none."""
    value = entry.get(recipe.monitor or "")
    if value is None:
        return math.inf
    return value if recipe.monitor == "val_loss" else -value


def _should_stop(progress: _Progress, recipe: Recipe) -> bool:
    """Keras' EarlyStopping: no better monitored value in the last ``patience`` epochs."""
    return bool(recipe.early_stopping and progress.best_epoch and len(progress.history) - progress.best_epoch >= recipe.early_stopping.patience)


def _reduce_on_plateau(progress: _Progress, recipe: Recipe, optimizers: Optimizers) -> None:
    """Keras' ReduceLROnPlateau, worked out anew from the history, so that it needs no state of its own."""
    rule = recipe.reduce_on_plateau
    if rule is None or recipe.monitor is None:
        return
    best, wait, due = math.inf, 0, False
    for entry in progress.history:
        value, due = _monitored(entry, recipe), False
        if math.isinf(value):  # nothing was held out: there is no plateau to see
            continue
        if value < best - MIN_DELTA:
            best, wait = value, 0
        else:
            wait += 1
            if wait >= rule.patience:
                wait, due = 0, True
    if due:
        for optimizer in optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = max(group["lr"] * rule.factor, rule.minimum)


def _resume(checkpoint: Path, network: Network, recipe: Recipe, device: str) -> tuple[_Progress, Optimizers, str]:
    """Where the checkpoint left off, the optimizers, and "" or why it was discarded; without one the network keeps the weights that it has."""
    optimizers = network.optimizers(recipe)
    if not checkpoint.exists():
        return _Progress(), optimizers, ""
    drawn = {name: tensor.detach().clone() for name, tensor in network.trained_state().items()}
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)  # load_state_dict copies it to where each tensor belongs
        reason = _other_conditions(state.get("conditions", {}), _conditions(device))
        if not reason:
            network.load_trained_state(state["network"])
            for name, optimizer in optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
            return _Progress(state["history"], state["best_epoch"], state["best_value"], state["best_weights"]), optimizers, ""
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - torch.load tells a damaged file by a dozen types
        reason = f"it cannot be read ({type(error).__name__})"
        network.load_trained_state(drawn)
        optimizers = network.optimizers(recipe)
    logging.getLogger(__name__).warning("%s is not continued, training starts anew: %s", checkpoint, reason)
    checkpoint.unlink()
    return _Progress(), optimizers, reason


def _conditions(device: str) -> dict[str, bool | int | str]:
    """What decides the bits of a result besides seed and recipe, as the checkpoint keeps it."""
    name = torch.cuda.get_device_name() if device == "cuda" else device
    return {"deterministic": torch.are_deterministic_algorithms_enabled(), "device": name, "threads": torch.get_num_threads(), "torch": str(torch.__version__)}


def _other_conditions(stored: dict[str, Any], now: dict[str, Any]) -> str:
    """Why a checkpoint cannot be continued bit for bit; "" where it can, and where nobody asked for that."""
    if not now["deterministic"]:
        return ""
    return ", ".join(f"{name} was {stored.get(name)} and is {value}" for name, value in now.items() if stored.get(name) != value)


def _save(checkpoint: Path, progress: _Progress, network: Network, optimizers: Optimizers, device: str) -> None:
    state = {
        "network": network.trained_state(),
        "optimizers": {name: optimizer.state_dict() for name, optimizer in optimizers.items()},
        "conditions": _conditions(device),
        "history": progress.history, "best_epoch": progress.best_epoch, "best_value": progress.best_value, "best_weights": progress.best_weights,
    }  # fmt: skip
    save_atomically(state, checkpoint)


def save_atomically(state: object, path: Path) -> None:
    """``torch.save`` that leaves either the old file or the whole new one."""
    with written_whole(path) as partial:
        torch.save(state, partial)
