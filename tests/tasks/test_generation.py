"""A generator's images are scored beside held-out real ones, and beside what another set of real ones would score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import tumorbench as tb
from tumorbench.tasks import ScoringInput
from tumorbench.tasks.comparison import Images
from tumorbench.tasks.generation import SAMPLES_FOLDER, reference_sets
from tumorbench.tasks.inference import paint
from tumorbench.tasks.predictions import of_images
from tumorbench.tasks.scores.instruments import extractor_of
from tumorbench.tasks.scores.likeness import nearest_training

BAD_EYES = """
import tumorbench as tb
from torch_fidelity import FeatureExtractorBase

class Eyes(FeatureExtractorBase):
    def forward(self, images):
        raise ZeroDivisionError("a fault of the eyes")

    @staticmethod
    def get_provided_features_list():
        return ("16",)

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return "16"

    @staticmethod
    def can_be_compiled():
        return False

def eyes():
    return Eyes("eyes", ["16"])

@tb.hookimpl
def tumorbench_extractors():
    yield tb.ExtractorSpec(
        id="eyes", title="t", version="1", comparable=False, licence="MIT", citation="none", factory="bad_eyes:eyes"
    )
"""


def value_of(done, name):
    (value,) = (value for value in done.scores.metrics if value.name == name)
    return value


def test_every_value_stands_beside_what_as_many_other_real_images_score(cells):
    noise, artist = cells.done("tiny-noise"), cells.done("tiny-artist")
    for name in ("ks_d", "kid[tiny-pixels]", "fid[tiny-pixels]"):
        far, near = value_of(noise, name), value_of(artist, name)
        assert far.real_vs_real == near.real_vs_real < far.value
        assert near.value < far.value
        assert near.n == 36
    assert value_of(artist, "memorisation[tiny-pixels]").real_vs_real is None  # of which 1 in 20 is near by definition


def test_the_baseline_of_memorisation_is_of_images_whose_cluster_training_has_not_seen(cells):
    cell = cells.cell("tiny-artist")
    (reference, others), everything = reference_sets(cell), cell.images
    images = Images(cell, everything[reference], everything, reference, others, cell.labels)
    assert images.unseen.tolist() == reference.tolist()
    kin, seen = cell.split.kin, cell.split.train[0]
    clusters = list(kin.clusters)
    clusters[reference[3]] = clusters[seen]
    leaky = replace(images, cell=replace(cell, split=replace(cell.split, kin=replace(kin, clusters=tuple(clusters)))))
    assert sorted(set(reference.tolist()) - set(leaky.unseen.tolist())) == [
        number for number in reference.tolist() if clusters[number] == clusters[seen]
    ]
    assert reference[3] not in leaky.unseen


def test_the_extractor_stands_in_the_name_and_says_whether_the_value_can_be_compared(cells):
    done = cells.done("tiny-artist")
    for value in done.scores.metrics:
        assert value.comparable == (("[tiny-pixels]" not in value.name) or value.name.startswith(("memo", "nearest")))
    assert value_of(done, "ks_d").interval is not None
    assert value_of(done, "fid[tiny-pixels]").interval is not None


def in_halves(cell):
    """The cell with every second slice held out: 30 of each class on both sides."""
    every = np.arange(len(cell.dataset.samples))
    return replace(cell, split=replace(cell.split, train=every[1::2], val=every[:0], test=every[::2]))


def scored_in_halves(cells, model, wanted):
    done = cells.done(model)
    cell = in_halves(done.cell)
    labels = cell.labels[reference_sets(cell)[0]]
    table = of_images(labels, paint(done.network, labels, cell, cells.tools))
    return done.task.score(table, ScoringInput.of_cell(cell, cells.tools, only=wanted))


def test_a_generator_that_knows_its_classes_is_scored_on_each_that_has_images_enough(cells):
    assert not any("/" in name for name in cells.done("tiny-artist").by_name)  # 12 of a class are too few
    wanted = [("ks_d", None), ("kid", "tiny-pixels"), ("inception_score", "tiny-pixels")]
    found = {value.name: value.n for value in scored_in_halves(cells, "tiny-artist", wanted).metrics}
    of_class = {f"{name}/{of}": 30 for name in ("ks_d", "kid[tiny-pixels]") for of in ("disc", "square", "none")}
    assert found == {"ks_d": 90, "kid[tiny-pixels]": 90, "inception_score[tiny-pixels]": 90} | of_class


def test_a_generator_that_knows_no_classes_is_scored_on_all_together(cells):
    found = scored_in_halves(cells, "tiny-average", [("ks_d", None)]).metrics
    assert [(value.name, value.n) for value in found] == [("ks_d", 90)]


def test_the_reference_is_held_out_and_the_others_are_not(cells):
    cell = cells.cell("tiny-artist")
    reference, others = reference_sets(cell)
    assert len(reference) == len(others) == 36
    assert set(reference) <= set(cell.split.test)
    assert set(others) <= {*cell.split.train, *cell.split.val}


def test_where_nothing_is_held_out_the_two_are_halves_of_everything(cells):
    cell = cells.cell("tiny-artist")
    every = np.arange(len(cell.dataset.samples))
    cell = replace(cell, split=replace(cell.split, train=every, val=every[:0], test=every))
    reference, others = reference_sets(cell)
    assert len(reference) == len(others) == 90
    assert not set(reference) & set(others)


def test_an_extractor_that_is_not_available_is_the_reason_of_its_metrics_alone(cells, monkeypatch):
    monkeypatch.delenv("TINY_PIXELS")
    extractor_of.cache_clear()
    done = cells.done("tiny-artist")
    wanted = [("ks_d", None), ("fid", "tiny-pixels"), ("memorisation", "tiny-pixels")]
    found = done.task.score(done.prediction.table, replace(done.given, only=wanted))
    extractor_of.cache_clear()
    assert {(each.metric, each.reason) for each in found.instruments} == {
        ("ks_d", ""),
        ("fid", "extractor not available: TINY_PIXELS is not set"),
        ("memorisation", "extractor not available: TINY_PIXELS is not set"),
    }
    assert [value.name for value in found.metrics] == ["ks_d"]


def test_an_extractor_that_fails_at_work_is_the_reason_of_its_metrics_alone(cells, install_plugin):
    install_plugin("bad-eyes", bad_eyes=BAD_EYES)
    from tumorbench import registry

    here, done = registry.find(), cells.done("tiny-artist")
    given = replace(done.given, registry=here, only=[("kid", "eyes"), ("ks_d", None)])
    found = done.task.score(done.prediction.table, given)
    reasons = {each.metric: each.reason for each in found.instruments}
    assert reasons == {"kid": "extractor failed: ZeroDivisionError: a fault of the eyes", "ks_d": ""}


def test_features_of_the_real_slices_are_computed_once(cells, monkeypatch):
    done = cells.done("tiny-artist")
    extractor, _ = extractor_of(cells.registry.extractors["tiny-pixels"])
    seen = []
    forward = type(extractor).forward
    monkeypatch.setattr(
        type(extractor), "forward", lambda self, images: seen.append(len(images)) or forward(self, images)
    )
    again = done.task.score(done.prediction.table, done.given)
    assert sum(seen) == 36  # the generated ones
    assert again.metrics == done.scores.metrics


def test_the_nearest_training_images_of_real_slices_are_found_once_for_all_generators(cells, monkeypatch):
    done = cells.done("tiny-artist")
    seen = []

    def counted(images, *rest):
        seen.append(len(images))
        return nearest_training(images, *rest)

    monkeypatch.setattr("tumorbench.tasks.scores.likeness.nearest_training", counted)
    again = done.task.score(done.prediction.table, done.given)
    assert seen == [36]  # the generated ones
    assert again.metrics == done.scores.metrics


class Copier(tb.Generator):
    """An autoencoder that gives back what it is shown, darker."""

    def __init__(self, problem):
        super().__init__(problem)
        self.weight = torch.nn.Parameter(torch.ones(1))

    def sample(self, n, labels, rng):
        return torch.rand(n, 1, 32, 32, generator=rng) * self.weight

    def reconstruct(self, batch):
        return batch.images - 0.5


def test_reconstructions_are_of_held_out_images_of_every_class(cells, tmp_path):
    cell = cells.cell("tiny-artist")
    task = cells.done("tiny-artist").task
    network = Copier(tb.Problem("generation", ("disc", "square", "none"), 1, 32))
    prediction = task.predict(network, cell, task.gather(cell, network, cells.tools), cells.tools, tmp_path)
    arrays = prediction.pictures
    assert arrays["originals"].shape == (12, 32, 32)
    expected = (arrays["originals"].astype(float) - 0.25 * 255).clip(0)
    np.testing.assert_allclose(arrays["reconstructed"], expected, atol=1)
    assert "reconstructed" not in cells.done("tiny-artist").prediction.pictures


def test_samples_of_each_epoch_are_kept_for_the_figure_and_can_be_forgotten(cells, tmp_path):
    done = cells.done("tiny-noise")
    assert done.prediction.pictures["epochs"].tolist() == [1, 2, 3]
    assert done.prediction.pictures["progress"].shape == (3, 8, 32, 32)
    done.task.after_epoch(done.network, 2, done.cell, cells.tools, tmp_path)
    assert [path.name for path in (tmp_path / SAMPLES_FOLDER).iterdir()] == ["00002.npy"]
    done.task.forget_epochs(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert {"epochs", "progress"} <= set(done.prediction.pictures)


def test_of_many_epochs_twelve_are_drawn_the_first_and_the_last_among_them(cells, tmp_path):
    done = cells.done("tiny-noise")
    long = done.cell.identity.recipe.model_copy(update={"epochs": 400})
    cell = replace(done.cell, identity=done.cell.identity.model_copy(update={"recipe": long}))
    for epoch in range(1, 401):
        done.task.after_epoch(done.network, epoch, cell, cells.tools, tmp_path)
    kept = sorted(int(path.stem) for path in (tmp_path / SAMPLES_FOLDER).iterdir())
    assert (len(kept), kept[0], kept[-1]) == (12, 1, 400)


@pytest.mark.parametrize("model", ["tiny-noise", "tiny-average"])
def test_the_figures_show_samples_intensities_and_the_closest_pairs(cells, tmp_path, model):
    done = cells.done(model)
    drawn = dict(
        done.task.draw(done.cell, done.history, 1, done.prediction, done.scores, done.folder, tmp_path / "figures")
    )
    assert list(drawn) == [
        "learning curves",
        "samples",
        "real samples",
        "intensities",
        "closest pairs in pixels",
        "closest pairs in tiny-pixels",
        "samples over training",
    ]
    assert {path.name for path in drawn.values()} == {path.name for path in (tmp_path / "figures").iterdir()}
    assert drawn["samples over training"].name == "samples-over-training.png"
