"""Masks at the data set's own resolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import tumorbench as tb
from tumorbench.data.decode import Slice
from tumorbench.metrics import segmentation as metrics
from tumorbench.tasks import native
from tumorbench.tasks.native import Frame


def disc(side: int, radius: float, centre: tuple[float, float] = (0.5, 0.5)) -> np.ndarray:
    """A disc in a square of ``side`` pixels, radius and centre as shares of the side."""
    rows, columns = (np.arange(side)[:, None] + 0.5) / side, (np.arange(side) + 0.5) / side
    return ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2).astype(np.uint8)


def one_hot(mask: np.ndarray, k: int = 2) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.from_numpy(mask).long(), k).permute(2, 0, 1)[None].float()


def test_probabilities_are_resized_before_the_class_is_chosen():
    probabilities = torch.tensor([[[[0.9, 0.4]], [[0.1, 0.6]]]])  # (1, 2, 1, 2): the border is where both are one half
    (mask,) = native.native_masks(probabilities, [Frame.whole(1, 8)])
    exact = np.interp((np.arange(8) + 0.5) / 4 - 0.5, [0, 1], [0.1, 0.6]) > 0.5
    assert (mask.dtype, mask.tolist()) == (np.uint8, [exact.astype(int).tolist()])
    assert mask.sum() == 3  # four, had the classes been chosen first


def test_of_equally_probable_classes_the_first_is_chosen():
    probabilities = torch.tensor([0.2, 0.4, 0.4]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    (mask,) = native.native_masks(probabilities, [Frame.whole(4, 4)])
    assert set(mask.ravel().tolist()) == {1}


def test_slices_of_one_batch_may_differ_in_size_and_shape():
    probabilities = torch.cat([one_hot(disc(16, 0.3))] * 3)
    masks = list(native.native_masks(probabilities, [Frame.whole(64, 64), Frame.whole(40, 24), Frame.whole(8, 8)]))
    assert [mask.shape for mask in masks] == [(64, 64), (40, 24), (8, 8)]
    shares = [mask.mean() for mask in masks]
    assert shares == pytest.approx([np.pi * 0.09] * 3, abs=0.04)


def test_a_picture_of_the_slice_s_own_size_is_left_as_it_is():
    mask = disc(32, 0.2, (0.3, 0.6))
    (found,) = native.native_masks(one_hot(mask), [Frame.whole(32, 32)])
    np.testing.assert_array_equal(found, mask)


def test_a_cropped_picture_lies_in_its_box_and_outside_is_background():
    frame = Frame((100, 80), slice(10, 60), slice(30, 70))
    (found,) = native.native_masks(one_hot(np.ones((16, 16), np.uint8)), [frame])
    expected = np.zeros((100, 80), np.uint8)
    expected[10:60, 30:70] = 1
    np.testing.assert_array_equal(found, expected)


def test_the_ceiling_falls_with_the_network_s_size_and_a_perfect_small_network_scores_less_than_one():
    native_mask = disc(512, 0.05, (0.4, 0.55))
    found = []
    for size in (32, 64, 128, 512):
        seen = torch.from_numpy(disc(size, 0.05, (0.4, 0.55)))[None]
        (ceiling,) = native.ceilings(seen, [Frame.whole(512, 512)], 2)
        confusions = metrics.pixel_confusions([native_mask], [ceiling], 2)
        found.append(metrics.dice(confusions, ("lesion",))["dice"])
    assert found == sorted(found)
    assert found[0] < 0.95
    assert found[-1] == 1


def test_networks_of_two_sizes_are_scored_on_the_same_pixels(cells):
    cell = cells.cell("tiny-segmenter")
    small = replace(cell, identity=cell.identity.model_copy(update={"recipe": sized(cell.identity.recipe, 16)}))
    numbers = cell.split.test.tolist()
    for one in (cell, small):
        assert [frame.shape for frame in native.frames_of(one, numbers)] == [(32, 32)] * len(numbers)
    same = (
        [native.true_mask(cell, number) for number in numbers],
        [native.true_mask(small, number) for number in numbers],
    )
    np.testing.assert_array_equal(*same)


def test_the_frame_of_a_cropped_slice_is_the_box_of_its_brain(cells):
    cell = cells.cell("tiny-segmenter")
    cropped = replace(
        cell, identity=cell.identity.model_copy(update={"recipe": sized(cell.identity.recipe, 32, crop="brain")})
    )
    numbers = cell.split.test.tolist()
    seen = cropped.masks[numbers]
    for number, mask, frame in zip(numbers, seen, native.frames_of(cropped, numbers), strict=True):
        assert (frame.shape, frame.rows.stop - frame.rows.start <= 32) == ((32, 32), True)
        (back,) = native.ceilings(torch.from_numpy(mask.copy())[None], [frame], 3)
        inside = native.true_mask(cropped, number)[frame.rows, frame.columns]
        np.testing.assert_allclose(back[frame.rows, frame.columns].mean(), inside.mean(), atol=0.02)
        assert back.sum() == back[frame.rows, frame.columns].sum()


def test_a_slice_without_a_mask_is_all_background(cells):
    cell = cells.cell("tiny-segmenter")
    where = cell.dataset.slices[0]
    lacking = replace(cell.dataset, slices=(Slice(where.offset, where.height, where.width, where.pixels),))
    found = native.true_mask(replace(cell, dataset=lacking), 0)
    assert (found.shape, found.any()) == ((where.height, where.width), False)


def sized(recipe: tb.Recipe, size: int, crop: str = "none") -> tb.Recipe:
    """The recipe at another size of images."""
    preprocessing = recipe.preprocessing.model_copy(update={"size": size, "crop": crop})
    return recipe.model_copy(update={"preprocessing": preprocessing})
