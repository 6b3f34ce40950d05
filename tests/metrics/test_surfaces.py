"""Distances between outlines against values worked out by hand, all pairs of pixels, and torchmetrics' distances."""

from math import hypot

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from torchmetrics.functional.segmentation.utils import mask_edges
from torchmetrics.functional.segmentation.utils import surface_distance as oracle_distances

from tumorbench.metrics.surfaces import (
    hd95,
    hd95_mm,
    outline,
    surface_distance,
    surface_distance_mm,
    surface_distances,
)


def square(top, left, height, width, size=20):
    mask = np.zeros((size, size), np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


def blobs(seed, size=40):
    rng = np.random.default_rng(seed)
    rows, columns = np.ogrid[:size, :size]
    mask = np.zeros((size, size), np.uint8)
    for _ in range(3):
        top, left, radius = [*rng.uniform(5, size - 5, 2).tolist(), rng.uniform(2, 6)]
        mask |= ((rows - top) ** 2 + (columns - left) ** 2 < radius**2).astype(np.uint8)
    return mask


def by_all_pairs(true, predicted):
    """Every distance from each outline's pixels to the nearest of the other, by brute force."""

    def edge(mask):
        padded = np.pad(mask > 0, 1)
        inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
        return np.argwhere((mask > 0) & ~inside)

    between = cdist(edge(true), edge(predicted))
    return between.min(1), between.min(0)


def test_a_square_that_is_moved_by_three_pixels_worked_out_by_hand():
    # Both outlines are 4 pixels. 2 columns apart by 3 and then by 2 (the nearest column of the other).
    found = surface_distances(square(5, 5, 2, 2), square(5, 8, 2, 2))
    assert found.hd95 == pytest.approx(np.percentile([3, 3, 2, 2], 95))
    assert found.mean == pytest.approx(2.5)


@pytest.mark.parametrize("seed", range(5))
def test_they_are_those_of_all_pairs_of_outline_pixels(seed):
    true, predicted = blobs(seed), blobs(seed + 100)
    there, back = by_all_pairs(true, predicted)
    found = surface_distances(true, predicted)
    assert found.hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)))
    assert found.mean == pytest.approx((there.sum() + back.sum()) / (len(there) + len(back)))


def test_they_are_those_of_torchmetrics_distances():
    true, predicted = (blobs(seed).astype(bool) for seed in (1, 101))
    edges = [mask_edges(torch.from_numpy(one), torch.from_numpy(two), crop=False) for one, two in
             ((true, true), (predicted, predicted))]  # fmt: skip
    first, second = edges[0][0].bool(), edges[1][0].bool()
    np.testing.assert_array_equal(outline(true), first.numpy())
    there = oracle_distances(first, second, distance_metric="euclidean").numpy()
    back = oracle_distances(second, first, distance_metric="euclidean").numpy()
    found = surface_distances(true.astype(np.uint8), predicted.astype(np.uint8))
    assert found.mean == pytest.approx(np.concatenate([there, back]).mean(), rel=1e-6)
    assert found.hd95 == pytest.approx(max(np.percentile(there, 95), np.percentile(back, 95)), rel=1e-6)


def test_the_greater_direction_counts_so_that_what_is_missed_and_what_is_too_much_both_do():
    small, large = square(2, 2, 3, 3), square(2, 2, 3, 3) | square(2, 15, 3, 3)
    there, back = by_all_pairs(small, large)
    assert max(there) == 0
    assert surface_distances(small, large).hd95 == surface_distances(large, small).hd95 == np.percentile(back, 95) > 10


def test_a_mask_in_the_middle_of_another_is_measured_to_its_outline():
    assert surface_distances(square(2, 2, 11, 11), square(7, 7, 1, 1)).mean > 4


def test_equal_masks_are_zero_apart_and_the_margin_around_both_changes_nothing():
    true, predicted = blobs(1), blobs(101)
    assert surface_distances(true, true) == (0, 0)
    assert surface_distances(*(np.pad(mask, 9) for mask in (true, predicted))) == surface_distances(true, predicted)


def test_foreground_values_are_one():
    assert surface_distances(square(2, 2, 5, 5) * 3, square(2, 4, 5, 5)) == surface_distances(
        square(2, 2, 5, 5), square(2, 4, 5, 5) * 2
    )


def test_an_empty_mask_beside_one_that_is_not_counts_the_diagonal_and_two_empty_ones_nothing():
    empty, some = np.zeros((4, 6), np.uint8), np.eye(4, 6, dtype=np.uint8)
    assert surface_distances(empty, some) == surface_distances(some, empty) == (hypot(3, 5), hypot(3, 5))
    assert np.isnan(surface_distances(empty, empty)).all()


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match=r"the true mask is \(2, 2\), the predicted mask \(2, 3\)"):
        surface_distances(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))


def test_means_leave_out_what_is_undefined_and_millimetres_what_nobody_knows():
    surfaces = np.array([[10.0, 4.0], [np.nan, np.nan], [2.0, 1.0]])
    spacing = np.array([0.5, 0.5, np.nan])
    assert (hd95(surfaces, spacing), hd95_mm(surfaces, spacing)) == ({"hd95": 6.0}, {"hd95_mm": 5.0})
    assert surface_distance(surfaces, spacing) == {"surface_distance": 2.5}
    assert surface_distance_mm(surfaces, spacing) == {"surface_distance_mm": 2.0}


@pytest.mark.parametrize("metric", [hd95, hd95_mm, surface_distance, surface_distance_mm])
def test_without_an_image_or_a_known_size_there_is_no_value(metric):
    assert metric(np.full((2, 2), np.nan), np.ones(2)) == metric(np.zeros((0, 2)), np.zeros(0)) == {
        metric.__name__: None
    }  # fmt: skip
    known = metric(np.ones((2, 2)), np.full(2, np.nan))[metric.__name__]
    assert (known is None) == metric.__name__.endswith("_mm")
