"""A recipe's optimizer and schedule as torch's own objects, by their names there."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from torch import nn
from torch.optim.lr_scheduler import LinearLR, LRScheduler, SequentialLR

from tumorbench.contracts.card import Argument
from tumorbench.contracts.steps import Optimizer, Schedule
from tumorbench.errors import BadInput, one_line

__all__ = ["build_optimizer", "build_schedule"]

K = TypeVar("K")
NOT_STEPPED = {
    "LBFGS": "needs the loss several times a step",
    "SparseAdam": "takes sparse gradients alone, and no model here has them",
}
NOT_OF_NUMBERS = {
    "LambdaLR": "takes a function",
    "MultiplicativeLR": "takes a function",
    "SequentialLR": "takes other schedules; give warm_up",
    "ChainedScheduler": "takes other schedules; give warm_up",
    "ReduceLROnPlateau": "is the recipe's reduce_on_plateau",
}
OWN_RISE = ("OneCycleLR", "CyclicLR")  # begin at a rate of their own
FIRST_STEP = 0.01  # of the rate, at the beginning of a warm-up
CLASSES = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}


def build_optimizer(recipe: Optimizer, parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
    """The recipe's optimizer over those of ``parameters`` that train.

    Raises: BadInput for a name or an argument that torch.optim does not have or refuses.
    """
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    lr, decay, more = recipe.learning_rate, recipe.weight_decay, _plain(recipe.arguments)
    kinds = {parameter.device.type for parameter in trainable}
    fused = True if kinds in ({"cuda"}, {"cpu"}) else None  # one kernel a step; elsewhere torch's own choice
    kind = _optimizer(recipe.name)
    takes = set(inspect.signature(kind).parameters)
    _require_known(f"the recipe's optimizer {recipe.name}", more, takes - {"params", "lr", "weight_decay"})
    given: dict[str, Any] = {"lr": lr}
    match recipe.name:
        case "adam" | "adamw":
            given |= {"betas": recipe.betas, "weight_decay": decay, "fused": fused}
        case "sgd":
            given |= {"momentum": recipe.momentum, "weight_decay": decay, "fused": fused}
        case "rmsprop":
            given |= {"momentum": recipe.momentum, "weight_decay": decay}
        case _:
            given |= {"weight_decay": decay} if "weight_decay" in takes else {}
            given |= {"fused": fused} if "fused" in takes else {}
            if decay and "weight_decay" not in takes:
                raise BadInput(f"the recipe's optimizer {recipe.name} takes no weight_decay; leave it at 0")
    if "foreach" in more or "differentiable" in more:
        given.pop("fused", None)
    try:
        return kind(trainable, **given | more)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(f"torch.optim refuses the recipe's optimizer {recipe.name}: {one_line(error)}") from error


def build_schedule(recipe: Schedule, optimizer: torch.optim.Optimizer, total: int) -> LRScheduler:
    """The recipe's schedule of the optimizer's rate over ``total`` steps, or epochs as its ``each`` says.

    Raises: BadInput for a name or an argument that torch.optim.lr_scheduler does not have or refuses.
    """
    kind = _schedule(recipe.name)
    takes = set(inspect.signature(kind).parameters) - {
        "optimizer",
        "last_epoch",
        "scale_fn",
        "epochs",
        "steps_per_epoch",
    }
    given = _plain(recipe.arguments)
    what = f"the recipe's schedule {recipe.name}"
    _require_known(what, given, takes)
    if recipe.warm_up and recipe.name in OWN_RISE:
        raise BadInput(f"{what} begins at a rate of its own; leave out warm_up")
    rising = round(recipe.warm_up * total)
    known = dict.fromkeys(("T_max", "total_iters", "total_steps"), total - rising)
    rates = [group["lr"] for group in optimizer.param_groups]
    given = (
        {name: value for name, value in known.items() if name in takes}
        | ({"max_lr": rates} if "max_lr" in takes else {})
        | given
    )
    try:
        if not rising:
            return kind(optimizer, **given)
        first = LinearLR(optimizer, FIRST_STEP, total_iters=rising)
        return SequentialLR(optimizer, [first, kind(optimizer, **given)], [rising])
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise BadInput(f"torch refuses {what} over {total} {recipe.each}s: {one_line(error)}") from error


def _optimizer(name: str) -> type[torch.optim.Optimizer]:
    known = _classes(torch.optim, torch.optim.Optimizer)
    return _named("optimizer", "torch.optim", CLASSES.get(name, name), known, NOT_STEPPED, (*CLASSES, *known))


def _schedule(name: str) -> type[LRScheduler]:
    known = _classes(torch.optim.lr_scheduler, LRScheduler)
    return _named("schedule", "torch.optim.lr_scheduler", name, known, NOT_OF_NUMBERS, tuple(known))


def _classes(module: Any, base: type[K]) -> dict[str, type[K]]:
    """The public classes of ``module`` that are of the kind ``base``, by name."""
    found = {name: each for name, each in vars(module).items() if isinstance(each, type) and issubclass(each, base)}
    return {name: each for name, each in found.items() if each is not base and not name.startswith("_")}


def _named(
    what: str, where: str, name: str, known: dict[str, type[K]], refused: dict[str, str], offered: tuple[str, ...]
) -> type[K]:
    """The class of that name. Raises: BadInput with the nearest one, or why it is not for a recipe."""
    if name in refused:
        raise BadInput(f"{where}.{name} is no {what} for a recipe: it {refused[name]}")
    if name not in known:
        folded = {each.lower(): each for each in offered if each not in refused}
        near = difflib.get_close_matches(name.lower(), folded, n=1)
        meant = f"did you mean {folded[near[0]]}?" if near else f"there are {', '.join(folded.values())}"
        raise BadInput(f"{where} has no {what} {name!r}; {meant}")
    return known[name]


def _require_known(what: str, given: dict[str, Any], takes: set[str]) -> None:
    if unknown := sorted(set(given) - takes):
        raise BadInput(f"{what} takes no {', '.join(unknown)}; it takes {', '.join(sorted(takes))}")


def _plain(arguments: dict[str, Argument]) -> dict[str, Any]:
    """The arguments as torch takes them: what is a tuple in a recipe is a list for milestones."""
    return {
        name: list(value) if name == "milestones" else value  # type: ignore[arg-type]
        for name, value in arguments.items()
    }
