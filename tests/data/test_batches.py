"""Slices become batches: values survive, orders are derived, and a mask goes wherever its image goes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from PIL import Image

import tumorbench as tb
from tumorbench.data import batches
from tumorbench.data.batches import Slices, augment, denormalise, evaluation_batches, normalise, training_batches

SIDE = 65  # odd, so that a pixel lies in the centre
UNIT = tb.Preprocessing(size=SIDE, normalisation="unit")


def recipe(**changes: object) -> tb.Recipe:
    quick = tb.Quick(epochs=1, steps_per_epoch=1, batch_size=1)
    return tb.Recipe(
        preprocessing=tb.Preprocessing(size=4, normalisation="unit"), epochs=1, batch_size=4, quick=quick
    ).model_copy(update=changes)


def numbered(n: int) -> Slices:
    """Slices whose every pixel, and label, is the slice's number."""
    numbers = torch.arange(n)
    return Slices(numbers.to(torch.uint8).view(-1, 1, 1).repeat(1, 4, 4), numbers)


def drawn(slices: Slices, how: tb.Recipe, seed: int = 0, epoch: int = 1) -> list[list[int]]:
    return [batch.labels.tolist() for batch in training_batches(slices, how, seed, epoch)]


def blob(row: float, column: float, n: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """(images, masks): a bright disc on black, and where it is."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    inside = (rows - row) ** 2 + (columns - column) ** 2 < 6**2
    return inside.float().expand(n, 1, -1, -1).clone(), inside.long().expand(n, -1, -1).clone()


def centres(weights: torch.Tensor) -> np.ndarray:
    """(row, column) of each image's centre of mass, from the centre of the image."""
    weights = weights.reshape(-1, SIDE, SIDE).double()
    axis = torch.arange(SIDE, dtype=torch.double) - SIDE // 2
    total = weights.sum((1, 2))
    return torch.stack([(weights.sum(2) @ axis) / total, (weights.sum(1) @ axis) / total], 1).numpy()


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("normalisation", "low", "high"), [("unit", 0, 1), ("symmetric", -1, 1), ("imagenet", -2.1179039, 2.2489083)]
)
def test_normalising_reaches_its_range_and_is_undone(normalisation, low, high, channels):
    how = tb.Preprocessing(size=16, channels=channels, normalisation=normalisation)
    every_grey = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)
    images = normalise(every_grey, how)
    assert (images.shape, images.dtype) == ((1, channels, 16, 16), torch.float32)
    assert (images[:, 0].min().item(), images[:, 0].max().item()) == (pytest.approx(low), pytest.approx(high))
    assert torch.equal(denormalise(images, how), every_grey)


def test_imagenet_s_channels_have_their_own_mean_and_deviation():
    images = normalise(
        torch.full((1, 2, 2), 255, dtype=torch.uint8), tb.Preprocessing(size=2, channels=3, normalisation="imagenet")
    )
    assert images[0, :, 0, 0].tolist() == pytest.approx([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225])


def test_values_out_of_range_are_clipped_and_channels_averaged():
    images = torch.tensor([-1.5, 0.0, 2.0]).view(3, 1, 1, 1)
    assert denormalise(images, tb.Preprocessing(size=1)).flatten().tolist() == [0, 128, 255]
    three = torch.tensor([0.0, 0.3, 0.6]).view(1, 3, 1, 1)
    assert denormalise(three, tb.Preprocessing(size=1, channels=3, normalisation="unit")).item() == round(0.3 * 255)


def test_normalising_leaves_the_slices_as_they_are():
    slices = numbered(3)
    normalise(slices.images, tb.Preprocessing(size=4)).add_(1)
    assert torch.equal(slices.images, numbered(3).images)


def test_an_epoch_shows_every_slice_once_in_batches_of_the_recipe_s_size():
    shown = drawn(numbered(10), recipe())
    assert [len(batch) for batch in shown] == [4, 4, 2]
    assert sorted(itertools.chain(*shown)) == list(range(10))


def test_images_come_with_their_own_labels():
    for batch in training_batches(numbered(10), recipe(), 0, 1):
        assert (batch.images[:, 0, 0, 0] * 255).round().long().tolist() == batch.labels.tolist()


