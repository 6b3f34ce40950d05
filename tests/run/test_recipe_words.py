"""A recipe's words in whole runs: refused when the cell is planned, used when it is computed, shown by ``info``."""

from __future__ import annotations

import json

import pytest

MODULE = """
import tumorbench as tb


def card(name, factory, task="classification", **words):
    quick = tb.Quick(epochs=2, steps_per_epoch=4, batch_size=16)
    return tb.ModelSpec(
        id=name, title=name, version="1", task=task, licence="MIT", paper=tb.Paper(title="none"),
        recipe=tb.Recipe(preprocessing=tb.Preprocessing(size=32), epochs=4, batch_size=16, quick=quick, **words),
        factory=f"tiny_plugin_networks:{factory}",
    )


@tb.hookimpl
def tumorbench_models():
    yield card("every-word", "TinyClassifier",
        optimizer=tb.Optimizer(name="RAdam", learning_rate=0.01),
        schedule=tb.Schedule(name="CosineAnnealingLR", warm_up=0.25),
        gradient_clip_norm=1.0, label_smoothing=0.1, mixup=0.2, test_time_flips="horizontal",
        augmentation=(tb.Transform(name="elastic"), tb.Transform(name="noise")))
    yield card("flipped-segmenter", "TinySegmenter", task="segmentation", test_time_flips="both")
    yield card("no-optimizer", "TinyClassifier", optimizer=tb.Optimizer(name="NAdm"))
    yield card("no-schedule", "TinyClassifier", schedule=tb.Schedule(name="StepLR"))
"""


@pytest.fixture(autouse=True)
def _words(tiny, install_plugin):
    install_plugin("words", words_module=MODULE)


def run(tumorbench, *models, then=("run",)):
    given = [part for model in models for part in ("-m", model)]
    return tumorbench(*then, "-d", "tiny-shapes", *given, "--protocol", "grouped", "--no-throughput")


def records(folder):
    return {
        found["identity"]["model"]: found
        for path in folder.glob("runs/**/record.json")
        for found in [json.loads(path.read_text())]
    }


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("no-optimizer", "torch.optim has no optimizer 'NAdm'; did you mean NAdam?"),
        ("no-schedule", "torch refuses the recipe's schedule StepLR over "),
    ],
)
def test_what_torch_refuses_ends_the_command_when_it_is_planned(tumorbench, tiny, model, line):
    done = run(tumorbench, model)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith(f"tumorbench: {line}")
    assert not list(tiny.glob("runs/**/record.json"))


def test_a_cell_with_every_word_is_trained_and_scored(tumorbench, tiny):
    done = run(tumorbench, "every-word", "flipped-segmenter")
    assert done.code == 0, done.err
    found = records(tiny)
    assert {each["status"] for each in found.values()} == {"ok"}
    history = found["every-word"]["history"]
    assert history[-1]["learning_rate"] < history[0]["learning_rate"] < 0.01
    assert {each["name"] for each in found["flipped-segmenter"]["metrics"]} >= {"dice", "iou"}


def test_info_shows_the_words(tumorbench, tiny):
    said = tumorbench("info", "every-word").out
    for line in ("name: RAdam", "name: CosineAnnealingLR", "warm_up: 0.25", "- name elastic", "label_smoothing: 0.1"):
        assert line in said
