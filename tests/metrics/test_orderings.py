"""Deliberately bad generators on the phantom's anatomy: each is caught by the metric that exists to catch it."""

import numpy as np
import pytest
from scipy import ndimage

from tumorbench.metrics.diversity import diversity
from tumorbench.metrics.features import extract, pixel_features
from tumorbench.metrics.generation import fid, kid, manifold_precision
from tumorbench.metrics.intensity import ks_d, ks_d_foreground
from tumorbench.metrics.manifold import coverage, density
from tumorbench.metrics.memorisation import closest_pairs, memorisation, nearest_ratio

N = 60


@pytest.fixture(scope="module")
def images():
    """Held-out slices, what generators learned from, a perfect one's and bad ones' images; patients are kept apart."""
    phantom = pytest.importorskip(
        "tumorbench_phantom.phantom", reason="the package tumorbench-phantom is not installed"
    ).Phantom(None)
    slices = {sample: phantom.read_image(sample) for sample in phantom.samples()}
    patients = sorted({sample.patient for sample in slices})

    def of(chosen):
        return np.stack([image for sample, image in slices.items() if sample.patient in chosen])

    training, real, perfect = of(patients[:30]), of(patients[30:45]), of(patients[45:])
    return {
        "training": training, "real": real, "perfect": perfect,
        "noise": np.random.default_rng(0).integers(0, 256, real.shape, dtype=np.uint8),
        "blurred": np.stack([ndimage.gaussian_filter(image, 2.0) for image in perfect]),
        "copies": training[np.random.default_rng(1).permutation(len(training))[:N]],
        "collapsed": np.repeat(perfect[:1], N, axis=0),
    }  # fmt: skip


@pytest.fixture(scope="module")
def deep(images):
    efficientnet = pytest.importorskip(
        "tumorbench_extractors.efficientnet", reason="the package tumorbench-extractors is not installed"
    )
    extractor = efficientnet.EfficientNetLite0()
    return {name: extract(each, extractor, batch_size=20) for name, each in images.items()}


@pytest.fixture(scope="module")
def scores(deep):
    """Metric -> generator -> value, against the held-out slices."""
    metrics = (fid, kid, manifold_precision, density, coverage)
    generators = ("perfect", "noise", "blurred", "copies", "collapsed")
    return {
        metric.__name__: {name: metric(deep["real"], deep[name])[metric.__name__] for name in generators}
        for metric in metrics
    }


@pytest.mark.parametrize("metric", ["fid", "kid"])
def test_noise_is_farthest_and_the_real_slices_are_nearest(scores, metric):
    ranked = sorted(scores[metric], key=scores[metric].__getitem__)
    assert ranked[-1] == "noise"
    assert set(ranked[:2]) == {"perfect", "copies"}


@pytest.mark.parametrize("metric", ["manifold_precision", "density", "coverage"])
def test_noise_lies_nowhere_among_the_real_slices(scores, metric):
    assert scores[metric]["noise"] == 0
    assert scores[metric]["perfect"] > 0.5


def test_a_blurred_copy_is_caught_by_precision_density_and_kid(scores):
    assert scores["manifold_precision"]["blurred"] < 0.5 * scores["manifold_precision"]["perfect"]
    assert scores["density"]["blurred"] < 0.5 * scores["density"]["perfect"]
    assert scores["kid"]["blurred"] > 5 * abs(scores["kid"]["perfect"])


def test_the_intensities_hardly_see_the_blur_but_see_noise(images):
    for metric in (ks_d, ks_d_foreground):
        (noise,), (blurred,) = (metric(images["real"], images[name]).values() for name in ("noise", "blurred"))
        assert noise > 2 * blurred


def test_copies_of_the_training_set_pass_for_real_in_every_distance(scores):
    assert scores["kid"]["copies"] < 0.2 * scores["kid"]["blurred"]
    assert scores["fid"]["copies"] < 1.5 * scores["fid"]["perfect"]
    assert scores["manifold_precision"]["copies"] > 0.5


@pytest.mark.parametrize("space", ["pixels", "deep"])
def test_copies_are_caught_by_memorisation_and_nothing_else_is(images, deep, space):
    sets = deep if space == "deep" else {name: pixel_features(each) for name, each in images.items()}
    against = sets["training"], sets["real"]
    assert memorisation(sets["copies"], *against) == {"memorisation": 1.0}
    assert nearest_ratio(sets["copies"], *against) == {"nearest_ratio": 0.0}
    for name in ("perfect", "noise", "blurred"):
        assert memorisation(sets[name], *against)["memorisation"] < 0.3
    assert 0.8 < nearest_ratio(sets["perfect"], *against)["nearest_ratio"] < 1.25
    assert nearest_ratio(sets["noise"], *against)["nearest_ratio"] > 2


def test_the_closest_pairs_of_copies_are_the_copied_slices(images, deep):
    pairs = closest_pairs(deep["copies"], deep["training"])
    np.testing.assert_array_equal(images["copies"][pairs.generated], images["training"][pairs.training])


def test_collapse_is_caught_by_diversity_and_coverage(images, scores):
    assert diversity(images["real"], images["collapsed"])["diversity"] == 0
    assert diversity(images["real"], images["perfect"])["diversity"] == pytest.approx(1, abs=0.15)
    assert scores["coverage"]["collapsed"] < 0.3 * scores["coverage"]["perfect"]
