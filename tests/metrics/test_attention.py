"""The share of Grad-CAM inside the mask, against values worked out by hand."""

import numpy as np
import pytest

from tumorbench.metrics.attention import cam_in_mask


def test_the_mean_is_over_the_slices_where_it_is_defined():
    assert cam_in_mask(np.array([0.75, np.nan, 0.25, 0.125]), np.full(4, 0.1)) == {
        "cam_in_mask": pytest.approx(1.125 / 3)
    }


def test_the_value_is_of_the_maps_and_not_of_chance():
    assert cam_in_mask(np.array([0.5]), np.array([0.25])) == {"cam_in_mask": 0.5}
    assert cam_in_mask(np.array([0.25]), np.array([0.5])) == {"cam_in_mask": 0.25}


def test_the_order_of_the_slices_changes_nothing():
    inside, chance = np.random.default_rng(0).random((2, 20))
    assert cam_in_mask(inside[::-1], chance[::-1]) == pytest.approx(cam_in_mask(inside, chance))


@pytest.mark.parametrize("inside", [[], [np.nan, np.nan]])
def test_without_a_defined_slice_the_value_is_none(inside):
    assert cam_in_mask(np.array(inside, float), np.full(len(inside), 0.1)) == {"cam_in_mask": None}


def test_arguments_of_differing_lengths_are_refused():
    with pytest.raises(ValueError, match="by chance"):
        cam_in_mask(np.array([0.5]), np.array([0.1, 0.2]))
