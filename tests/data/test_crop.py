"""The crop to the brain: a box round the largest bright object, the same for a slice and its mask."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tumorbench.data.crop import brain_box


def slice_with(*boxes: tuple[slice, slice], height: int = 60, width: int = 80) -> np.ndarray:
    image = np.full((height, width), 10, np.uint8)
    for box in boxes:
        image[box] = 200
    return image


def test_the_box_is_that_of_the_largest_bright_object():
    head, label = (slice(10, 50), slice(20, 70)), (slice(2, 8), slice(2, 12))
    rows, columns = brain_box(slice_with(head, label))
    assert abs(rows.start - 10) <= 1
    assert abs(rows.stop - 50) <= 1
    assert abs(columns.start - 20) <= 1
    assert abs(columns.stop - 70) <= 1


def test_what_a_ring_encloses_counts_as_its_own():
    image = slice_with((slice(5, 55), slice(5, 45)), (slice(10, 40), slice(50, 78)))
    image[10:50, 10:40] = (
        10  # the left object is a skull round something dark, with fewer bright pixels than the right one
    )
    assert brain_box(image)[1].start <= 6


def test_a_dark_slice_is_not_cropped():
    assert brain_box(slice_with()) == (slice(0, 60), slice(0, 80))


def test_a_bright_frame_to_the_edge_is_kept_whole():
    assert brain_box(slice_with((slice(0, 60), slice(0, 80)))) == (slice(0, 60), slice(0, 80))


@pytest.mark.parametrize("seed", range(20))
def test_the_box_is_that_of_two_erosions_two_dilations_and_filled_holes(seed):
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 120, rng.integers(1, 12, 2), np.uint8)
    image = np.asarray(Image.fromarray(small).resize(tuple(int(each) for each in rng.integers(1, 90, 2))))
    kernel = np.outer([1, 2, 1], [1, 2, 1])
    bright = ndimage.convolve(image.astype(int), kernel, mode="nearest") > 45 * 16
    square = np.ones((3, 3), bool)
    opened = ndimage.binary_dilation(ndimage.binary_erosion(bright, square, 2, border_value=1), square, 2)
    objects, count = ndimage.label(ndimage.binary_fill_holes(opened), square)
    sizes = np.bincount(objects.ravel(), minlength=2)[1:]
    everything = (slice(0, image.shape[0]), slice(0, image.shape[1]))
    assert brain_box(image) == (ndimage.find_objects(objects)[int(sizes.argmax())] if count else everything)
