"""The contract tests that a plugin's author runs: what every card promises, checked.

In a plugin's tests, one line does it all::

    from tumorbench.testing import plugin_contract

    test_contract = plugin_contract("my_plugin_module")
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from itertools import islice
from pathlib import Path

import numpy as np
import pluggy
import torch
from pydantic import ValidationError
from torch import Tensor

from tumorbench.contracts import hookspecs
from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.contracts.factory import load
from tumorbench.contracts.families import Batch, Generator, Network
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import Card
from tumorbench.training.networks import build, count_parameters, problem_for

__all__ = [
    "ContractBroken",
    "check_card",
    "check_dataset",
    "check_model",
    "plugin_cards",
    "plugin_contract",
    "tiny_problem",
]

TINY = 64  # pixels a side
STEPS = 3  # a weight that no optimizer moves in three batches is not trained
RANGES = {"symmetric": (-1.0, 1.0), "unit": (0.0, 1.0), "imagenet": (-2.2, 2.7)}
HEALTHY = re.compile(
    r"(no|none|normal|healthy|(no|without)tumou?r|nolesion)"
)  # class names, letters only, of slices without a lesion


class ContractBroken(AssertionError):
    """A card or what it stands for does not do what every harness relies on; the message names the fault."""


def check_card(spec: Card) -> None:
    """The card is complete, survives JSON, and its factory can be imported. Raises: ContractBroken."""
    for name, value in spec:
        _require(not (isinstance(value, str) and not value.strip()), spec, f"its card leaves {name} empty")
    try:
        same = type(spec).model_validate_json(spec.model_dump_json()) == spec
    except ValidationError as error:
        raise ContractBroken(
            f"{getattr(spec, 'id', type(spec).__name__)}: its card is not valid: {error.errors()[0]['msg']}"
        ) from error
    _require(same, spec, "its card changes on the way through JSON")
    load(getattr(spec, "factory"))  # noqa: B009 - every kind of card has one, their base has none


def tiny_problem(spec: ModelSpec, size: int = TINY) -> Problem:
    """A small problem of the model's own kind: its recipe's channels, 64 pixels a side unless told."""
    preprocessing = spec.recipe.preprocessing.model_copy(update={"size": size})
    return problem_for(spec, None, spec.recipe.model_copy(update={"preprocessing": preprocessing}))


def check_model(spec: ModelSpec, problem: Problem | None = None) -> None:
    """The model keeps its card's promises. Raises: ContractBroken, naming the fault; BadInput where it cannot be built.

    problem: on which it is built and trained for three batches; a tiny one of its own kind by default.
    """
    check_card(spec)
    _check_parameter_count(spec)
    problem = problem or tiny_problem(spec)
    torch.manual_seed(0)
    network = build(spec, problem, spec.recipe)
    _require(
        isinstance(network, Network),
        spec,
        f"its factory returns a {type(network).__name__}, not one of tumorbench's families",
    )
    batch = _random_batch(spec, problem)
    _check_training(spec, network, batch)
    network.eval()
    with torch.inference_mode():
        if isinstance(network, Generator):
            _check_samples(spec, network, problem)
        else:
            _check_logits(spec, network, problem, batch.images)


def _check_parameter_count(spec: ModelSpec) -> None:
    if (stated := spec.parameters) is None:
        return
    counted = count_parameters(spec, stated.problem)
    for name, value in (("total", stated.total), ("trainable", stated.trainable)):
        fault = f"its card states {value:,} {name} parameters and it has {counted[name]:,}"
        _require(abs(counted[name] - value) <= stated.tolerance, spec, fault)


def _random_batch(spec: ModelSpec, problem: Problem) -> Batch:
    low, high = RANGES[spec.recipe.preprocessing.normalisation]
    n = max(4, len(problem.classes))
    images = torch.rand(n, problem.channels, problem.size, problem.size) * (high - low) + low
    masks = torch.randint(0, problem.outputs, (n, problem.size, problem.size)) if spec.task == "segmentation" else None
    return Batch(images, torch.arange(n) % len(problem.classes), masks)


def _check_training(spec: ModelSpec, network: Network, batch: Batch) -> None:
    """Three batches move every weight that trains and none that does not."""
    recipe = spec.recipe.model_copy(
        update={"optimizer": spec.recipe.optimizer.model_copy(update={"weight_decay": 0.0})}
    )  # decay alone is no training
    optimizers = network.optimizers(recipe)
    before = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    used = set()
    network.train()
    for _ in range(STEPS):
        for name, loss in network.losses(batch):
            _require(
                name in optimizers,
                spec,
                f"its losses name the optimizer {name!r}, and its optimizers are {', '.join(optimizers)}",
            )
            _require(loss.ndim == 0 and bool(loss.isfinite()), spec, f"its loss {name!r} is not one finite number")
            optimizers[name].zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizers[name].step()
            used.add(name)
    _require(used == set(optimizers), spec, f"no loss steps the optimizer {', '.join(sorted(set(optimizers) - used))}")
    moved = {name for name, weight in network.named_parameters() if not torch.equal(weight.detach(), before[name])}
    trains = {name for name, weight in network.named_parameters() if weight.requires_grad}
    _require(trains <= moved, spec, f"training does not move {', '.join(sorted(trains - moved))}")
    _require(moved <= trains, spec, f"training moves the frozen {', '.join(sorted(moved - trains))}")


def _check_logits(spec: ModelSpec, network: Network, problem: Problem, images: Tensor) -> None:
    """Logits have the family's shape, are finite, and those of an image do not depend on the rest of its batch."""
    logits, alone = network(images), network(images[:1])
    area = (problem.size, problem.size) if spec.task == "segmentation" else ()
    expected = (len(images), problem.outputs, *area)
    _require(tuple(logits.shape) == expected, spec, f"its logits have the shape {tuple(logits.shape)}, not {expected}")
    _require(bool(logits.isfinite().all()), spec, "its logits are not finite")
    _require(
        alone.shape[0] == 1 and torch.allclose(alone, logits[:1], rtol=1e-3, atol=1e-3),
        spec,
        "the logits of an image depend on the rest of its batch",
    )