def test_seed_and_epoch_decide_the_order_and_nothing_else_does():
    slices, how = numbered(50), recipe()
    first = drawn(slices, how, seed=1, epoch=2)
    torch.manual_seed(99)
    assert drawn(slices, how, seed=1, epoch=2) == first
    assert drawn(slices, recipe(augmentation=tb.Augmentation(rotation_degrees=5)), seed=1, epoch=2) == first
    assert first not in (
        drawn(slices, how, seed=2, epoch=2),
        drawn(slices, how, seed=1, epoch=3),
        drawn(slices, how, seed=2, epoch=1),
    )


def test_fewer_steps_than_a_pass_are_the_beginning_of_the_pass():
    assert drawn(numbered(10), recipe(steps_per_epoch=2)) == drawn(numbered(10), recipe())[:2]


def test_an_epoch_longer_than_a_pass_reshuffles_and_covers_each_pass():
    shown = drawn(numbered(10), recipe(steps_per_epoch=7))
    assert [len(batch) for batch in shown] == [4, 4, 2, 4, 4, 2, 4]
    first, second = list(itertools.chain(*shown[:3])), list(itertools.chain(*shown[3:6]))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert len(set(shown[6])) == 4


def test_evaluation_shows_every_slice_once_in_order_with_its_mask():
    slices = Slices(numbered(5).images, numbered(5).labels, torch.ones(5, 4, 4, dtype=torch.uint8))
    shown = list(evaluation_batches(slices, tb.Preprocessing(size=4), 2))
    assert [batch.labels.tolist() for batch in shown] == [[0, 1], [2, 3], [4]]
    assert {(batch.masks.dtype, batch.masks.shape[1:]) for batch in shown} == {(torch.int64, (4, 4))}


def test_no_augmentation_leaves_images_and_masks_unchanged():
    images = torch.rand(3, 2, SIDE, SIDE, generator=seeded())
    masks = torch.randint(0, 3, (3, SIDE, SIDE), generator=seeded())
    same_images, same_masks = augment(images, masks, tb.Augmentation(), seeded(), UNIT)
    torch.testing.assert_close(same_images, images, rtol=0, atol=1e-4)
    assert torch.equal(same_masks, masks)


EACH = {
    "rotation": tb.Augmentation(rotation_degrees=40),
    "zoom": tb.Augmentation(zoom=0.2),
    "shift": tb.Augmentation(shift=0.15),
    "flips": tb.Augmentation(horizontal_flip=True, vertical_flip=True),
    "all": tb.Augmentation(rotation_degrees=40, zoom=0.1, shift=0.1, horizontal_flip=True, vertical_flip=True),
}


@pytest.mark.parametrize("how", EACH.values(), ids=EACH)
def test_a_mask_moves_with_its_image(how):
    images, masks = blob(24, 40, n=16)
    moved_images, moved_masks = augment(images, masks, how, seeded(), UNIT)
    assert np.ptp(centres(moved_images), axis=0).max() > 2, "the 16 images are changed differently"
    np.testing.assert_allclose(centres(moved_images), centres(moved_masks), atol=0.6)  # masks take the nearest pixel


def test_an_image_turns_by_its_angle_in_the_direction_in_which_pillow_turns():
    images, masks = blob(20, 44, n=4)
    turned, turned_masks = augment(images, masks, tb.Augmentation(rotation_degrees=60), seeded(), UNIT)
    angles = ((torch.rand(4, generator=seeded()) * 2 - 1) * 60).tolist()
    assert max(map(abs, angles)) > 20
    for angle, image, mask in zip(angles, turned, turned_masks, strict=True):
        oracle = np.asarray(Image.fromarray(images[0, 0].numpy()).rotate(angle, Image.Resampling.BILINEAR))
        np.testing.assert_allclose(centres(image), centres(torch.from_numpy(oracle.copy())), atol=0.1)
        np.testing.assert_allclose(centres(mask), centres(torch.from_numpy(oracle.copy())), atol=0.25)


