"""Feature extraction, and the orderings that the generation metrics must give on images that anyone can rank."""

import weakref

import numpy as np
import pytest
import torch
from torch_fidelity import FeatureExtractorBase

from tumorbench.metrics.features import Features, comparable, distances, distances_between, extract
from tumorbench.metrics.generation import fid, kid, manifold_precision, manifold_recall


class CornersAndMean(FeatureExtractorBase):
    """Features: the first pixel of each channel. Logits: the image's mean, and its opposite."""

    def __init__(self, requested):
        super().__init__("corners-and-mean", requested)

    def forward(self, images):
        mean = images.float().mean((1, 2, 3))
        layers = {"corner": images[:, :, 0, 0], "mean": torch.stack([mean, -mean], 1)}
        return tuple(layers[name] for name in self.features_list)

    @staticmethod
    def get_provided_features_list():
        return "corner", "mean"

    @staticmethod
    def get_default_feature_layer_for_metric(metric):
        return {"isc": "mean", "fid": "corner", "kid": "corner", "prc": "corner"}[metric]


def pictures(n=7, size=6):
    return np.random.default_rng(0).integers(0, 256, (n, size, size), dtype=np.uint8)


def blobs(n, seed, size=64):
    """Smooth bright spots on a dark ground, each at its own place, of its own width and brightness."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size]
    images = np.zeros((n, size, size))
    for index in np.repeat(np.arange(n), 3):
        top, left, width, height = (
            rng.uniform(10, size - 10),
            rng.uniform(10, size - 10),
            rng.uniform(4, 10),
            rng.uniform(80, 200),
        )
        images[index] += height * np.exp(-((rows - top) ** 2 + (columns - left) ** 2) / (2 * width**2))
    return images.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("requested", [["corner", "mean"], ["mean", "corner"]])
def test_grey_becomes_three_equal_channels_and_layers_are_found_by_name(requested):
    images = pictures()
    found = extract(images, CornersAndMean(requested))
    np.testing.assert_array_equal(found.features, np.repeat(images[:, 0, 0, None], 3, axis=1))
    np.testing.assert_allclose(found.logits[:, 0], images.mean((1, 2)), rtol=1e-6)
    assert (found.features.dtype, found.logits.dtype, found.extractor, len(found)) == (
        np.float32,
        np.float32,
        "corners-and-mean",
        7,
    )


def test_an_extractor_that_was_not_asked_for_logits_gives_none():
    assert extract(pictures(), CornersAndMean(["corner"])).logits is None


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_the_batch_size_changes_nothing(batch_size):
    whole, batched = (
        extract(pictures(), CornersAndMean(["corner", "mean"])),
        extract(pictures(), CornersAndMean(["corner", "mean"]), batch_size=batch_size),
    )
    np.testing.assert_array_equal(batched.features, whole.features)
    np.testing.assert_allclose(batched.logits, whole.logits, rtol=1e-6)


def test_views_and_read_only_images_are_fine():
    images = pictures()[::-2]
    images.flags.writeable = False
    assert len(extract(images, CornersAndMean(["corner"]))) == 4


def test_no_images_and_images_that_are_not_uint8_are_refused():
    with pytest.raises(ValueError, match="n at least 1"):
        extract(np.zeros((0, 4, 4), np.uint8), CornersAndMean(["corner"]))
    with pytest.raises(TypeError, match="not uint8"):
        extract(np.zeros((1, 4, 4)), CornersAndMean(["corner"]))


@pytest.fixture(scope="module")
def deep():
    """Features by EfficientNet-Lite0 of three sets of 32: blobs, other blobs, noise."""
    efficientnet = pytest.importorskip(
        "tumorbench_extractors.efficientnet", reason="the package tumorbench-extractors is not installed"
    )
    extractor = efficientnet.EfficientNetLite0()
    noise = np.random.default_rng(3).integers(0, 256, (32, 64, 64), dtype=np.uint8)
    return {
        name: extract(images, extractor, batch_size=16)
        for name, images in {"real": blobs(32, 1), "other": blobs(32, 2), "noise": noise}.items()
    }


def test_other_real_images_are_near_and_noise_is_far_in_fid_and_kid(deep):
    ideal, far = fid(deep["real"], deep["other"])["fid"], fid(deep["real"], deep["noise"])["fid"]
    assert far > 5 * ideal
    ideal, far = kid(deep["real"], deep["other"])["kid"], kid(deep["real"], deep["noise"])["kid"]
    assert far > 20 * abs(ideal)


def test_other_real_images_lie_among_the_real_ones_and_noise_does_not(deep):
    assert manifold_precision(deep["real"], deep["other"])["manifold_precision"] > 0.5
    assert manifold_precision(deep["real"], deep["noise"])["manifold_precision"] == 0
    assert manifold_recall(deep["real"], deep["other"])["manifold_recall"] > 0.5
    assert manifold_recall(deep["real"], deep["noise"])["manifold_recall"] == 0


def test_deep_features_hardly_depend_on_the_batch_size(deep):
    from tumorbench_extractors.efficientnet import EfficientNetLite0

    one_by_one = extract(blobs(32, 1)[:5], EfficientNetLite0(), batch_size=1)
    np.testing.assert_allclose(one_by_one.features, deep["real"].features[:5], atol=1e-4)


def test_distances_between_the_same_sets_are_computed_once_and_cannot_be_changed():
    rng = np.random.default_rng(0)
    first, second = (Features(rng.normal(size=(n, 3)).astype(np.float32), None, "raw") for n in (4, 6))
    found = distances_between(first, second)
    np.testing.assert_array_equal(found, distances(*comparable(first, second)))
    assert distances_between(first, second) is found
    np.testing.assert_array_equal(distances_between(second, first), found.T)
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0] = 0


def test_distances_are_forgotten_with_their_sets():
    first, second = (Features(np.zeros((2, 1), np.float32), None, "raw") for _ in range(2))
    found = weakref.ref(distances_between(first, second))
    del second
    assert found() is None


def test_features_of_different_extractors_have_no_distances():
    first, second = (Features(np.zeros((2, 1), np.float32), None, name) for name in ("raw", "other"))
    with pytest.raises(ValueError, match="cannot be compared"):
        distances_between(first, second)