def _check_samples(spec: ModelSpec, network: Generator, problem: Problem) -> None:
    """Samples have the family's shape and range, and come from ``rng`` alone."""

    def sample(n: int, seed: int) -> Tensor:
        return network.sample(n, torch.arange(n) % len(problem.classes), torch.Generator().manual_seed(seed))

    images, low_high = sample(3, seed=1), RANGES[spec.recipe.preprocessing.normalisation]
    expected = (3, problem.channels, problem.size, problem.size)
    _require(tuple(images.shape) == expected, spec, f"its samples have the shape {tuple(images.shape)}, not {expected}")
    _require(images.dtype == torch.float32, spec, f"its samples are {images.dtype}, not float32")
    _require(bool(images.isfinite().all()), spec, "its samples are not finite")
    inside = low_high[0] - 1e-4 <= images.min().item() and images.max().item() <= low_high[1] + 1e-4
    _require(
        inside,
        spec,
        f"its samples reach from {images.min():.3g} to {images.max():.3g}, outside of its normalisation's {low_high}",
    )
    _require(torch.equal(images, sample(3, seed=1)), spec, "the same rng gives different samples")
    _require(not torch.equal(images, sample(3, seed=2)), spec, "a different rng gives the same samples")
    _require(sample(1, seed=1).shape[0] == 1, spec, "it cannot make one sample alone")


def check_dataset(spec: DatasetSpec, root: Path, images: int = 4) -> None:
    """The data set in ``root`` is what its card says; ``images`` slices of each class are read.

    Raises: ContractBroken, naming the fault; Unavailable or BadInput where the data set cannot be listed or read.
    """
    check_card(spec)
    dataset: Dataset = load(spec.factory)(root)
    samples = list(dataset.samples())
    _require(list(load(spec.factory)(root).samples()) == samples, spec, "listing it twice gives two different lists")
    _check_listing(spec, samples)
    for label in range(len(spec.classes)):
        for sample in islice((sample for sample in samples if sample.label == label), images):
            _check_slice(spec, dataset, sample)


