"""How a loss moves a network's weights: its optimizers, the norm of their gradients, the schedule of their rates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tumorbench.contracts.families import Batch, Network
from tumorbench.contracts.optimizers import build_optimizer, build_schedule
from tumorbench.contracts.recipe import Recipe
from tumorbench.errors import BadInput
from tumorbench.training.promises import optimizers_of

__all__ = ["WHOLE", "Part", "Stepper", "part_size", "parts_of", "require_known_words"]


@dataclass(frozen=True, slots=True)
class Part:
    """Where a part stands in its batch. share: of the batch's images. first, last: of the batch's parts."""

    share: float = 1.0
    first: bool = True
    last: bool = True


WHOLE = Part()


def part_size(recipe: Recipe) -> int:
    """Images that are computed at once: a batch's, or with ``gradient_accumulation`` a part's."""
    return math.ceil(recipe.batch_size / recipe.gradient_accumulation)


def parts_of(batch: Batch, size: int) -> Iterator[tuple[Batch, Part]]:
    """The batch in parts of ``size`` images, the last with what is left."""
    n = len(batch)
    if n <= size:
        yield batch, WHOLE
        return
    for start in range(0, n, size):
        part = batch.part(slice(start, start + size))
        yield part, Part(len(part) / n, first=start == 0, last=start + size >= n)


class Stepper:
    """A network's optimizers, as the recipe lets them step.

    optimizers: by the names that the network's losses use. rate: the learning rate of the last batch, of the first of
    them.
    """

    def __init__(self, network: Network, recipe: Recipe, steps_per_epoch: int | None = None) -> None:
        """steps_per_epoch: batches of an epoch, which a schedule needs. Raises: BadInput."""
        self.network, self.recipe = network, recipe
        self.optimizers = optimizers_of(network, recipe)
        self.schedules = {}
        if recipe.schedule is not None:
            total = _total(recipe, steps_per_epoch)
            self.schedules = {
                name: build_schedule(recipe.schedule, optimizer, total) for name, optimizer in self.optimizers.items()
            }
        self.rate = self._rate()

    def follow(self, losses: Iterable[tuple[str, Tensor]], part: Part = WHOLE) -> Iterator[tuple[str, Tensor]]:
        """The pairs (optimizer's name, loss) of a batch or a part of it, each after its step; the last ends the batch.

        Raises: BadInput where a part has several losses, which step in turns.
        """
        for number, (name, loss) in enumerate(losses):
            if number and part is not WHOLE:
                raise BadInput(
                    f"gradient_accumulation is for one loss a batch, and {type(self.network).__name__} gives several, "
                    "which step in turns; leave it out"
                )
            self.step(name, loss, part)
            yield name, loss
        if not part.last:
            return
        self.rate = self._rate()
        if self.recipe.schedule and self.recipe.schedule.each == "step":
            self._advance()

    def step(self, name: str, loss: Tensor, part: Part = WHOLE) -> None:
        """The weights of the optimizer ``name`` have followed the loss's gradient, of a norm that the recipe allows.

        Of a batch in parts the gradients are summed, and the weights follow with the last.
        """
        optimizer = self.optimizers[name]
        if part.first:
            optimizer.zero_grad(set_to_none=True)
        (loss if part is WHOLE else loss * part.share).backward()  # type: ignore[no-untyped-call]
        if not part.last:
            return
        if self.recipe.gradient_clip_norm is not None:
            weights = [weight for group in optimizer.param_groups for weight in group["params"]]
            nn.utils.clip_grad_norm_(weights, self.recipe.gradient_clip_norm)
        optimizer.step()

    def end_epoch(self) -> None:
        """A schedule by epochs has moved on."""
        if self.recipe.schedule and self.recipe.schedule.each == "epoch":
            self._advance()

    def state(self) -> dict[str, dict[str, Any]]:
        """What goes on with it: the state of every optimizer and schedule."""
        return {
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "schedules": {name: schedule.state_dict() for name, schedule in self.schedules.items()},
        }

    def load_state(self, state: dict[str, dict[str, Any]]) -> None:
        """Optimizers and schedules are as ``state`` says. Raises: KeyError for one that it does not hold."""
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, schedule in self.schedules.items():
            schedule.load_state_dict(state["schedules"][name])
        self.rate = self._rate()

    def _rate(self) -> float:
        return float(next(iter(self.optimizers.values())).param_groups[0]["lr"])

    def _advance(self) -> None:
        for schedule in self.schedules.values():
            schedule.step()


def _total(recipe: Recipe, steps_per_epoch: int | None) -> int:
    assert recipe.schedule is not None
    if recipe.schedule.each == "epoch":
        return recipe.epochs
    if steps_per_epoch is None:
        raise BadInput("a schedule by steps needs the number of batches of an epoch: give steps_per_epoch")
    return recipe.epochs * steps_per_epoch


def require_known_words(recipe: Recipe, steps_per_epoch: int) -> None:
    """Torch has the recipe's optimizer and schedule, and takes their arguments. Raises: BadInput."""
    optimizer = build_optimizer(recipe.optimizer, iter([nn.Parameter(torch.zeros(2, 2))]))
    if recipe.schedule is not None:
        build_schedule(recipe.schedule, optimizer, _total(recipe, steps_per_epoch))