@pytest.mark.parametrize("axis", [0, 1], ids=["vertical", "horizontal"])
def test_a_flip_mirrors_about_half_of_the_images(axis):
    images, masks = blob(20, 44, n=64)
    how = tb.Augmentation(vertical_flip=axis == 0, horizontal_flip=axis == 1)
    moved, _ = augment(images, masks, how, seeded(), UNIT)
    start, found = centres(images)[0], centres(moved)
    mirrored = np.isclose(found[:, axis], -start[axis], atol=0.01)
    assert np.isclose(found[~mirrored, axis], start[axis], atol=0.01).all()
    np.testing.assert_allclose(found[:, 1 - axis], start[1 - axis], atol=0.01)
    assert 16 < mirrored.sum() < 48


def test_a_flipped_image_keeps_its_shape_when_it_is_turned_too():
    images, masks = blob(26, 40, n=32)
    moved, moved_masks = augment(
        images, masks, tb.Augmentation(rotation_degrees=45, horizontal_flip=True), seeded(), UNIT
    )
    np.testing.assert_allclose(moved.sum((1, 2, 3)), images[0].sum().item(), rtol=0.05)
    np.testing.assert_allclose(
        np.linalg.norm(centres(moved), axis=1), np.linalg.norm(centres(images), axis=1), atol=0.1
    )
    assert set(moved_masks.unique().tolist()) == {0, 1}


def test_zoom_magnifies_by_at_most_its_share_and_shift_moves_by_at_most_its_share():
    images, masks = blob(32, 32, n=64)
    area = augment(images, masks, tb.Augmentation(zoom=0.2), seeded(), UNIT)[0].sum((1, 2, 3)) / images[0].sum()
    assert 0.8**2 * 0.95 < area.min() < 0.75
    assert 1.3 < area.max() < 1.2**2 * 1.05
    distance = np.abs(centres(augment(images, masks, tb.Augmentation(shift=0.1), seeded(), UNIT)[0]))
    assert 0.08 * SIDE < distance.max() < 0.1 * SIDE + 0.01


def test_what_comes_from_outside_repeats_the_border_of_an_image_and_is_background_of_a_mask():
    images, masks = torch.ones(8, 1, SIDE, SIDE), torch.ones(8, SIDE, SIDE, dtype=torch.long)
    moved, moved_masks = augment(images, masks, tb.Augmentation(shift=0.3), seeded(), UNIT)
    assert moved.min() == pytest.approx(1)
    assert moved_masks.float().mean() < 0.9


def test_augmentation_is_drawn_anew_each_epoch_and_is_the_same_for_the_same_one():
    image, mask = blob(20, 44)
    slices = Slices((image[:, 0] * 255).to(torch.uint8), torch.zeros(1, dtype=torch.long), mask.to(torch.uint8))
    how = recipe(preprocessing=tb.Preprocessing(size=SIDE), augmentation=EACH["all"])

    def shown(seed: int, epoch: int) -> torch.Tensor:
        return next(batches.training_batches(slices, how, seed, epoch)).images

    assert torch.equal(shown(0, 1), shown(0, 1))
    assert not torch.equal(shown(0, 1), shown(0, 2))
    assert not torch.equal(shown(0, 1), shown(1, 1))


def test_a_spread_of_slices_has_every_class_of_a_sorted_set_and_is_all_of_a_small_one():
    images = torch.arange(12, dtype=torch.uint8).repeat_interleave(4).reshape(12, 2, 2)
    slices = Slices(images, torch.arange(12) // 4)
    few = slices.spread(4)
    assert few.labels.tolist() == [0, 0, 1, 2]
    assert few.images[:, 0, 0].tolist() == [0, 3, 7, 11]
    assert slices.spread(50).labels.tolist() == slices.labels.tolist()


def test_the_first_of_features_are_those_of_every_view():
    slices = Slices(torch.arange(12.0).reshape(2, 3, 2), torch.arange(3))
    assert slices.first(2).images.tolist() == [[[0, 1], [2, 3]], [[6, 7], [8, 9]]]


def test_the_first_slices_are_no_copy_of_them():
    slices = Slices(torch.zeros(4, 2, 2, dtype=torch.uint8), torch.arange(4), torch.zeros(4, 2, 2, dtype=torch.uint8))
    few = slices.first(3)
    assert len(few) == 3
    assert [each.data_ptr() for each in (few.images, few.labels, few.masks)] == [
        each.data_ptr() for each in (slices.images, slices.labels, slices.masks)
    ]