def _check_listing(spec: DatasetSpec, samples: list[Sample]) -> None:
    """Ids, labels, patients and folders are as the card says."""
    ids = [sample.id for sample in samples]
    _require(len(set(ids)) == len(ids), spec, f"{len(ids) - len(set(ids))} of its sample ids are used twice")
    labels = {sample.label for sample in samples}
    _require(
        labels <= set(range(len(spec.classes))),
        spec,
        f"it lists the labels {sorted(labels)} for {len(spec.classes)} classes",
    )
    missing = [name for label, name in enumerate(spec.classes) if label not in labels]
    _require(not missing, spec, f"it lists no sample of {', '.join(missing)}")
    patients = {sample.patient is not None for sample in samples}
    _require(
        patients == {spec.patients_known},
        spec,
        f"its card says patients_known={spec.patients_known}, and its samples do not agree",
    )
    folders, stated = {sample.split for sample in samples}, {"train", "test"} if spec.official_split else {None}
    _require(
        folders == stated, spec, f"its card says official_split={spec.official_split}, and its samples do not agree"
    )


def _check_slice(spec: DatasetSpec, dataset: Dataset, sample: Sample) -> None:
    """The slice is grey uint8, and its mask, where due, fits it and marks something."""
    image, mask = dataset.read_image(sample), dataset.read_mask(sample)
    _require(
        image.ndim == 2 and image.dtype == np.uint8,
        spec,
        f"slice {sample.id} is {image.dtype} {image.shape}, not uint8 (height, width)",
    )
    if "segmentation" not in spec.tasks:
        return
    healthy = HEALTHY.fullmatch(re.sub(r"[^a-z]", "", spec.classes[sample.label].lower()))
    if mask is None:
        _require(bool(healthy), spec, f"slice {sample.id} shows a {spec.classes[sample.label]} and has no mask")
        return
    _require(mask.shape == image.shape, spec, f"the mask of slice {sample.id} is {mask.shape}, its image {image.shape}")
    _require(
        int(mask.max()) <= len(spec.mask_classes),
        spec,
        f"the mask of slice {sample.id} has values beyond its {len(spec.mask_classes)} mask_classes",
    )
    _require(
        bool(healthy) != bool(mask.any()),
        spec,
        f"the mask of slice {sample.id}, a {spec.classes[sample.label]}, is {'not ' if healthy else ''}empty",
    )


def plugin_cards(module: str) -> list[Card]:
    """Every card that the plugin module's hooks hand over. Raises: pluggy's PluginValidationError for a hook that does not exist."""
    manager = pluggy.PluginManager("tumorbench")
    manager.add_hookspecs(hookspecs)
    manager.register(import_module(module))
    manager.check_pending()
    return [
        card
        for hook in hookspecs.__all__
        if hook != "hookimpl"
        for cards in getattr(manager.hook, hook)()
        for card in cards
    ]


def plugin_contract(
    module: str, *, sizes: Mapping[str, int] | None = None, roots: Mapping[str, Path] | None = None
) -> Callable[[Card], None]:
    """A parametrized pytest test with one case a card of the plugin ``module``; bind it to a name that starts with ``test``.

    sizes: model id -> pixels a side of the problem on which it is tried, where 64 does not suit it. roots: data set id -> its folder; by default the
    folder of that name in ``TUMORBENCH_DATA``, and a data set that is not there has its card checked and is then skipped.
    """
    import pytest

    cards = plugin_cards(module)

    @pytest.mark.parametrize("card", cards, ids=[f"{type(card).__name__}-{getattr(card, 'id', '?')}" for card in cards])
    def test_contract(card: Card) -> None:
        check_card(card)
        if isinstance(card, ModelSpec):
            check_model(card, tiny_problem(card, (sizes or {}).get(card.id, TINY)))
        elif isinstance(card, DatasetSpec):
            root = (roots or {}).get(card.id, Path(os.environ.get("TUMORBENCH_DATA", "missing"), card.id))
            if not root.is_dir():
                pytest.skip(f"{card.id} is not in TUMORBENCH_DATA; its card is complete")
            check_dataset(card, root)

    return test_contract


def _require(holds: bool, spec: Card, fault: str) -> None:
    if not holds:
        raise ContractBroken(f"{getattr(spec, 'id', type(spec).__name__)}: {fault}")
