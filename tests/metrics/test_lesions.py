"""Lesions that are found, against values worked out by hand and an assignment by scipy of every pair."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.optimize import linear_sum_assignment

from tumorbench.metrics.lesions import MATCHING_IOU, lesion_counts, lesion_precision, lesion_recall


def mask_of(*boxes, size=30):
    mask = np.zeros((size, size), np.uint8)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = 1
    return mask


def test_two_true_three_predicted_one_matched_worked_out_by_hand():
    true = mask_of((0, 0, 4, 4), (20, 20, 4, 4))
    predicted = mask_of((2, 0, 4, 4), (10, 10, 1, 1), (15, 15, 1, 1))  # 8 pixels shared of 24: a third
    assert lesion_counts(true, predicted) == (2, 3, 1)
    assert lesion_counts(predicted, true) == (3, 2, 1)
    counts = np.array([lesion_counts(true, predicted)])
    assert lesion_precision(counts)["lesion_precision"] == pytest.approx(1 / 3)
    assert lesion_recall(counts)["lesion_recall"] == pytest.approx(1 / 2)


def test_the_bound_is_a_tenth_of_the_union():
    ten = mask_of((0, 0, 1, 10))
    assert lesion_counts(ten, mask_of((0, 0, 1, 1))) == (1, 1, 1)
    assert lesion_counts(mask_of((0, 0, 1, 11)), mask_of((0, 0, 1, 1))) == (1, 1, 0)


def test_a_mask_of_the_whole_image_finds_no_small_lesion():
    assert lesion_counts(mask_of((5, 5, 4, 4)), np.ones((30, 30), np.uint8)) == (1, 1, 0)


def test_each_lesion_is_matched_once():
    both, bridge = mask_of((0, 0, 4, 4), (0, 6, 4, 4)), mask_of((0, 0, 4, 10))
    assert lesion_counts(both, bridge) == (2, 1, 1)
    assert lesion_counts(bridge, both) == (1, 2, 1)


def test_as_many_as_possible_are_matched():
    # The first true lesion overlaps both predicted ones, the second only the left one.
    true = mask_of((0, 4, 2, 8), (2, 0, 4, 2))
    predicted = mask_of((0, 0, 1, 1))
    predicted[0:1, 4:7] = predicted[1, 9:12] = 1
    assert lesion_counts(true, predicted)[2] == 1


@pytest.mark.parametrize("seed", range(5))
def test_the_matching_is_that_of_an_optimal_assignment(seed):
    rng = np.random.default_rng(seed)
    true, predicted = ((ndimage.gaussian_filter(rng.random((60, 60)), 2) > 0.52).astype(np.uint8) for _ in range(2))
    (first, n), (second, m) = (ndimage.label(mask, np.ones((3, 3))) for mask in (true, predicted))
    ious = np.array(
        [
            [((first == i) & (second == j)).sum() / ((first == i) | (second == j)).sum() for j in range(1, m + 1)]
            for i in range(1, n + 1)
        ]
    )
    allowed = ious >= MATCHING_IOU
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    assert lesion_counts(true, predicted) == (n, m, allowed[rows, columns].sum())
    assert min(n, m) > 5
    assert allowed.any()


def test_pixels_that_touch_at_a_corner_are_one_lesion_whatever_their_class():
    assert lesion_counts(np.diag([1, 2, 1]).astype(np.uint8), np.zeros((3, 3), np.uint8)) == (1, 0, 0)


def test_counts_of_images_are_added_up_and_without_a_lesion_there_is_no_value():
    counts = np.array([[3, 1, 1], [1, 4, 1], [0, 0, 0]])
    assert lesion_precision(counts) == {"lesion_precision": 2 / 5}
    assert lesion_recall(counts) == {"lesion_recall": 2 / 4}
    nothing = np.array([[0, 2, 0]])
    assert (lesion_recall(nothing), lesion_precision(nothing)) == ({"lesion_recall": None}, {"lesion_precision": 0.0})
    assert lesion_precision(np.zeros((0, 3), np.int64)) == {"lesion_precision": None}


def test_masks_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="the true mask is"):
        lesion_counts(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))
