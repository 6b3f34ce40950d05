"""A trained network becomes predictions, and predictions become the same numbers however often they are scored."""

from __future__ import annotations

import io
import math
from contextlib import nullcontext
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import tumorbench as tb
from tumorbench import registry
from tumorbench.contracts.factory import load
from tumorbench.data.batches import denormalise
from tumorbench.metrics.segmentation import pixel_confusions
from tumorbench.tasks import evaluate, scoring

CLASSES = ("a", "b", "c")
PREPROCESSING = tb.Preprocessing(size=4)


class Constant(tb.Network):
    """Gives the images back as its logits."""

    def __init__(self):
        super().__init__(tb.Problem("classification", CLASSES, 3, 1))
        self.mode_in_use: list[bool] = []

    def forward(self, images):
        self.mode_in_use.append(self.training)
        return images


def metrics_of(task: str) -> list[scoring.Metric]:
    cards = [
        spec
        for spec in registry.find().metrics.values()
        if spec.task == task and not spec.needs_extractor and spec.needs != "memory"
    ]
    return [scoring.Metric(spec, load(spec.factory)) for spec in cards]


def values_of(scored) -> dict[str, float | None]:
    return {value.name: value.value for value in scored}


def through_parquet(frame: pd.DataFrame, tmp_path) -> pd.DataFrame:
    frame.to_parquet(tmp_path / "predictions.parquet", index=False)
    return pd.read_parquet(tmp_path / "predictions.parquet")


def logit_batches(logits: np.ndarray, labels: list[int], size: int = 2) -> list[tb.Batch]:
    rows = torch.tensor(logits, dtype=torch.float32)
    return [
        tb.Batch(rows[start : start + size], torch.tensor(labels[start : start + size]))
        for start in range(0, len(labels), size)
    ]


def test_probabilities_are_the_softmax_of_the_logits_and_sum_to_one():
    logits = np.random.default_rng(0).normal(0, 5, (7, 3))
    network = Constant().train()
    found = evaluate.classify(network, logit_batches(logits, [0] * 7), nullcontext)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert (found.dtype, set(network.mode_in_use)) == (np.float32, {False})


def test_probabilities_are_computed_in_float32_under_autocast():
    class Half(Constant):
        def forward(self, images):
            return images.bfloat16()

    found = evaluate.classify(
        Half(), logit_batches(np.array([[0.0, 1.0, 3.0]]), [0]), partial(torch.autocast, "cpu", torch.bfloat16)
    )
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


def test_a_segmentation_is_the_most_probable_class_of_each_pixel():
    logits = torch.zeros(3, 2, 2, 2)
    logits[1, 1, 0, 1] = 5
    batches = [tb.Batch(logits[:2], torch.zeros(2)), tb.Batch(logits[2:], torch.zeros(1))]
    found = evaluate.segment(Constant(), batches, nullcontext)
    assert (found.dtype, found.tolist()) == (np.uint8, [[[0, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 0], [0, 0]]])


def test_validation_of_a_classifier_is_the_hand_computed_mean_over_slices_not_over_batches():
    third = math.log(1 / 3)
    logits = np.array([[0, 0, 0], [math.log(2), 0, 0], [0, math.log(6), 0]])  # p of label: 1/3, 1/2, 1/8
    found = evaluate.validate_classifier(Constant(), logit_batches(logits, [0, 0, 2]), nullcontext)
    assert found["val_loss"] == pytest.approx(-(third + math.log(1 / 2) + math.log(1 / 8)) / 3)
    assert found["val_accuracy"] == pytest.approx(2 / 3)


def test_validation_of_a_segmenter_is_the_hand_computed_mean_over_pixels():
    logits, masks = torch.zeros(3, 2, 2, 2), torch.zeros(3, 2, 2, dtype=torch.long)
    logits[:, 1] = -math.log(3)  # p(foreground) is 1/4 ...
    logits[0, 1, 0, :] = math.log(3)  # ... and 3/4 in two pixels of the first slice
    masks[0, 0, 0] = masks[2, 1, 1] = 1
    batches = [tb.Batch(logits[:2], torch.zeros(2), masks[:2]), tb.Batch(logits[2:], torch.zeros(1), masks[2:])]
    found = evaluate.validate_segmenter(Constant(), batches, nullcontext)
    assert found["val_loss"] == pytest.approx(-(10 * math.log(3 / 4) + 2 * math.log(1 / 4)) / 12)
    assert found["val_pixel_accuracy"] == pytest.approx(10 / 12)
    assert found["val_dice"] == pytest.approx(2 * 1 / (2 + 2))


