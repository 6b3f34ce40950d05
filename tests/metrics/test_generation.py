"""Generation metrics against direct formulas, SciPy and torchmetrics on small random features."""

import numpy as np
import pytest
import scipy.linalg
import scipy.special
import torch
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import maximum_mean_discrepancy, poly_kernel

from tumorbench.metrics import generation as metrics
from tumorbench.metrics.features import Features

ALL = [metrics.fid, metrics.kid, metrics.inception_score, metrics.manifold_precision, metrics.manifold_recall]
SYMMETRIC = [metrics.fid, metrics.kid]


def features(array, logits=None, extractor="raw"):
    return Features(
        np.asarray(array, np.float32), None if logits is None else np.asarray(logits, np.float32), extractor
    )


def pair(n=60, dimensions=8, shift=0.5, seed=0, n_generated=None):
    """Correlated real features, and generated ones elsewhere and of another spread."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dimensions, dimensions))
    real = rng.normal(size=(n, dimensions)) @ mixing
    generated = rng.normal(size=(n_generated or n, dimensions)) @ mixing * 0.5 + shift
    return features(real, rng.normal(size=(n, 5))), features(generated, rng.normal(size=(n_generated or n, 5)) * 3)


def value(metric, real, generated):
    (result,) = metric(real, generated).values()
    return result


def frechet_by_scipy(real, generated):
    """The defining formula, with SciPy's matrix square root of the product of the covariances."""
    first, second = real.features.astype(np.float64), generated.features.astype(np.float64)
    one, other = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    gap = first.mean(0) - second.mean(0)
    return gap @ gap + np.trace(one + other - 2 * scipy.linalg.sqrtm(one @ other).real)


def frechet_by_singular_values(real, generated):
    """The trace of the square root as the nuclear norm of the product of the centred features: exact for any n."""
    first, second = (side.features.astype(np.float64) for side in (real, generated))
    gap = first.mean(0) - second.mean(0)
    first = (first - first.mean(0)) / np.sqrt(len(first) - 1)
    second = (second - second.mean(0)) / np.sqrt(len(second) - 1)
    return (
        gap @ gap + (first**2).sum() + (second**2).sum() - 2 * np.linalg.svd(first @ second.T, compute_uv=False).sum()
    )


def squared_mmd(real, generated):
    """Equation 4 of Binkowski et al., one pair at a time."""
    first, second = real.features.astype(np.float64), generated.features.astype(np.float64)
    m, d = first.shape

    def kernel(one, other):
        return (one @ other / d + 1) ** 3

    within = sum(kernel(side[i], side[j]) for side in (first, second) for i in range(m) for j in range(m) if i != j) / (
        m * (m - 1)
    )
    return within - 2 * sum(kernel(one, other) for one in first for other in second) / m**2


def test_fid_of_two_small_sets_worked_out_by_hand():
    # Variances 2 and 8 along the first axis, means 4 apart along the second: 16 + (sqrt 2 - sqrt 8)^2.
    real, generated = features([[-1, 0], [1, 0]]), features([[-2, 4], [2, 4]])
    assert value(metrics.fid, real, generated) == pytest.approx(18)


def test_fid_equals_the_defining_formula_and_torchmetrics():
    real, generated = pair(n_generated=80)
    ours = value(metrics.fid, real, generated)
    assert ours == pytest.approx(frechet_by_scipy(real, generated), rel=1e-9)
    moments = [
        moment
        for side in (real, generated)
        for moment in (
            torch.from_numpy(side.features).double().mean(0),
            torch.from_numpy(np.cov(side.features.astype(np.float64), rowvar=False)),
        )
    ]
    assert ours == pytest.approx(_compute_fid(*moments).item(), rel=1e-9)


@pytest.mark.parametrize("n", [2, 10, 50])
def test_fid_is_exact_below_the_feature_dimension(n):
    real, generated = pair(n=n, dimensions=160)
    assert value(metrics.fid, real, generated) == pytest.approx(frechet_by_singular_values(real, generated), rel=1e-7)


def test_fid_of_a_set_with_itself_is_zero():
    real, _ = pair(n=20, dimensions=64)
    assert value(metrics.fid, real, real) == pytest.approx(0, abs=1e-5)
    assert value(metrics.fid, real, real) >= 0


def test_fid_grows_with_the_shift():
    shifts = [value(metrics.fid, *pair(shift=shift)) for shift in (0, 1, 2, 4)]
    assert shifts == sorted(shifts)


def test_kid_equals_the_defining_formula_and_torchmetrics():
    real, generated = pair(n=25)
    ours = value(metrics.kid, real, generated)
    assert ours == pytest.approx(squared_mmd(real, generated), rel=1e-9)
    first, second = (torch.from_numpy(side.features).double() for side in (real, generated))
    expected = maximum_mean_discrepancy(
        poly_kernel(first, first), poly_kernel(first, second), poly_kernel(second, second)
    )
    assert ours == pytest.approx(expected.item(), rel=1e-9)


def test_kid_between_equal_distributions_is_zero_on_average_and_sometimes_negative():
    rng = np.random.default_rng(0)
    values = [
        value(metrics.kid, features(rng.normal(size=(30, 6))), features(rng.normal(size=(30, 6)))) for _ in range(200)
    ]
    assert min(values) < 0 < max(values)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))


