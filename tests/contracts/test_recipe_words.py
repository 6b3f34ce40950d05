"""The words of a recipe are checked where it is made: what says nothing, or says two things, is refused in one line."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

import tumorbench as tb


def recipe(**changes: object) -> tb.Recipe:
    quick = tb.Quick(epochs=1, steps_per_epoch=2, batch_size=4)
    return tb.Recipe(preprocessing=tb.Preprocessing(size=8), epochs=3, batch_size=4, quick=quick, **changes)


def card(task: str, **changes: object) -> tb.ModelSpec:
    return tb.ModelSpec(
        id="m", title="M", version="1", task=task, licence="MIT", paper=tb.Paper(title="t"),
        recipe=recipe(**{"monitor": None, **changes}), factory="a:b",
    )  # fmt: skip


def refusal(make, *given, **named) -> str:
    with pytest.raises(ValidationError) as caught:
        make(*given, **named)
    return caught.value.errors()[0]["msg"].removeprefix("Value error, ")


COSINE = tb.Schedule(name="CosineAnnealingLR")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            {"schedule": COSINE, "reduce_on_plateau": tb.ReduceOnPlateau(patience=2)},
            "schedule and reduce_on_plateau both change the learning rate; give one of them",
        ),
        ({"augmentation": ()}, "augmentation names no transform; give one, or leave it out"),
    ],
)
def test_words_that_contradict_each_other_are_refused(words, line):
    assert refusal(recipe, **words) == line


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ({"name": "elastik"}, "there is no transform 'elastik'; did you mean elastic?"),
        ({"name": "noise", "arguments": {"reach": 1}}, "noise takes no 'reach'; it takes deviation"),
        ({"name": "vertical_flip", "arguments": {"reach": 1}}, "vertical_flip takes no 'reach'; it takes no argument"),
        ({"name": "gamma", "arguments": {"reach": 4}}, "gamma: reach is from 0 to 3, not 4"),
        ({"name": "elastic", "arguments": {"points": 1}}, "elastic: points is from 2 to 64, not 1"),
        ({"name": "elastic", "arguments": {"points": 2.5}}, "elastic: points is a whole number, not 2.5"),
        (
            {"name": "affine", "arguments": {"zoom": 0}},
            "affine changes nothing without one of rotation_degrees, zoom, shift, shear_degrees",
        ),
    ],
)
def test_a_transform_that_does_not_exist_or_takes_something_else_is_refused(named, line):
    assert refusal(tb.Transform, **named) == line


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ({"name": "sgd", "arguments": {"momentum": 0.9}}, "momentum has a field of its own"),
        ({"name": "NAdam", "arguments": {"lr": 0.1}}, "lr has a field of its own"),
        ({"name": "NAdam", "betas": (0.8, 0.9)}, "NAdam takes betas and momentum among its arguments"),
    ],
)
def test_an_argument_of_an_optimizer_is_given_in_one_place(named, line):
    assert refusal(tb.Optimizer, **named).startswith(line)


@pytest.mark.parametrize(
    ("task", "words", "line"),
    [
        ("segmentation", {"label_smoothing": 0.1}, "label_smoothing is for classification"),
        ("generation", {"mixup": 0.2}, "mixup is for classification"),
        ("segmentation", {"mask_supervision": True}, "mask_supervision is for classification"),
        ("generation", {"test_time_flips": "both"}, "test_time_flips is for classification and segmentation"),
    ],
)
def test_a_word_that_a_task_does_not_hear_is_refused_on_the_card(task, words, line):
    assert refusal(card, task, **words).startswith(line)


def test_a_word_that_a_task_hears_stays_on_its_card():
    heard = card("classification", label_smoothing=0.1, mixup=0.2, test_time_flips="both", mask_supervision=True)
    assert (heard.recipe.mixup, heard.recipe.test_time_flips) == (0.2, "both")


@pytest.mark.parametrize(
    "words",
    [
        {"label_smoothing": 1.0},
        {"label_smoothing": -0.1},
        {"mixup": -1},
        {"gradient_clip_norm": 0},
        {"schedule": {"name": "StepLR", "warm_up": 1.0}},
        {"test_time_flips": "vertical"},
    ],
    ids=lambda words: next(iter(words)),
)
def test_a_value_out_of_range_is_refused(words):
    with pytest.raises(ValidationError, match=next(iter(words))):
        recipe(**words)


def test_every_word_survives_json_with_its_type():
    everything = recipe(
        optimizer=tb.Optimizer(name="NAdam", arguments={"betas": (0.8, 0.99), "decoupled_weight_decay": True}),
        schedule=tb.Schedule(name="MultiStepLR", arguments={"milestones": (3, 6), "gamma": 0.5}, warm_up=0.1),
        augmentation=(tb.Transform(name="elastic", arguments={"points": 8}), tb.Transform(name="noise", chance=0.5)),
        gradient_clip_norm=1,
        label_smoothing=0.1,
        mixup=0.2,
        test_time_flips="horizontal",
    )
    again = tb.Recipe.model_validate_json(everything.model_dump_json())
    assert again == everything
    assert [type(each) for each in again.schedule.arguments["milestones"]] == [int, int]
    short = json.loads(everything.model_dump_json(exclude_defaults=True))
    assert short["augmentation"] == [
        {"name": "elastic", "arguments": {"points": 8.0}},
        {"name": "noise", "chance": 0.5},
    ]
    assert tb.Recipe.model_validate(short) == everything
