"""Train on synthetic, test on real: images that show what they are asked for teach a classifier, and noise does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tumorbench.contracts.cell import Judge
from tumorbench.contracts.problem import JUDGE_ARMS as ARMS
from tumorbench.contracts.problem import JUDGE_SEEDS as SEEDS
from tumorbench.tasks.classwise import Classwise
from tumorbench.tasks.judging import TrainedJudge


def test_images_that_show_their_class_teach_and_noise_does_not(cells):
    artist, noise = (cells.done(model, "tstr").by_name for model in ("tiny-artist", "tiny-noise"))
    assert artist["tstr_real"] == noise["tstr_real"]  # the same classifier on the same images
    assert artist["tstr_real"] > 0.6
    assert artist["tstr_generated"] > noise["tstr_generated"] + 0.15
    assert {f"tstr_{arm}{what}" for arm in ARMS for what in ("", "_train", "_f1_macro")} == set(artist)


def test_every_arm_and_seed_of_the_classifier_is_in_the_predictions(cells):
    done = cells.done("tiny-noise", "tstr-paper")
    table = done.prediction.table
    assert table.groupby(["arm", "classifier_seed"]).size().tolist() == [30] * len(ARMS) * SEEDS
    expected = {arm: (rows["predicted"] == rows["label"]).mean() for arm, rows in table.groupby("arm")}
    assert {arm: done.by_name[f"tstr_{arm}"] for arm in expected} == pytest.approx(expected)
    (mixed,) = (value for value in done.scores.metrics if value.name == "tstr_mixed")
    low, high = mixed.interval
    assert low <= mixed.value <= high
    assert mixed.n == 30


def test_the_judge_learns_from_twice_as_many_images_where_two_pools_are_mixed(cells):
    numbers = {value.name: value.n for value in cells.done("tiny-noise", "tstr").scores.metrics}
    assert [numbers[f"tstr_{arm}_train"] for arm in ARMS] == [126, 126, 252, 252]


def test_a_generator_without_classes_is_one_network_for_each(cells):
    average, noise = cells.done("tiny-average", "tstr"), cells.done("tiny-noise", "tstr")
    assert isinstance(average.network, Classwise)
    assert not isinstance(noise.network, Classwise)
    assert [tuple(one.image.shape) for one in average.network.networks] == [(32, 32)] * 3
    # a mean over all classes would teach nothing
    assert average.by_name["tstr_generated"] > noise.by_name["tstr_generated"] + 0.15


def test_each_network_of_a_class_learns_from_that_class_alone(cells):
    done = cells.done("tiny-average", "tstr")
    for label, name, _, learned in done.network.of_classes(done.material.learned):
        assert name == ("disc", "square", "none")[label]
        assert set(learned["train"].labels.tolist()) == {label}
        assert set(learned["val"].labels.tolist()) == {label}


def test_networks_of_the_classes_start_from_different_weights(cells):
    cell = cells.cell("tiny-generator", "tstr")
    first, second, _ = cells.done("tiny-average", "tstr").task.network(cell, cells.tools).networks
    assert not torch.equal(first.generator.weight, second.generator.weight)


def test_the_judge_is_the_one_that_the_identity_names(cells):
    cell = cells.cell("tiny-noise", "tstr")
    judge = TrainedJudge.of(cell, cells.tools)
    assert judge.spec.id == "tiny-classifier[width=16]"
    assert judge.recipe.precision in ("fp32", "bf16")
    assert judge.network(0).layers[0].out_channels == 16
    frozen = cells.registry.model("tiny-transfer")
    named = Judge(model=frozen.id, model_version=frozen.version, recipe=frozen.recipe.for_budget("quick"))
    cell = replace(cell, identity=cell.identity.model_copy(update={"judge": named}))
    judge = TrainedJudge.of(cell, cells.tools)
    images = np.asarray(cell.images[:6])
    assert judge.slices(images, np.zeros(6, np.int64)).images.shape == (1, 6, 144)  # a frozen backbone's features


def test_the_judge_takes_images_at_its_own_size(cells):
    judge = TrainedJudge.of(cells.cell("tiny-noise", "tstr"), cells.tools)
    images = np.full((2, 64, 64), 200, np.uint8)
    slices = judge.slices(images, np.zeros(2, np.int64))
    assert slices.images.shape == (2, 32, 32)
    assert set(slices.images.unique().tolist()) == {200}


def test_the_figures_show_what_the_judge_learned_from(cells, tmp_path):
    done = cells.done("tiny-noise", "tstr")
    drawn = dict(done.task.draw(done.cell, done.history, 1, done.prediction, done.scores, done.folder, tmp_path))
    assert list(drawn) == ["learning curves", "samples", "real samples", "intensities"]


def test_a_network_that_another_cell_trained_has_no_learning_curves(cells, tmp_path):
    done = cells.done("tiny-noise", "tstr")
    drawn = dict(done.task.draw(done.cell, [], None, done.prediction, done.scores, done.folder, tmp_path))
    assert list(drawn) == ["samples", "real samples", "intensities"]
