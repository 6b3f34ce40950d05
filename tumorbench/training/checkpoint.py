"""Where training stands: its history, its best weights and their running average, and the checkpoint from which a killed run continues."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tumorbench.contracts.families import Network
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.recipe import Recipe
from tumorbench.training.stepping import Stepper

__all__ = ["Keeper", "Progress", "note", "reduce_on_plateau", "resume", "save_atomically", "should_stop"]

Weights = dict[str, Tensor]
MIN_DELTA = 1e-4  # what counts as better for the plateau, as in Keras, which the source reports used


@dataclass(slots=True)
class Progress:
    """Everything that an interrupted run needs to go on, besides the seed."""

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float = math.inf
    best_weights: Weights | None = None
    average: Weights | None = None  # the running average of the weights, where the recipe asks for one
    steps: int = 0  # that entered the average


def note(progress: Progress, entry: dict[str, float], network: Network, recipe: Recipe) -> None:
    """The epoch enters the history; its weights (their average, where there is one) are kept when the monitored value is the best so far."""
    progress.history.append(entry)
    value = _monitored(entry, recipe)
    if value < progress.best_value:
        progress.best_value, progress.best_epoch = value, len(progress.history)
        if recipe.keep == "best":
            progress.best_weights = {
                name: tensor.detach().clone() for name, tensor in (progress.average or network.trained_state()).items()
            }


def _monitored(entry: dict[str, float], recipe: Recipe) -> float:
    """The monitored value as something to minimise; infinite where the epoch has none."""
    value = entry.get(recipe.monitor or "")
    if value is None:
        return math.inf
    return value if recipe.monitor in ("val_loss", "val_block_distance") else -value


def should_stop(progress: Progress, recipe: Recipe) -> bool:
    """Keras' EarlyStopping: no better monitored value in the last ``patience`` epochs."""
    return bool(
        recipe.early_stopping
        and progress.best_epoch
        and len(progress.history) - progress.best_epoch >= recipe.early_stopping.patience
    )


def reduce_on_plateau(progress: Progress, recipe: Recipe, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
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


def resume(
    checkpoint: Path, network: Network, recipe: Recipe, device: str, steps_per_epoch: int | None = None
) -> tuple[Progress, Stepper, str]:
    """Where the checkpoint left off, what steps the weights, and "" or why it was discarded.

    Without one the network keeps the weights that it has.
    """
    stepper = Stepper(network, recipe, steps_per_epoch)
    if not checkpoint.exists():
        return Progress(), stepper, ""
    drawn = {name: tensor.detach().clone() for name, tensor in network.trained_state().items()}
    try:
        state = torch.load(
            checkpoint, map_location="cpu", weights_only=True
        )  # load_state_dict copies it to where each tensor belongs
        reason = _other_conditions(state.get("conditions", {}), _conditions(device))
        if not reason:
            network.load_trained_state(state["network"])
            stepper.load_state(state)
            progress = Progress(**state["progress"])
            if recipe.keep == "best" and progress.best_epoch:
                progress.best_weights = torch.load(_best(checkpoint, progress.best_epoch), weights_only=True)
            if progress.average:
                progress.average = {name: each.to(drawn[name].device) for name, each in progress.average.items()}
            return progress, stepper, ""
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - torch.load tells a damaged file by a dozen types
        reason = f"it cannot be read ({type(error).__name__})"
        network.load_trained_state(drawn)
        stepper = Stepper(network, recipe, steps_per_epoch)
    logging.getLogger(__name__).warning("%s is not continued, training starts anew: %s", checkpoint, reason)
    for path in (checkpoint, *checkpoint.parent.glob(f"{checkpoint.stem}.best-*.pt")):
        path.unlink()
    return Progress(), stepper, reason


def _conditions(device: str) -> dict[str, bool | int | str]:
    """What decides the bits of a result besides seed and recipe, as the checkpoint keeps it."""
    name = torch.cuda.get_device_name() if device == "cuda" else device
    return {
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "device": name,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
    }


def _other_conditions(stored: dict[str, Any], now: dict[str, Any]) -> str:
    """Why a checkpoint cannot be continued bit for bit; "" where it can, and where nobody asked for that."""
    if not now["deterministic"]:
        return ""
    return ", ".join(
        f"{name} was {stored.get(name)} and is {value}" for name, value in now.items() if stored.get(name) != value
    )


class Keeper:
    """Keeps where training stands, beside training: at most once in ``every_s`` seconds, and when it is closed.

    ``path`` holds the state after an epoch; the best weights, where the recipe keeps them, lie in a file of their own
    beside it, which is named by its epoch and written when they have changed. A thread writes copies, so that training
    goes on meanwhile. Closing it, also after an error, loses no epoch; a process that is killed loses ``every_s`` at
    most.
    """

    def __init__(self, path: Path, device: str, every_s: float) -> None:
        self.path, self.device, self.every_s = path, device, every_s
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        self._unwritten: Callable[[], None] | None = None
        self._since = time.monotonic()

    def note(self, progress: Progress, network: Network, stepper: Stepper) -> None:
        """The state after an epoch is what will be written next. Raises: what an earlier write has met, as OSError."""
        state = {
            "network": _copied(network.trained_state()),
            **_copied(stepper.state()),
            "conditions": _conditions(self.device),
            "progress": {
                name: _copied(getattr(progress, name)) for name in Progress.__slots__ if name != "best_weights"
            },
        }
        self._unwritten = partial(_write, self.path, state, progress.best_epoch, progress.best_weights)
        if time.monotonic() - self._since >= self.every_s:
            self._write()

    def close(self) -> None:
        """What was noted last is written. Raises: OSError, naming the path."""
        try:
            self._write()
        finally:
            self._writer.shutdown()
        self._finish()

    def _write(self) -> None:
        self._finish()
        if self._unwritten:
            self._writing, self._unwritten = self._writer.submit(self._unwritten), None
            self._since = time.monotonic()

    def _finish(self) -> None:
        if self._writing:
            writing, self._writing = self._writing, None
            writing.result()


def _copied(state: Any) -> Any:
    """The same nest of dicts and lists with copies of its tensors in the host's memory."""
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, dict):
        return {name: _copied(each) for name, each in state.items()}
    return [_copied(each) for each in state] if isinstance(state, list) else state


def _write(path: Path, state: dict[str, Any], best_epoch: int, best_weights: Weights | None) -> None:
    """The best weights' file first, then the state that names it; then those of other epochs go."""
    best = _best(path, best_epoch)
    if best_weights is not None and not best.exists():
        save_atomically(best_weights, best)
    save_atomically(state, path)
    for other in set(path.parent.glob(f"{path.stem}.best-*.pt")) - {best}:
        other.unlink()


def _best(path: Path, epoch: int) -> Path:
    return path.with_name(f"{path.stem}.best-{epoch}.pt")


def save_atomically(state: object, path: Path) -> None:
    """``torch.save`` that leaves either the old file or the whole new one."""
    with written_whole(path) as partial:
        torch.save(state, partial)
