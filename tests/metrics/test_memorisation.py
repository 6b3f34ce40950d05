"""Memorisation against distances one pair at a time, and against what copies, real images and noise must give."""

import math
import sys

import numpy as np
import pytest
from PIL import Image

from tumorbench.metrics.features import Features, Nearest, pixel_features
from tumorbench.metrics.memorisation import (
    closest_pairs,
    memorisation,
    memory_distances,
    nearest_ratio,
    ratio_of,
    share_of,
)

BOTH = [memorisation, nearest_ratio]


def features(array, extractor="raw"):
    return Features(np.asarray(array, np.float32), None, extractor)


def normal(seed, n, spread=1.0):
    return features(np.random.default_rng(seed).normal(size=(n, 4)) * spread)


def value(metric, *sets):
    (result,) = metric(*sets).values()
    return result


def nearest_by_hand(points, training):
    """(position, distance) of each point's nearest training image, one pair at a time."""
    rows = training.features.astype(np.float64).tolist()
    measured = ([math.dist(point, row) for row in rows] for point in points.features.astype(np.float64).tolist())
    return [(int(np.argmin(each)), min(each)) for each in measured]


def test_the_ratio_of_medians_equals_a_direct_count():
    generated, training, held_out = normal(0, 33, 0.5), normal(1, 80), normal(2, 41)
    medians = [
        np.median([distance for _, distance in nearest_by_hand(side, training)]) for side in (generated, held_out)
    ]
    assert value(nearest_ratio, generated, training, held_out) == pytest.approx(medians[0] / medians[1])


def test_memorisation_counts_what_is_nearer_than_the_second_nearest_of_thirty_nine():
    generated, training, held_out = (
        normal(0, 33, 0.5),
        normal(1, 80),
        normal(2, 39),
    )  # 5 % of 40 = the second order statistic
    second = sorted(distance for _, distance in nearest_by_hand(held_out, training))[1]
    expected = np.mean([distance <= second for _, distance in nearest_by_hand(generated, training)])
    assert 0 < expected < 0.5
    assert value(memorisation, generated, training, held_out) == pytest.approx(expected)


@pytest.mark.parametrize("n", [19, 24, 60])
def test_further_real_images_score_one_in_twenty_at_any_number_of_held_out_ones(n):
    shares = [
        value(memorisation, normal((seed, 0), 200), normal((seed, 1), 50), normal((seed, 2), n)) for seed in range(300)
    ]
    assert np.mean(shares) == pytest.approx(0.05, abs=4 * np.std(shares) / np.sqrt(300))


def test_copies_of_the_training_set_are_memorised_and_at_ratio_zero():
    training, held_out = normal(0, 100), normal(1, 40)
    copies = training[np.random.default_rng(2).permutation(100)[:50]]
    assert (value(memorisation, copies, training, held_out), value(nearest_ratio, copies, training, held_out)) == (1, 0)


def test_copies_are_memorised_also_where_held_out_images_have_twins_in_training():
    training = normal(0, 100)
    leaky = features(np.concatenate([training.features[:20], normal(1, 20).features]))
    batched = features(training.features[:50] * np.float32(1 + 1e-6))  # another batch's rounding
    assert value(memorisation, batched, training, leaky) == 1
    assert value(nearest_ratio, training[:50], training, training[50:]) is None


def test_a_copy_of_every_other_image_is_memorised_by_half():
    training, held_out, fresh = normal(0, 100), normal(1, 60), normal(2, 50)
    mixed = features(np.concatenate([training.features[:50], fresh.features]))
    assert value(memorisation, mixed, training, held_out) == pytest.approx(0.5, abs=0.1)


def test_noise_is_not_memorised_and_lies_far_off():
    training, held_out, noise = normal(0, 100), normal(1, 60), normal(2, 60, 10)
    assert value(memorisation, noise, training, held_out) < 0.05
    assert value(nearest_ratio, noise, training, held_out) > 5


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.__name__)
def test_no_two_of_the_three_sets_are_exchangeable(metric):
    sets = normal(0, 33, 0.5), normal(1, 80), normal(2, 41)
    values = [
        value(metric, *(sets[place] for place in order)) for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1))
    ]
    assert len(set(values)) == 4


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.__name__)
def test_empty_sets_are_undefined(metric):
    sets = normal(0, 33), normal(1, 80), normal(2, 41)
    for place in range(3):
        assert value(metric, *(side[:0] if place == index else side for index, side in enumerate(sets))) is None


def test_fewer_than_nineteen_held_out_images_have_no_five_percent_quantile():
    assert value(memorisation, normal(0, 33), normal(1, 80), normal(2, 18)) is None
    assert value(memorisation, normal(0, 33), normal(1, 80), normal(2, 19)) is not None


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.__name__)
def test_the_order_of_the_images_and_the_size_of_blocks_change_nothing(metric, monkeypatch):
    sets = normal(0, 33, 0.5), normal(1, 80), normal(2, 41)
    whole = value(metric, *sets)
    monkeypatch.setattr(sys.modules[memorisation.__module__], "BLOCK", 7)
    assert value(metric, *(side[::-1] for side in sets)) == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.__name__)