def test_a_validation_without_any_foreground_has_no_overlap():
    batch = tb.Batch(
        torch.stack([torch.ones(1, 2, 2), torch.zeros(1, 2, 2)], 1),
        torch.zeros(1),
        torch.zeros(1, 2, 2, dtype=torch.long),
    )
    assert evaluate.validate_segmenter(Constant(), [batch], nullcontext)["val_dice"] == 0


def test_means_and_deviations_of_blocks_tell_blur_checkerboards_and_collapse_from_real_images():
    rng = torch.Generator().manual_seed(0)
    heads = (
        torch.rand(24, 1, 16, 16, generator=rng).repeat_interleave(4, 2).repeat_interleave(4, 3)
    )  # each block of 4 x 4 pixels has a grey level
    detail = 0.1 * torch.randn(24, 1, 64, 64, generator=rng)
    real = heads + detail - torch.nn.functional.avg_pool2d(detail, 4).repeat_interleave(4, 2).repeat_interleave(4, 3)
    checkerboard = 0.4 * ((torch.arange(64)[:, None] + torch.arange(64)) % 2 - 0.5)
    statistics = {
        name: evaluate.block_statistics(images)
        for name, images in {"real": real, "blurred": heads, "checked": heads + checkerboard}.items()
    }
    assert torch.allclose(
        statistics["real"][:, :256], statistics["checked"][:, :256], atol=1e-5
    )  # to means alone they are the same images
    assert torch.allclose(statistics["checked"][:, 256:], torch.tensor(0.2), atol=1e-3)
    halves = evaluate.block_distance(real[:12], real[12:])
    bad = {"blurred": heads, "checked": heads + checkerboard, "collapsed": real.mean(0, keepdim=True).expand_as(real)}
    assert {
        name for name, images in bad.items() if evaluate.block_distance(real[:12], images[12:]) > 1.3 * halves
    } == set(bad)


def test_a_table_of_classes_has_one_row_a_slice_and_survives_parquet(tmp_path):
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(3), 40).astype(np.float32)
    labels = rng.integers(0, 3, 40)
    frame = scoring.predictions_of_classes(
        [f"s{i}" for i in range(40)], [f"p{i // 2}" for i in range(40)], labels, probabilities, CLASSES
    )
    assert list(frame) == ["sample_id", "group", "label", "predicted", "p/a", "p/b", "p/c"]
    assert frame["predicted"].tolist() == probabilities.argmax(1).tolist()
    before, after = (
        scoring.score_classification(each, CLASSES, metrics_of("classification"))
        for each in (frame, through_parquet(frame, tmp_path))
    )
    assert before == after
    assert values_of(before)["accuracy"] == (probabilities.argmax(1) == labels).mean()
    assert values_of(before)["cross_entropy"] == pytest.approx(
        -np.log(probabilities[range(40), labels]).mean(), rel=1e-6
    )
    assert {value.n for value in before} == {40}


def test_a_table_of_masks_survives_parquet_and_holds_the_masks_themselves(tmp_path):
    rng = np.random.default_rng(2)
    true, predicted = (rng.integers(0, 2, (6, 8, 8)).astype(np.uint8) for _ in range(2))
    frame = scoring.predictions_of_masks(
        [str(i) for i in range(6)], [""] * 6, np.zeros(6, np.int64), pixel_confusions(true, predicted, 2), predicted
    )
    read = through_parquet(frame, tmp_path)
    before, after = (
        scoring.score_segmentation(each, ("tumour",), metrics_of("segmentation")) for each in (frame, read)
    )
    assert before == after
    overlap = ((true == 1) & (predicted == 1)).sum()
    assert values_of(before)["dice"] == pytest.approx(2 * overlap / (true.sum() + predicted.sum()))
    for png, mask in zip(read["mask_png"], predicted, strict=True):
        with Image.open(io.BytesIO(png)) as picture:
            np.testing.assert_array_equal(np.asarray(picture), mask)


