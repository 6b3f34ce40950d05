from __future__ import annotations

import time

import pytest
import torch
from torch import nn

import tumorbench as tb
from tumorbench.contracts.factory import load
from tumorbench.training.networks import build, count_network, count_parameters, problem_for
from tumorbench.training.promises import losses_of, optimizers_of

PROBLEM = tb.Problem("classification", ("a", "b", "c"), channels=1, size=8)


class Linear(tb.Classifier):
    def __init__(self, problem, width=4, depth=1):
        super().__init__(problem)
        if width < 1:
            raise ValueError("width must be positive")
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(problem.channels * problem.size**2, width), nn.Linear(width, problem.outputs)
        )
        nn.init.normal_(self.layers[1].weight)


class Huge(tb.Classifier):
    def __init__(self, problem):
        super().__init__(problem)
        self.layer = nn.Linear(100_000, 1_000_000)  # 400 GB, were it allocated
        nn.init.kaiming_normal_(self.layer.weight)


def card(factory="Linear", task="classification", **params):
    recipe = tb.Recipe(
        preprocessing=tb.Preprocessing(size=8),
        epochs=1,
        batch_size=2,
        quick=tb.Quick(epochs=1, steps_per_epoch=1, batch_size=2),
        params=params,
    )
    return tb.ModelSpec(
        id="m",
        title="M",
        version="1",
        task=task,
        licence="MIT",
        paper=tb.Paper(title="t"),
        recipe=recipe,
        factory=f"{__name__}:{factory}",
    )


def dataset(**changes):
    source = tb.Source(homepage="nowhere")
    fields = {
        "tasks": ("classification", "segmentation"),
        "classes": ("x", "y"),
        "mask_classes": ("lesion",),
        "counts": {"all": {"x": 1, "y": 1}},
    }
    return tb.DatasetSpec(
        id="d",
        title="D",
        version="1",
        licence="CC0",
        citation="c",
        source=source,
        patients_known=False,
        factory="a:b",
        **(fields | changes),
    )


def test_parameters_are_those_of_the_recipe():
    assert count_parameters(card(width=5), PROBLEM) == {"total": 65 * 5 + 6 * 3, "trainable": 65 * 5 + 6 * 3}


def test_counting_allocates_no_weight():
    started = time.perf_counter()
    assert count_parameters(card("Huge"), PROBLEM)["total"] == 100_001_000_000
    assert time.perf_counter() - started < 5


def test_running_statistics_count_and_do_not_train_and_the_count_of_batches_is_no_parameter():
    assert count_network(nn.BatchNorm2d(7)) == {"total": 28, "trainable": 14}


def test_a_frozen_weight_counts_and_does_not_train():
    layer = nn.Linear(3, 2)
    layer.weight.requires_grad_(False)
    assert count_network(layer) == {"total": 8, "trainable": 2}


def test_a_buffer_that_is_not_saved_is_no_parameter():
    layer = nn.Linear(3, 2)
    layer.register_buffer("mean", torch.zeros(5), persistent=False)
    assert count_network(layer)["total"] == 8


def test_an_unknown_parameter_is_named_beside_the_known_ones():
    spec = card(wdith=3)
    with pytest.raises(tb.BadInput, match="m does not take the parameter wdith; it takes width, depth"):
        build(spec, PROBLEM, spec.recipe)


def test_a_refused_value_is_named_with_the_model_s_own_reason():
    spec = card(width=0)
    with pytest.raises(tb.BadInput, match=r"m\[width=0\] cannot be built for 8 x 8 images: width must be positive"):
        build(spec, PROBLEM, spec.recipe)


def no_network(problem):
    return None


def exits(problem):
    raise SystemExit(0)


class Elsewhere(Linear):
    def __init__(self, problem):
        super().__init__(tb.Problem("classification", ("x", "y"), channels=1, size=8))


NOT_CALLABLE = None


@pytest.mark.parametrize(
    ("factory", "task", "fault"),
    [
        ("no_network", "classification", "m: its factory returns None, not one of tumorbench's families"),
        ("exits", "classification", "m cannot be built for 8 x 8 images: SystemExit: 0"),
        ("Linear", "segmentation", "m: its factory returns a Linear, which is not for segmentation"),
        ("Elsewhere", "classification", "m: its network keeps another problem than it was given"),
        ("NOT_CALLABLE", "classification", f"m: its factory {__name__}:NOT_CALLABLE is None, which cannot be called"),
    ],
)
def test_a_factory_that_makes_no_network_of_its_card_is_told_what_it_did(factory, task, fault):
    spec = card(factory, task)
    with pytest.raises(tb.BadInput) as caught:
        build(spec, PROBLEM, spec.recipe)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        (None, "its optimizers() returned None, not a dict of optimizers by name"),
        ({}, "its optimizers() returned an empty dict: there is nothing that could train it"),
        ({"loss": None}, "its optimizers() returned None as 'loss', not a torch optimizer"),
    ],
)
def test_what_optimizers_returned_instead_is_told(returned, fault):
    network = Linear(PROBLEM)
    network.optimizers = lambda recipe: returned
    with pytest.raises(tb.BadInput) as caught:
        optimizers_of(network, card().recipe)
    assert str(caught.value) == f"the model Linear: {fault}"


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        (None, "its losses() returned None, not pairs (optimizer's name, loss)"),
        ([None], "its losses() gave None, not a pair (optimizer's name, loss)"),
        ([("critic", 0)], "its losses name the optimizer 'critic', and its optimizers are loss"),
        ([("loss", 0.5)], "its loss 'loss' is a float, not a tensor of one number"),
        ([("loss", torch.zeros(2))], "its loss 'loss' is a tensor of shape (2,), not a tensor of one number"),
        ([("loss", torch.zeros(()))], "its loss 'loss' depends on no weight that trains"),
    ],
)
def test_what_losses_gave_instead_is_told(returned, fault):
    network = Linear(PROBLEM)
    network.losses = lambda batch: returned
    with pytest.raises(tb.BadInput) as caught:
        list(losses_of(network, None, {"loss": None}))
    assert str(caught.value) == f"the model Linear: {fault}"


@pytest.mark.parametrize("path", ["no_such_package:Net", "tumorbench.errors:NoSuchName"])
def test_a_factory_that_cannot_be_imported_is_named(path):
    with pytest.raises(tb.BadInput, match=f"the factory {path} cannot be imported"):
        load(path)


def test_the_problem_has_the_data_set_s_classes_and_the_recipe_s_size():
    spec = card()
    quick = spec.recipe.model_copy(update={"preprocessing": tb.Preprocessing(size=4, channels=3)})
    assert problem_for(spec, dataset(), quick) == tb.Problem("classification", ("x", "y"), channels=3, size=4)


def test_only_a_segmenter_s_problem_has_mask_classes():
    spec = card(task="segmentation")
    assert problem_for(spec, dataset(), spec.recipe) == tb.Problem(
        "segmentation", ("x", "y"), channels=1, size=8, mask_classes=("lesion",)
    )


def test_a_data_set_without_the_model_s_task_is_refused():
    spec = card(task="generation")
    with pytest.raises(tb.BadInput, match="m needs data for generation, and d offers classification, segmentation"):
        problem_for(spec, dataset(), spec.recipe)


def test_without_a_data_set_the_problem_is_that_of_the_stated_count():
    spec = card().model_copy(update={"parameters": tb.ParameterCount(total=1, trainable=1, problem=PROBLEM)})
    assert problem_for(spec, None, spec.recipe) == PROBLEM
