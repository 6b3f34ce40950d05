"""What a model promises: checked on a tiny problem, with random images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer

from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.families import Batch, Generator, Network
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.words import with_settings
from tumorbench.testing.contract import check_card, promised, require
from tumorbench.training import promises
from tumorbench.training.networks import build, count_parameters, problem_for

__all__ = ["TINY", "check_model", "tiny_problem"]

TINY = 64  # pixels a side
STEPS = 3  # a weight that no optimizer moves in three batches is not trained
RANGES = {"symmetric": (-1.0, 1.0), "unit": (0.0, 1.0), "imagenet": (-2.2, 2.7)}


def tiny_problem(spec: ModelSpec, size: int = TINY) -> Problem:
    """A small problem of the model's own kind: its recipe's channels, 64 pixels a side unless told."""
    preprocessing = spec.recipe.preprocessing.model_copy(update={"size": size})
    return problem_for(spec, None, spec.recipe.model_copy(update={"preprocessing": preprocessing}))


def check_model(spec: ModelSpec, problem: Problem | None = None) -> None:
    """The model keeps its card's promises. Raises: ContractBroken, naming the fault; Unavailable without its weights.

    problem: on which it is built and trained for three batches; a tiny one of its own kind by default.
    """
    check_card(spec)
    _check_parameter_count(spec)
    problem = problem or tiny_problem(spec)
    torch.manual_seed(0)
    with promised(spec):
        network = build(spec, problem, spec.recipe)
    _check_compilable(spec, network)
    batch = _random_batch(spec, problem)
    _check_training(spec, network, batch)
    network.eval()
    with torch.inference_mode():
        if isinstance(network, Generator):
            _check_samples(spec, network, problem)
        else:
            _check_logits(spec, network, batch.images)


def _check_parameter_count(spec: ModelSpec) -> None:
    if (stated := spec.parameters) is None:
        return
    counted = count_parameters(spec, stated.problem)
    for name, value in (("total", stated.total), ("trainable", stated.trainable)):
        fault = f"its card states {value:,} {name} parameters and it has {counted[name]:,}"
        require(abs(counted[name] - value) <= stated.tolerance, spec, fault)


def _random_batch(spec: ModelSpec, problem: Problem) -> Batch:
    low, high = RANGES[spec.recipe.preprocessing.normalisation]
    n = max(4, len(problem.classes))
    images = torch.rand(n, problem.channels, problem.size, problem.size) * (high - low) + low
    masks = torch.randint(0, problem.outputs, (n, problem.size, problem.size)) if spec.task == "segmentation" else None
    return Batch(images, torch.arange(n) % len(problem.classes), masks)


def _check_compilable(spec: ModelSpec, network: Network) -> None:
    """What it says may be compiled are functions of it."""
    names = {name for name, _ in network.named_modules()}
    for name in network.compilable:
        owner, _, function = name.rpartition(".")
        there = owner in names and callable(getattr(network.get_submodule(owner), function, None))
        require(there, spec, f"its compilable names {name!r}, and its network has no such function")


def _check_training(spec: ModelSpec, network: Network, batch: Batch) -> None:
    """Three batches move every weight that trains and none that does not."""
    recipe = spec.recipe.model_copy(
        update={"optimizer": spec.recipe.optimizer.model_copy(update={"weight_decay": 0.0})}
    )  # decay alone is no training
    with promised(spec):
        optimizers = promises.optimizers_of(network, recipe)
        rate = {"learning_rate": 2 * recipe.optimizer.learning_rate}
        faster = promises.optimizers_of(network, with_settings(recipe, rate))
    follows = _rates(optimizers) != _rates(faster) or "learning_rate" in recipe.params
    require(follows, spec, "no optimizer takes the recipe's learning_rate; make them with tb.build_optimizer")
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    used = set()
    network.train()
    for _ in range(STEPS):
        losses = promises.losses_of(network, batch, optimizers)
        while True:
            with promised(spec):
                name, loss = next(losses, ("", None))
            if loss is None:
                break
            require(bool(loss.isfinite()), spec, f"its loss {name!r} is not one finite number")
            optimizers[name].zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizers[name].step()
            used.add(name)
    require(used == set(optimizers), spec, f"no loss steps the optimizer {', '.join(sorted(set(optimizers) - used))}")
    moved = {name for name, weight in network.named_parameters() if not torch.equal(weight.detach(), before[name])}
    trains = {name for name, weight in network.named_parameters() if weight.requires_grad}
    require(trains <= moved, spec, f"training does not move {', '.join(sorted(trains - moved))}")
    require(moved <= trains, spec, f"training moves the frozen {', '.join(sorted(moved - trains))}")


def _rates(optimizers: dict[str, Optimizer]) -> list[float]:
    return [group["lr"] for optimizer in optimizers.values() for group in optimizer.param_groups]


def _check_logits(spec: ModelSpec, network: Network, images: Tensor) -> None:
    """Logits have the family's shape, are finite, and those of an image do not depend on the rest of its batch."""
    with promised(spec):
        logits, alone = promises.logits_of(network, images), promises.logits_of(network, images[:1])
    require(bool(logits.isfinite().all()), spec, "its logits are not finite")
    require(
        torch.allclose(alone, logits[:1], rtol=1e-3, atol=1e-3),
        spec,
        "the logits of an image depend on the rest of its batch",
    )


def _check_samples(spec: ModelSpec, network: Generator, problem: Problem) -> None:
    """Samples have the family's shape and range, and come from ``rng`` alone."""

    def sample(n: int, seed: int) -> Tensor:
        labels, rng = torch.arange(n) % len(problem.classes), torch.Generator().manual_seed(seed)
        with promised(spec):
            return promises.images_of(network, n, labels, rng)

    images, low_high = sample(3, seed=1), RANGES[spec.recipe.preprocessing.normalisation]
    require(images.dtype == torch.float32, spec, f"its samples are {images.dtype}, not float32")
    require(bool(images.isfinite().all()), spec, "its samples are not finite")
    inside = low_high[0] - 1e-4 <= images.min().item() and images.max().item() <= low_high[1] + 1e-4
    require(
        inside,
        spec,
        f"its samples reach from {images.min():.3g} to {images.max():.3g}, outside of its normalisation's {low_high}",
    )
    require(torch.equal(images, sample(3, seed=1)), spec, "the same rng gives different samples")
    require(not torch.equal(images, sample(3, seed=2)), spec, "a different rng gives the same samples")
    require(sample(1, seed=1).shape[0] == 1, spec, "it cannot make one sample alone")