def test_a_table_of_generated_images_holds_each_image_and_the_label_it_was_asked_for(tmp_path):
    images = np.random.default_rng(3).integers(0, 255, (5, 9, 9), np.uint8)
    read = through_parquet(scoring.predictions_of_images(np.array([0, 1, 0, 1, 1]), images), tmp_path)
    assert (read["sample_id"].tolist()[0], read["label"].tolist()) == ("generated-0", [0, 1, 0, 1, 1])
    with Image.open(io.BytesIO(read["image_png"][4])) as picture:
        np.testing.assert_array_equal(np.asarray(picture), images[4])


class Painter(tb.Generator):
    """Noise, in the brightness that its label asks for."""

    def __init__(self):
        super().__init__(tb.Problem("generation", ("dark", "bright"), 1, 4))
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.asked: list[int] = []

    def sample(self, n, labels, rng):
        self.asked.append(n)
        return (labels.view(-1, 1, 1, 1) - 0.5 + 0.4 * torch.rand(n, 1, 4, 4, generator=rng)) * self.weight


def paint(labels: list[int], seed: int, network: Painter | None = None) -> np.ndarray:
    to_uint8 = partial(denormalise, preprocessing=PREPROCESSING)
    return evaluate.generate(network or Painter(), np.array(labels, np.int64), seed, nullcontext, to_uint8)


def test_the_same_seed_gives_the_same_images_whatever_was_drawn_before():
    first = paint([0, 1] * 20, seed=5)
    torch.manual_seed(77)
    np.random.default_rng(77)
    assert np.array_equal(paint([0, 1] * 20, seed=5), first)
    assert not np.array_equal(paint([0, 1] * 20, seed=6), first)
    assert (first.shape, first.dtype) == ((40, 4, 4), np.uint8)


def test_sampling_leaves_the_global_random_numbers_alone():
    torch.manual_seed(8)
    expected = torch.rand(1)
    torch.manual_seed(8)
    paint([0] * 5, seed=1)
    assert torch.equal(torch.rand(1), expected)


def test_fewer_images_are_the_first_of_more_in_batches_of_their_own():
    network = Painter()
    more = paint([0] * 40, seed=5, network=network)
    assert max(network.asked) <= 16
    assert np.array_equal(paint([0] * 16, seed=5), more[:16])


def test_an_image_is_what_its_label_asks_for():
    images = paint([0, 1, 1, 0], seed=0).reshape(4, -1).mean(1)
    assert (images > 127).tolist() == [False, True, True, False]


def test_a_generator_is_scored_beside_real_images_and_both_are_named():
    rng = np.random.default_rng(4)
    real, other, generated = (
        rng.integers(0, 100, (6, 8, 8), np.uint8),
        rng.integers(0, 100, (6, 8, 8), np.uint8),
        rng.integers(150, 255, (6, 8, 8), np.uint8),
    )
    scored = scoring.score_generation(real, generated, other, 6, metrics_of("generation"))
    (distance,) = [value for value in scored if value.name == "ks_d"]
    assert (distance.value, distance.n, distance.comparable) == (1.0, 6, True)
    assert 0 < distance.real_vs_real < 0.2


def test_the_extractor_stands_in_the_name_and_says_whether_the_value_can_be_compared():
    spec = tb.ExtractorSpec(
        id="eyes", title="t", version="1", comparable=False, licence="MIT", citation="none", factory="a:b"
    )
    card = next(spec for spec in registry.find().metrics.values() if spec.id == "fid")
    distance = scoring.Metric(card, lambda real, generated: {"fid": abs(real - generated)})
    (value,) = scoring.score_generation(1.0, 4.0, 1.5, 9, [distance], spec)
    assert (value.name, value.value, value.real_vs_real, value.n, value.comparable) == ("fid[eyes]", 3.0, 0.5, 9, False)


def test_times_are_of_all_images_once_and_of_one_image_as_a_median_after_a_warm_up():
    asked: list[int] = []
    all_s, one_s = evaluate.time_predictions(asked.append, 50)
    assert (asked[0], asked[-1], set(asked[:-1])) == (1, 50, {1})
    assert len(asked) == 1 + evaluate.SINGLE_PREDICTIONS + 1
    assert min(all_s, one_s) > 0
