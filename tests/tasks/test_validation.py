"""How a network does on held-out slices, against values worked out by hand."""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
import pytest
import torch

import tumorbench as tb
from tumorbench import tasks
from tumorbench.tasks import validation


class Constant(tb.Network):
    """Gives the images back as its logits."""

    def __init__(self):
        super().__init__(tb.Problem("classification", ("a", "b", "c"), 3, 1))

    def forward(self, images):
        return images


def test_validation_of_a_classifier_is_the_mean_over_slices_not_over_batches():
    third = math.log(1 / 3)
    logits = torch.tensor([[0, 0, 0], [math.log(2), 0, 0], [0, math.log(6), 0]])  # p of label: 1/3, 1/2, 1/8
    labels = torch.tensor([0, 0, 2])
    batches = [tb.Batch(logits[:2], labels[:2]), tb.Batch(logits[2:], labels[2:])]
    found = validation.validate_classifier(Constant(), batches, nullcontext)
    assert found["val_loss"] == pytest.approx(-(third + math.log(1 / 2) + math.log(1 / 8)) / 3)
    assert found["val_accuracy"] == pytest.approx(2 / 3)


def test_validation_of_a_segmenter_is_the_mean_over_pixels():
    logits, masks = torch.zeros(3, 2, 2, 2), torch.zeros(3, 2, 2, dtype=torch.long)
    logits[:, 1] = -math.log(3)  # p(foreground) is 1/4 ...
    logits[0, 1, 0, :] = math.log(3)  # ... and 3/4 in two pixels of the first slice
    masks[0, 0, 0] = masks[2, 1, 1] = 1
    batches = [tb.Batch(logits[:2], torch.zeros(2), masks[:2]), tb.Batch(logits[2:], torch.zeros(1), masks[2:])]
    found = validation.validate_segmenter(Constant(), batches, nullcontext)
    assert found["val_loss"] == pytest.approx(-(10 * math.log(3 / 4) + 2 * math.log(1 / 4)) / 12)
    assert found["val_pixel_accuracy"] == pytest.approx(10 / 12)
    assert found["val_dice"] == pytest.approx(2 * 1 / (2 + 2))


def test_a_validation_without_any_foreground_has_no_overlap():
    logits = torch.stack([torch.ones(1, 2, 2), torch.zeros(1, 2, 2)], 1)
    batch = tb.Batch(logits, torch.zeros(1), torch.zeros(1, 2, 2, dtype=torch.long))
    assert validation.validate_segmenter(Constant(), [batch], nullcontext)["val_dice"] == 0


def test_means_and_deviations_of_blocks_tell_blur_checkerboards_and_collapse_from_real_images():
    rng = torch.Generator().manual_seed(0)
    heads = torch.rand(24, 1, 16, 16, generator=rng)
    heads = heads.repeat_interleave(4, 2).repeat_interleave(4, 3)  # each block of 4 x 4 pixels has a grey level
    detail = 0.1 * torch.randn(24, 1, 64, 64, generator=rng)
    real = heads + detail - torch.nn.functional.avg_pool2d(detail, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    checkerboard = 0.4 * ((torch.arange(64)[:, None] + torch.arange(64)) % 2 - 0.5)
    one, other = (validation.block_statistics(images) for images in (real, heads + checkerboard))
    assert torch.allclose(one[:, :256], other[:, :256], atol=1e-5)  # to means alone they are the same images
    assert torch.allclose(other[:, 256:], torch.tensor(0.2), atol=1e-3)
    halves = validation.block_distance(real[:12], real[12:])
    bad = {"blurred": heads, "checked": heads + checkerboard, "collapsed": real.mean(0, keepdim=True).expand_as(real)}
    found = {name for name, images in bad.items() if validation.block_distance(real[:12], images[12:]) > 1.3 * halves}
    assert found == set(bad)


@pytest.mark.parametrize("model", ["tiny-classifier", "tiny-segmenter", "tiny-artist"])
def test_where_nothing_is_held_out_nothing_is_validated(cells, model):
    done = cells.done(model)
    assert done.task.validation(done.cell, done.material.slices["val"].first(0), cells.tools) is None


@pytest.mark.parametrize("model", ["tiny-classifier", "tiny-segmenter"])
def test_the_parts_hold_what_the_scored_weights_do_on_training_and_validation(cells, model):
    done = cells.done(model)
    best = done.history[int(np.argmin([entry["val_loss"] for entry in done.history]))]
    parts = done.prediction.parts
    assert {part: values.pop("n") for part, values in (parts | {}).items()} == {"train": 126.0, "val": 18.0}
    assert parts["val"] == pytest.approx({name.removeprefix("val_"): best[name] for name in best if "val_" in name})
    assert parts["train"].keys() == parts["val"].keys()


def test_a_generator_is_validated_beside_held_out_images_and_says_what_it_knows_of_them(cells):
    noise, artist = (cells.done(model) for model in ("tiny-noise", "tiny-artist"))
    assert {"val_block_distance", "val_brightness"} <= set(noise.history[0])
    assert noise.prediction.parts["val"]["brightness"] == pytest.approx(noise.history[-1]["val_brightness"], abs=0.01)
    assert noise.prediction.parts["test"]["n"] == 36
    worst = max(entry["val_block_distance"] for entry in artist.history)
    assert min(entry["val_block_distance"] for entry in noise.history) > 3 * worst


def test_a_recipe_may_watch_what_its_task_measures(cells):
    for name, task in tasks.TASKS.items():
        kind = "generation" if name == "tstr" else name
        spec = next(spec for spec in cells.registry.models.values() if spec.task == kind).model_dump()
        for monitor in task.monitors:
            spec["recipe"]["monitor"] = monitor
            assert tb.ModelSpec.model_validate(spec).recipe.monitor == monitor
