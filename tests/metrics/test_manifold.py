"""Density and coverage against counts pair by pair, and against what is expected of equal distributions."""

import math

import numpy as np
import pytest

from tumorbench.metrics.features import Features
from tumorbench.metrics.manifold import coverage, density

BOTH = [density, coverage]


def features(array, extractor="raw"):
    return Features(np.asarray(array, np.float32), None, extractor)


def pair(n=30, n_generated=40, seed=0):
    rng = np.random.default_rng(seed)
    return features(rng.normal(size=(n, 3))), features(rng.normal(size=(n_generated, 3)) * 0.6 + 0.7)


def value(metric, real, generated):
    (result,) = metric(real, generated).values()
    return result


def counted(real, generated, k=5):
    """(density, coverage) by the definitions, one ball at a time."""
    first, second = real.features.astype(np.float64).tolist(), generated.features.astype(np.float64).tolist()
    inside = []
    for centre in first:
        radius = sorted(math.dist(centre, other) for other in first)[k]  # the first is the centre itself
        inside.append(sum(math.dist(centre, point) <= radius for point in second))
    return sum(inside) / (k * len(second)), sum(map(bool, inside)) / len(first)


@pytest.mark.parametrize("sizes", [(30, 40), (40, 30), (6, 1)])
def test_density_and_coverage_equal_a_direct_count(sizes):
    real, generated = pair(*sizes)
    assert (value(density, real, generated), value(coverage, real, generated)) == pytest.approx(
        counted(real, generated)
    )


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.__name__)
def test_the_sides_are_not_exchangeable(metric):
    real, generated = pair()
    assert value(metric, real, generated) != pytest.approx(value(metric, generated, real), rel=0.01)


def test_equal_distributions_have_the_values_that_the_paper_expects():
    rng = np.random.default_rng(1)
    found = np.array(
        [
            [value(metric, features(rng.normal(size=(40, 8))), features(rng.normal(size=(40, 8)))) for metric in BOTH]
            for _ in range(150)
        ]
    )
    expected_coverage = 1 - math.prod((40 - step) / (80 - step) for step in range(1, 6))
    errors = 4 * found.std(axis=0) / np.sqrt(len(found))
    assert abs(found.mean(axis=0) - [1, expected_coverage]) == pytest.approx([0, 0], abs=errors.max())


def test_images_crowded_on_one_real_image_are_dense_and_cover_little():
    real = features(np.arange(20)[:, None] * 10.0)
    collapsed = features(100 + np.arange(20)[:, None] * 0.01)
    assert value(density, real, collapsed) >= 1
    assert value(coverage, real, collapsed) < 0.5


def test_one_real_outlier_does_not_make_far_images_dense():
    real, far = features([[0], [1], [2], [3], [4], [5], [6], [7], [1000]]), features([[500], [501], [502]])
    assert value(density, real, far) == pytest.approx(
        1 / 5
    )  # in the outlier's ball only, one of the five that are expected


def test_a_large_common_offset_loses_no_digits():
    real, generated = pair()
    moved = [features(side.features + np.float32(4096)) for side in (real, generated)]
    assert (value(density, *moved), value(coverage, *moved)) == pytest.approx(counted(*moved))


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.__name__)
def test_the_order_of_the_images_changes_nothing(metric):
    real, generated = pair()
    assert value(metric, real[::-1], generated[::-1]) == value(metric, real, generated)


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.__name__)
def test_too_few_images_are_undefined(metric):
    real, generated = pair()
    assert value(metric, real[:5], generated) is None
    assert value(metric, real, generated[:0]) is None
    assert value(metric, real[:6], generated[:1]) is not None


@pytest.mark.parametrize("metric", BOTH, ids=lambda metric: metric.__name__)
def test_features_of_another_extractor_or_with_nan_are_refused(metric):
    real, generated = pair()
    with pytest.raises(ValueError, match="cannot be compared"):
        metric(real, features(generated.features, "other"))
    with pytest.raises(ValueError, match="NaN"):
        metric(real, features(generated.features * np.nan))
