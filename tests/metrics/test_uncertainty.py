"""Replicates of the generation metrics: around the value, and as wide as the metric varies with patients and images."""

import numpy as np
import pytest

from tumorbench.metrics import diversity, frechet, generation, intensity, manifold, memorisation
from tumorbench.metrics.features import Features
from tumorbench.metrics.uncertainty import REPLICATES, halves, replicates
from tumorbench.statistics.intervals import interval

ON_FEATURES = {
    name: getattr(generation, name)
    for name in ("kid", "fid", "inception_score", "manifold_precision", "manifold_recall")
}
ON_FEATURES |= {"fid_infinity": frechet.fid_infinity, "density": manifold.density, "coverage": manifold.coverage}
ON_IMAGES = {
    name: getattr(intensity, name)
    for name in ("ks_d", "wasserstein_1", "ks_d_foreground", "wasserstein_1_foreground", "ks_d_image_mean")
}
ON_IMAGES |= {"diversity": diversity.diversity}
OF_MEMORY = {"memorisation": memorisation.memorisation, "nearest_ratio": memorisation.nearest_ratio}
METRICS = ON_FEATURES | ON_IMAGES | OF_MEMORY


def features(seed, n, dimensions=12, scale=1.0, shift=0.0):
    rng = np.random.default_rng(seed)
    cloud = rng.normal(size=(n, dimensions)) * np.arange(1, dimensions + 1) ** -0.7 * scale + shift
    return Features(cloud.astype(np.float32), (rng.normal(size=(n, 6)) * 2).astype(np.float32), "raw")


def pictures(seed, n, spread, mean=110):
    rng = np.random.default_rng(seed)
    return (rng.normal(mean, 15, (n, 1, 1)) + rng.normal(0, spread, (n, 40, 40))).clip(0, 255).astype(np.uint8)


def arguments(name, n=210, m=230, seed=0):
    """Sets of unequal size and spread."""
    if name in ON_IMAGES:
        return pictures((seed, 0), n // 5, 60), pictures((seed, 1), m // 5, 40)
    if name in OF_MEMORY:
        return features((seed, 0), n, scale=0.6), features((seed, 1), 90), features((seed, 2), m)
    if name == "kid":  # with unequal sets the metric draws subsets
        return features((seed, 0), n), features((seed, 1), n, scale=0.8, shift=0.1)
    return features((seed, 0), n), features((seed, 1), m, scale=0.8, shift=0.1)


def ends(name, *sets, **how):
    """The 95 % interval."""
    found = replicates(name)(*sets, **how)
    return found and interval(found.value, found.draws, found.clusters, found.value_range, halves=True)


def test_every_generation_metric_has_replicates():
    from tumorbench.metrics.builtin import tumorbench_metrics

    assert {card.id for card in tumorbench_metrics() if card.task == "generation"} <= set(REPLICATES) == set(METRICS)


def test_a_metric_of_another_task_has_none():
    assert replicates("dice") is None


@pytest.mark.parametrize("name", METRICS)
def test_the_value_lies_inside_and_is_the_metric_s_own(name):
    sets = arguments(name)
    (value,) = METRICS[name](*sets).values()
    low, high = ends(name, *sets, draws=40)
    assert low < value < high
    n, m, statistic = REPLICATES[name][0](*sets)
    assert statistic(np.arange(n), np.arange(m)) == pytest.approx(value, rel=1e-5)
    assert ends(name, *sets, draws=40) == (low, high)


@pytest.mark.parametrize("name", METRICS)
def test_part_of_the_images_is_scored_as_a_set_of_its_own(name):
    sets = arguments(name, n=420, m=440)
    n, m, statistic = REPLICATES[name][0](*sets)
    rows, columns = np.arange(n)[::2], np.arange(m)[1::2]
    chosen = (sets[0][rows], sets[1], sets[2][columns]) if name in OF_MEMORY else (sets[0][rows], sets[1][columns])
    (value,) = METRICS[name](*chosen).values()
    assert statistic(rows, columns) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize("name", METRICS)
def test_more_images_make_it_narrower(name):
    few, many = (
        sum(np.ptp(ends(name, *arguments(name, n, n, seed), draws=40)) for seed in range(4)) for n in (100, 400)
    )
    assert 0.3 * few < many < 0.75 * few


def test_replicates_of_a_mean_spread_as_the_mean_does():
    sample = np.random.default_rng(0).exponential(size=400)
    found = halves(400, 80, lambda rows, _: float(sample[rows].mean()), draws=2000)
    assert found.draws.std() == pytest.approx(sample.std(ddof=1) / 20, rel=0.06)


def test_replicates_of_a_mean_of_patients_spread_as_that_of_as_many_images():
    patients = np.random.default_rng(0).normal(size=40)
    images, names = np.repeat(patients, 5), [f"p{number}" for number in np.repeat(np.arange(40), 5)]

    def mean(rows, _):
        return float(images[rows].mean())

    found = halves(200, 80, mean, clusters=(names, None), draws=2000)
    alone = halves(200, 80, mean, draws=2000)
    assert (found.clusters, alone.clusters) == (40, 80)
    assert found.draws.std() == pytest.approx(patients.std(ddof=1) / 40**0.5, rel=0.06)
    assert alone.draws.std() < 0.6 * found.draws.std()


@pytest.mark.parametrize("name", ["fid", "kid", "manifold_precision", "density", "coverage", "memorisation"])
def test_the_expected_value_at_the_same_n_is_held_as_often_as_said(name):
    def sets(seed):
        if name in OF_MEMORY:
            return features((seed, 0), 60, scale=0.8), features((seed, 1), 60), features((seed, 2), 60)
        return features((seed, 0), 60), features((seed, 1), 60, scale=1.1, shift=0.3)

    drawn = [sets(seed) for seed in range(120)]
    expected = np.mean([next(iter(METRICS[name](*each).values())) for each in drawn])
    held = [low <= expected <= high for low, high in (ends(name, *each) for each in drawn)]
    assert np.mean(held) > 0.8


@pytest.mark.parametrize("name", METRICS)
def test_few_images_have_no_interval(name):
    sets = [each[:19] for each in arguments(name)]
    assert replicates(name)(*sets) is None


def test_without_logits_there_is_no_interval_of_the_inception_score():
    real = features(0, 30)
    assert replicates("inception_score")(real, Features(real.features, None, "raw")) is None


def test_a_metric_that_some_part_leaves_undefined_has_no_replicates():
    assert halves(40, 40, lambda rows, _: 1.0 if 0 in rows else None) is None