def test_kid_of_sets_of_unequal_size_draws_subsets_and_gives_the_same_each_time():
    real, generated = pair(n=40, n_generated=60)
    once = value(metrics.kid, real, generated)
    assert once == value(metrics.kid, real, generated)
    whole = value(metrics.kid, real, features(generated.features[:40]))
    assert once == pytest.approx(whole, rel=0.5)


def test_kid_of_sets_above_a_thousand_is_close_to_the_whole(monkeypatch):
    real, generated = pair(n=120, shift=2)
    whole = value(metrics.kid, real, generated)
    monkeypatch.setattr(metrics, "KID_SUBSET_SIZE", 60)
    assert value(metrics.kid, real, generated) == pytest.approx(whole, rel=0.1)


def test_inception_score_worked_out_by_hand():
    # Three images sure of one category and one sure of another: exp of the entropy of (3/4, 1/4).
    logits = [[60, 0, 0]] * 3 + [[0, 60, 0]]
    generated = features(np.zeros((4, 2)), logits)
    assert value(metrics.inception_score, generated, generated) == pytest.approx(
        np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    )


def test_inception_score_equals_the_defining_formula_and_looks_at_the_generated_side_only():
    real, generated = pair()
    p = scipy.special.softmax(generated.logits.astype(np.float64), axis=1)
    expected = np.exp((p * np.log(p / p.mean(0))).sum(1).mean())
    assert value(metrics.inception_score, real, generated) == pytest.approx(expected, rel=1e-9)
    assert value(metrics.inception_score, generated, generated) == value(metrics.inception_score, real, generated)
    assert value(metrics.inception_score, generated, real) != pytest.approx(expected, rel=0.01)


def test_inception_score_of_images_that_look_alike_is_one():
    same = features(np.zeros((5, 2)), [[1, 2, 3]] * 5)
    assert value(metrics.inception_score, same, same) == pytest.approx(1)


def test_generated_images_on_one_real_image_are_precise_and_cover_nothing_else():
    real = features(np.arange(12)[:, None] * 10.0)
    collapsed = features(50 + np.arange(12)[:, None] * 0.01)
    assert value(metrics.manifold_precision, real, collapsed) == 1
    assert value(metrics.manifold_recall, real, collapsed) == pytest.approx(1 / 12)


def test_manifold_precision_and_recall_equal_a_direct_count():
    real, generated = pair(n=30, dimensions=3, shift=1.5, n_generated=40)

    def share_inside(points, centres):
        distance = np.linalg.norm(centres[:, None] - centres[None], axis=2)
        radius = np.sort(distance, axis=1)[:, 3]  # column 0 is the centre itself
        return np.mean([(np.linalg.norm(centres - point, axis=1) <= radius).any() for point in points])

    first, second = real.features.astype(np.float64), generated.features.astype(np.float64)
    assert value(metrics.manifold_precision, real, generated) == pytest.approx(share_inside(second, first))
    assert value(metrics.manifold_recall, real, generated) == pytest.approx(share_inside(first, second))


def test_manifold_precision_and_recall_change_places_when_the_sides_do():
    real, generated = pair(n=30, dimensions=3, shift=1.5, n_generated=40)
    assert value(metrics.manifold_precision, real, generated) == value(metrics.manifold_recall, generated, real)
    assert value(metrics.manifold_precision, real, generated) != value(metrics.manifold_precision, generated, real)


@pytest.mark.parametrize("metric", SYMMETRIC, ids=lambda metric: metric.__name__)
def test_distances_do_not_care_which_side_is_real(metric):
    real, generated = pair()
    assert value(metric, real, generated) == pytest.approx(value(metric, generated, real), rel=1e-9)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
def test_the_order_of_the_images_changes_nothing(metric):
    real, generated = pair()
    backwards = features(generated.features[::-1], generated.logits[::-1])
    assert value(metric, real, backwards) == pytest.approx(value(metric, real, generated), rel=1e-9)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
def test_the_same_features_give_the_same_value_bit_for_bit(metric):
    assert value(metric, *pair()) == value(metric, *pair())


@pytest.mark.parametrize(
    ("metric", "n"), [(metrics.fid, 1), (metrics.kid, 1), (metrics.manifold_precision, 3), (metrics.manifold_recall, 3)]
)
def test_too_few_images_on_either_side_are_undefined(metric, n):
    few, enough = features(np.eye(4)[:n]), features(np.eye(4) + 1)
    assert value(metric, few, enough) is None
    assert value(metric, enough, few) is None
    assert value(metric, enough, enough) is not None


def test_inception_score_without_logits_is_undefined():
    real, generated = pair()
    assert value(metrics.inception_score, real, features(generated.features)) is None


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
def test_features_of_different_extractors_are_refused(metric):
    real, generated = pair()
    with pytest.raises(ValueError, match="features of raw cannot be compared with features of other"):
        metric(real, features(generated.features, generated.logits, "other"))


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
def test_features_with_nan_are_refused(metric):
    real, generated = pair()
    with pytest.raises(ValueError, match="NaN"):
        metric(real, features(np.full_like(generated.features, np.nan), generated.logits))