def test_features_of_another_extractor_or_with_nan_are_refused(metric):
    sets = normal(0, 33), normal(1, 80), normal(2, 41)
    with pytest.raises(ValueError, match="cannot be compared"):
        metric(sets[0], sets[1], features(sets[2].features, "other"))
    with pytest.raises(ValueError, match="NaN"):
        metric(sets[0], features(sets[1].features * np.nan), sets[2])


def test_the_closest_pairs_are_those_of_a_direct_search_nearest_first():
    generated, training = normal(0, 33), normal(1, 80)
    searched = nearest_by_hand(generated, training)
    order = sorted(range(33), key=lambda index: searched[index][1])[:5]
    pairs = closest_pairs(generated, training, 5)
    assert (pairs.generated.tolist(), pairs.training.tolist()) == (order, [searched[index][0] for index in order])
    assert pairs.distances == pytest.approx([searched[index][1] for index in order])


def test_closest_pairs_of_few_images_are_all_and_of_none_none():
    generated, training = normal(0, 3), normal(1, 80)
    assert len(closest_pairs(generated, training).distances) == 3
    assert [len(part) for part in closest_pairs(generated[:0], training)] == [0, 0, 0]
    assert [len(part) for part in closest_pairs(generated, training[:0])] == [0, 0, 0]


def test_pixel_features_are_pillow_s_means_of_blocks():
    images = np.random.default_rng(0).integers(0, 256, (3, 128, 64), dtype=np.uint8)
    means = [
        np.asarray(Image.fromarray(image.astype(np.float32)).resize((32, 32), Image.Resampling.BOX)).ravel()
        for image in images
    ]
    found = pixel_features(images)
    np.testing.assert_allclose(found.features, np.array(means) / 255 / 32, rtol=1e-5)
    assert (found.extractor, found.logits, len(found)) == ("pixels", None, 3)


def test_the_distance_of_pixels_is_their_root_mean_square_difference():
    black = np.zeros((1, 48, 48), np.uint8)
    pairs = closest_pairs(pixel_features(black + 51), pixel_features(black))
    assert pairs.distances == pytest.approx([0.2])


def test_a_noisy_copy_is_nearer_by_means_of_blocks_than_by_pixels():
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.integers(60, 200, (2, 8, 8)), np.ones((16, 16))).astype(np.int64)
    noisy = (smooth[:1] + rng.normal(0, 20, (1, 128, 128))).clip(0, 255).astype(np.uint8)
    copy, other = (
        closest_pairs(pixel_features(noisy), pixel_features(smooth.astype(np.uint8)[:1])),
        np.abs(noisy - smooth[0]).std() / 255,
    )
    assert copy.distances[0] < 0.5 * other
    assert copy.training.tolist() == [0]


def test_pixels_that_are_not_uint8_are_refused_and_no_images_are_no_features():
    with pytest.raises(TypeError, match="not uint8"):
        pixel_features(np.zeros((1, 4, 4)))
    assert pixel_features(np.zeros((0, 4, 4), np.uint8)).features.shape == (0, 1024)


def measured(distances, positions=None):
    """Features of images that were compared with the training images one by one."""
    distances = np.asarray(distances, float)
    where = np.zeros(len(distances), np.int64) if positions is None else np.asarray(positions)
    return Features(np.zeros((len(distances), 1), np.float32), None, "pixels", Nearest(where, distances))


def test_where_distances_are_measured_a_copy_is_what_correlates_by_985_per_mille_and_no_baseline_is_needed():
    training = features(np.zeros((9, 1)), "pixels")
    generated, far = measured([0, 0.01, 0.015, 0.016, 0.3]), measured([0.1] * 30)
    assert value(memorisation, generated, training, far) == pytest.approx(3 / 5)
    assert value(memorisation, generated, training, measured([])) == pytest.approx(3 / 5)
    assert value(memorisation, measured([0.1] * 4), training, measured([0.2] * 30)) == 0  # nearer, and no copies
    assert value(memorisation, measured([]), training, far) is None


def test_where_distances_are_measured_the_ratio_and_the_pairs_are_of_them():
    training = features(np.zeros((9, 1)), "pixels")
    generated, held_out = measured([0.3, 0.1, 0.2], [4, 7, 1]), measured([0.4, 0.8])
    assert value(nearest_ratio, generated, training, held_out) == pytest.approx(0.2 / 0.6)
    pairs = closest_pairs(generated, training, 2)
    assert (pairs.generated.tolist(), pairs.training.tolist(), pairs.distances.tolist()) == ([1, 2], [7, 1], [0.1, 0.2])
    assert generated[[2, 0]].nearest.positions.tolist() == [1, 4]


def test_what_an_interval_is_drawn_from_gives_the_value_again():
    training, far = features(np.zeros((9, 1)), "pixels"), measured([0.3] * 40)
    for generated in (measured([0.01] * 20 + [0.3] * 60), measured([0.02, 0.5])):
        whole = value(memorisation, generated, training, far)
        assert share_of(*memory_distances(generated, training, far)) == whole
    sets = normal(0, 33, 0.5), normal(1, 80), normal(2, 41)
    assert share_of(*memory_distances(*sets)) == value(memorisation, *sets)
    assert ratio_of(*memory_distances(*sets)) == value(nearest_ratio, *sets)
