"""Fréchet distances from inner products against torch-fidelity's, and the distance at infinity against known ones."""

import numpy as np
import pytest

from tumorbench.metrics.features import Features
from tumorbench.metrics.frechet import fid_infinity, frechet, inner_products
from tumorbench.metrics.generation import fid


def features(array, extractor="raw"):
    return Features(np.asarray(array, np.float32), None, extractor)


def normal(seed, n=240, dimensions=60, scale=1.0, shift=0.0):
    """Features whose variances fall as 1 / position, as deep ones do."""
    deviations = np.arange(1, dimensions + 1) ** -0.5
    return features(np.random.default_rng(seed).normal(size=(n, dimensions)) * deviations * scale + shift * deviations)


@pytest.mark.parametrize("dimensions", [3, 25, 200])
def test_a_subset_s_distance_is_torch_fidelity_s(dimensions):
    real, generated = normal(0, 40, dimensions), normal(1, 30, dimensions, 1.5, 0.7)
    products = inner_products(real.features.astype(np.float64), generated.features.astype(np.float64))
    rows, columns = np.arange(40)[::2], np.arange(30)[4:]
    assert frechet(products, rows, columns) == pytest.approx(fid(real[rows], generated[columns])["fid"], rel=1e-5)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.5, 0.0), (1.0, 1.0), (0.6, 0.5)])
def test_the_distance_at_infinity_is_nearer_to_the_truth_than_fid(scale, shift):
    variances = (1 / np.arange(1, 61)).sum()
    truth = variances * ((scale - 1) ** 2 + shift**2)
    pairs = [(normal(seed), normal(seed + 100, scale=scale, shift=shift)) for seed in range(16)]
    found = np.array([(fid_infinity(*pair)["fid_infinity"], fid(*pair)["fid"]) for pair in pairs]).mean(axis=0) - truth
    assert abs(found[0]) < 0.5 * found[1]


def test_more_generated_images_than_real_ones_are_used():
    real, generated = normal(0, 240), normal(1, 720, scale=1.4)
    assert fid_infinity(real, generated) != fid_infinity(real, generated[:240])
    assert fid_infinity(real, generated)["fid_infinity"] == pytest.approx(0.16 * (1 / np.arange(1, 61)).sum(), abs=0.15)


def test_it_is_symmetric_about_equally_large_sets_and_not_negative_far_away():
    real, generated = normal(0), normal(1, shift=2)
    assert fid_infinity(real, generated)["fid_infinity"] == pytest.approx(
        fid_infinity(generated, real)["fid_infinity"], rel=0.02
    )
    assert fid_infinity(real, generated)["fid_infinity"] > 5


def test_the_same_features_give_the_same_value_bit_for_bit():
    assert fid_infinity(normal(0), normal(1)) == fid_infinity(normal(0), normal(1))


def test_images_that_are_all_alike_have_a_value():
    assert fid_infinity(features(np.ones((200, 4))), features(np.ones((200, 4)) * 2)) == {
        "fid_infinity": pytest.approx(4)
    }


def test_fewer_than_two_hundred_images_on_either_side_are_undefined():
    few, enough = normal(0, 199), normal(1, 200)
    assert fid_infinity(few, enough) == fid_infinity(enough, few) == {"fid_infinity": None}
    assert fid_infinity(enough, enough)["fid_infinity"] is not None


def test_features_of_another_extractor_or_with_nan_are_refused():
    with pytest.raises(ValueError, match="cannot be compared"):
        fid_infinity(normal(0), features(normal(1).features, "other"))
    with pytest.raises(ValueError, match="NaN"):
        fid_infinity(normal(0), features(normal(1).features * np.inf))
