"""Distances of pixel intensities against SciPy on the flattened pixels."""

import numpy as np
import pytest
import scipy.stats

from tumorbench.data import crop
from tumorbench.metrics import intensity
from tumorbench.metrics.intensity import ks_d, ks_d_foreground, ks_d_image_mean, wasserstein_1, wasserstein_1_foreground

POOLED = [ks_d, wasserstein_1, ks_d_foreground, wasserstein_1_foreground]
EVERY = [*POOLED, ks_d_image_mean]


def dark_and_bright():
    rng = np.random.default_rng(0)
    dark = rng.beta(1, 4, (4, 16, 16)) * 255
    bright = rng.beta(3, 2, (3, 20, 20)) * 255  # another number of images, of another size
    return dark.astype(np.uint8), bright.astype(np.uint8)


def test_four_pixels_worked_out_by_hand():
    real, generated = np.array([[[0, 0, 51, 255]]], np.uint8), np.array([[[0, 51, 51, 51]]], np.uint8)
    assert ks_d(real, generated) == {"ks_d": 0.25}
    assert wasserstein_1(real, generated) == pytest.approx({"wasserstein_1": 0.25 * (51 + 204) / 255})


def test_ks_d_equals_scipy():
    real, generated = dark_and_bright()
    assert ks_d(real, generated)["ks_d"] == pytest.approx(
        scipy.stats.ks_2samp(real.ravel(), generated.ravel()).statistic
    )


def test_wasserstein_equals_scipy_in_units_of_black_to_white():
    real, generated = dark_and_bright()
    assert wasserstein_1(real, generated)["wasserstein_1"] == pytest.approx(
        scipy.stats.wasserstein_distance(real.ravel(), generated.ravel()) / 255
    )


@pytest.mark.parametrize("metric", EVERY)
def test_equal_distributions_are_exactly_zero_apart_at_any_number_of_images(metric):
    real, _ = dark_and_bright()
    assert set(metric(real, np.concatenate([real, real, real])).values()) == {0.0}


@pytest.mark.parametrize("metric", [ks_d, wasserstein_1])
def test_black_and_white_are_one_apart(metric):
    black = np.zeros((1, 4, 4), np.uint8)
    assert set(metric(black, black + 255).values()) == {1.0}


@pytest.mark.parametrize("metric", EVERY)
def test_the_order_of_images_and_of_sides_changes_nothing(metric):
    real, generated = dark_and_bright()
    assert metric(real[::-1], generated) == metric(real, generated)
    assert metric(generated, real) == metric(real, generated)


def test_ks_d_is_blind_to_how_far_and_wasserstein_is_not():
    black = np.zeros((1, 4, 4), np.uint8)
    near, far = black + 1, black + 200
    assert ks_d(black, near) == ks_d(black, far) == {"ks_d": 1.0}
    assert wasserstein_1(black, near)["wasserstein_1"] < wasserstein_1(black, far)["wasserstein_1"]


@pytest.mark.parametrize("metric", POOLED)
def test_shuffled_pixels_score_perfectly(metric):
    real, _ = dark_and_bright()
    shuffled = np.random.default_rng(1).permutation(real.ravel()).reshape(real.shape)
    assert set(metric(real, shuffled).values()) == {0.0}


@pytest.mark.parametrize("metric", EVERY)
def test_a_side_without_images_is_undefined(metric):
    images, none = np.zeros((1, 4, 4), np.uint8), np.zeros((0, 4, 4), np.uint8)
    assert set(metric(images, none).values()) == set(metric(none, images).values()) == {None}


@pytest.mark.parametrize("metric", EVERY)
def test_images_that_are_not_uint8_are_refused(metric):
    with pytest.raises(TypeError, match="not uint8"):
        metric(np.zeros((1, 4, 4)), np.zeros((1, 4, 4), np.uint8))


def test_the_foreground_is_what_the_crop_to_the_brain_takes_for_tissue():
    assert intensity.BRIGHT == crop.BRIGHT


def test_foreground_distances_equal_scipy_on_the_bright_pixels():
    real, generated = dark_and_bright()
    bright = real[real > 45], generated[generated > 45]
    assert 0 < bright[0].size < real.size
    assert ks_d_foreground(real, generated)["ks_d_foreground"] == pytest.approx(scipy.stats.ks_2samp(*bright).statistic)
    expected = scipy.stats.wasserstein_distance(*bright) / 255
    assert wasserstein_1_foreground(real, generated)["wasserstein_1_foreground"] == pytest.approx(expected)


@pytest.mark.parametrize("metric", [ks_d_foreground, wasserstein_1_foreground])
def test_air_does_not_change_the_foreground_s_distance_and_black_images_leave_it_undefined(metric):
    real, generated = dark_and_bright()
    airy = np.pad(generated, ((0, 0), (0, 90), (0, 0)), constant_values=45)
    assert metric(real, airy) == metric(real, generated)
    assert set(metric(real, airy * 0).values()) == {None}


def test_the_images_means_equal_scipy():
    rng = np.random.default_rng(4)
    real, generated = (
        np.clip(rng.normal(100, 30, (n, size, size)) + rng.normal(0, 25, (n, 1, 1)), 0, 255).astype(np.uint8)
        for n, size in ((14, 9), (11, 7))
    )
    expected = scipy.stats.ks_2samp(real.mean((1, 2)), generated.mean((1, 2))).statistic
    assert ks_d_image_mean(real, generated)["ks_d_image_mean"] == pytest.approx(expected)


def test_images_that_are_all_of_the_mean_brightness_are_seen_by_the_images_means_only():
    flat = np.tile(np.arange(256, dtype=np.uint8).reshape(1, 16, 16), (4, 1, 1))
    unlike = np.sort(flat.ravel()).reshape(flat.shape)  # the same pixels, dark images and bright ones
    assert ks_d(unlike, flat) == {"ks_d": 0.0}
    assert ks_d_image_mean(unlike, flat) == {"ks_d_image_mean": 0.5}
