"""Diversity against pairs taken one at a time."""

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from tumorbench.metrics.diversity import diversity


def pictures(seed, n, spread):
    return (
        (128 + np.kron(np.random.default_rng(seed).normal(0, spread, (n, 8, 8)), np.ones((8, 8))))
        .clip(0, 255)
        .astype(np.uint8)
    )


def by_hand(images):
    small = [
        np.asarray(Image.fromarray(image.astype(np.float32)).resize((32, 32), Image.Resampling.BOX)) for image in images
    ]
    return np.mean([np.sqrt(((one - other) ** 2).mean()) for one, other in combinations(small, 2)])


def value(real, generated):
    return diversity(real, generated)["diversity"]


def test_diversity_equals_a_direct_count():
    real, generated = pictures(0, 9, 40), pictures(1, 7, 15)
    assert value(real, generated) == pytest.approx(by_hand(generated) / by_hand(real), rel=1e-5)
    assert value(real, generated) < 1 < value(generated, real)


def test_images_like_the_real_ones_are_as_varied_at_any_number():
    assert value(pictures(0, 60, 30), pictures(1, 20, 30)) == pytest.approx(1, abs=0.03)


def test_collapse_is_zero_and_half_a_collapse_is_between():
    real = pictures(0, 20, 40)
    assert value(real, np.repeat(real[:1], 20, axis=0)) == 0
    assert 0.4 < value(real, np.concatenate([np.repeat(real[:1], 10, axis=0), real[10:]])) < 0.9


def test_noise_in_the_pixels_is_no_diversity():
    real = pictures(0, 20, 40)
    noise = np.random.default_rng(1).integers(0, 256, (20, 256, 256), dtype=np.uint8)
    assert value(real, noise) < 0.5


def test_the_order_changes_nothing():
    real, generated = pictures(0, 9, 40), pictures(1, 7, 15)
    assert value(real[::-1], generated[::-1]) == pytest.approx(value(real, generated), rel=1e-12)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_images_are_undefined(n):
    real = pictures(0, 9, 40)
    assert value(real, real[:n]) is None
    assert value(real[:n], real) is None


def test_real_images_that_are_all_alike_leave_it_undefined():
    real = pictures(0, 9, 40)
    assert value(np.repeat(real[:1], 3, axis=0), real) is None


def test_images_that_are_not_uint8_are_refused():
    with pytest.raises(TypeError, match="not uint8"):
        diversity(np.zeros((2, 4, 4)), pictures(0, 2, 3))
