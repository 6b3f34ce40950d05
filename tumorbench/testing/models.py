"""What a model promises: checked on a tiny problem, with random images."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.optim import Optimizer

from tumorbench.contracts.cards import ModelSpec
from tumorbench.contracts.families import Batch, Generator, Mixed, Network
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.words import with_settings
from tumorbench.testing.contract import check_card, promised, require
from tumorbench.training import promises
from tumorbench.training.mirrored import mirrored
from tumorbench.training.networks import build, count_parameters, problem_for
from tumorbench.training.stepping import Stepper, require_known_words

__all__ = ["TINY", "check_model", "tiny_problem"]

TINY = 64  # pixels a side
WORDS_STEPS = 100  # of an epoch, in which a schedule is tried
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
    with promised(spec):
        require_known_words(spec.recipe, WORDS_STEPS)
    _check_parameter_count(spec)
    problem = problem or tiny_problem(spec)
    torch.manual_seed(0)
    with promised(spec):
        network = build(spec, problem, spec.recipe)
    _check_compilable(spec, network)
    batch = _random_batch(spec, problem)
    _check_words(spec, network, batch)
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
    labels = torch.arange(n) % len(problem.classes)
    kinds = problem.outputs if spec.task == "segmentation" else 2
    learns = spec.task == "segmentation" or spec.recipe.mask_supervision
    masks = torch.randint(0, kinds, (n, problem.size, problem.size)) if learns else None
    return Batch(images, labels, masks)


def _check_words(spec: ModelSpec, network: Network, batch: Batch) -> None:
    """What the recipe says of the losses changes them: a model with losses of its own may forget it."""
    recipe = spec.recipe
    if recipe.test_time_flips != "none":
        with promised(spec):
            mirrored(network, recipe)

    if not (recipe.label_smoothing or recipe.mixup or recipe.mask_supervision):
        return

    def losses(shown: Batch, smoothing: float) -> list[float]:
        network.label_smoothing = smoothing
        torch.manual_seed(0)
        with promised(spec):
            return [loss.item() for _, loss in network.losses(shown)]

    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.eval()  # no dropout and no statistics of the batch, so that nothing else tells two losses apart
    own, plain = losses(batch, recipe.label_smoothing), losses(batch, 0.0)
    require(not recipe.label_smoothing or own != plain, spec, "its losses do not heed the recipe's label_smoothing")
    if recipe.mixup:
        other = Mixed(
            torch.full((len(batch),), 0.5), batch.labels.flip(0), None if batch.masks is None else batch.masks
        )
        found = losses(replace(batch, mixed=other), recipe.label_smoothing)
        require(found != own, spec, "its losses do not heed the recipe's mixup")
    if recipe.mask_supervision:
        assert batch.masks is not None
        found = losses(replace(batch, masks=torch.zeros_like(batch.masks)), recipe.label_smoothing)
        require(found != own, spec, "its losses do not heed the masks of the recipe's mask_supervision")
        losses(replace(batch, masks=None), recipe.label_smoothing)
    network.label_smoothing = recipe.label_smoothing
    network.load_state_dict(state)
    network.train()


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
        update={"optimizer": spec.recipe.optimizer.model_copy(update={"weight_decay": 0.0}), "schedule": None}
    )  # decay alone is no training; a warm-up begins with steps that are hardly one
    with promised(spec):
        stepper = Stepper(network, recipe)
        rate = {"learning_rate": 2 * recipe.optimizer.learning_rate}
        faster = promises.optimizers_of(network, with_settings(recipe, rate))
    follows = _rates(stepper.optimizers) != _rates(faster) or "learning_rate" in recipe.params
    require(follows, spec, "no optimizer takes the recipe's learning_rate; make them with tb.build_optimizer")
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    used = set()
    network.train()
    for _ in range(STEPS):
        losses = promises.losses_of(network, batch, stepper.optimizers)
        while True:
            with promised(spec):
                name, loss = next(losses, ("", None))
            if loss is None:
                break
            require(bool(loss.isfinite()), spec, f"its loss {name!r} is not one finite number")
            stepper.step(name, loss)
            used.add(name)
    unused = set(stepper.optimizers) - used
    require(not unused, spec, f"no loss steps the optimizer {', '.join(sorted(unused))}")
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
