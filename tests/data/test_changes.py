"""Named transforms: masks follow their image, seeds decide every draw, grey values change as the formula says."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

import tumorbench as tb
from tumorbench.contracts.transforms import TRANSFORMS
from tumorbench.data.batches import Slices, augment, training_batches
from tumorbench.data.changes import transformed

SIDE = 65
ALL = (
    tb.Transform(name="affine", arguments={"rotation_degrees": 20, "zoom": 0.2, "shift": 0.1, "shear_degrees": 10}),
    tb.Transform(name="horizontal_flip"),
    tb.Transform(name="vertical_flip"),
    *(tb.Transform(name=name) for name in TRANSFORMS if name not in ("affine", "horizontal_flip", "vertical_flip")),
)


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def discs(n: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    """Bright discs off the centre on a dark ground, and their masks."""
    rows, columns = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    mask = ((rows - 24) ** 2 + (columns - 38) ** 2 <= 100).long()
    return (0.2 + 0.6 * mask).expand(n, 1, SIDE, SIDE).clone(), mask.expand(n, SIDE, SIDE).clone()


@pytest.mark.parametrize("name", ["affine", "horizontal_flip", "vertical_flip", "elastic", "all"])
def test_a_mask_follows_its_image(name):
    chosen = [each for each in ALL[:4] if name in (each.name, "all")]
    transforms = tuple(each.model_copy(update={"chance": 1.0}) for each in chosen)
    images, masks = discs()
    moved, moved_masks = transformed(images, masks, transforms, seeded())
    assert (moved_masks.dtype, moved_masks.shape) == (torch.int64, masks.shape)
    seen = moved[:, 0] > 0.5
    agree = (seen == (moved_masks > 0)).float().mean((1, 2))
    assert agree.min() > 0.985
    assert ((moved_masks != masks).float().mean((1, 2)) > 0.004).float().mean() > 0.8


def test_an_elastic_warp_is_smooth_of_the_given_size_and_different_for_each_image():
    """Read off a ramp, whose grey value at a place is that place."""
    ramp = torch.linspace(0, 1, 129).expand(64, 1, 129, 129)
    warp = tb.Transform(name="elastic", arguments={"displacement": 0.02, "points": 5})
    moved, _ = transformed(ramp, None, (warp,), seeded())
    displacement = (moved - ramp)[:, 0, 32:-32, 32:-32]
    assert displacement.std().item() == pytest.approx(0.02, rel=0.35)  # less between the points, by the interpolation
    assert displacement.diff(dim=2).abs().max() < 0.02 / 2
    assert not torch.allclose(displacement[0], displacement[1], atol=1e-3)


def test_flips_and_rotations_are_the_hand_computed_ones():
    images = torch.rand(4, 1, SIDE, SIDE, generator=seeded())
    for name, axis in (("horizontal_flip", 3), ("vertical_flip", 2)):
        flipped, _ = transformed(images, None, (tb.Transform(name=name, chance=1.0),), seeded())
        torch.testing.assert_close(flipped, images.flip(axis), rtol=0, atol=1e-4)


def test_an_affine_transform_turns_as_the_augmentation_card_does():
    """Both draw the angle first; of one kind of change alone they are the same map."""
    images, masks = discs(4)
    how = tb.Transform(name="affine", arguments={"rotation_degrees": 40})
    rng = seeded()
    torch.rand(4, generator=rng)  # which images a transform changes
    expected, _ = augment(images, masks, tb.Augmentation(rotation_degrees=40), rng, tb.Preprocessing(size=SIDE))
    found, _ = transformed(images, masks, (how,), seeded())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_grey_values_change_by_their_formulas():
    images = torch.rand(6, 1, 8, 8, generator=seeded()) * 0.4 + 0.3

    def drawn(reach):
        rng = seeded(5)
        torch.rand(6, generator=rng)
        return ((torch.rand(6, generator=rng) * 2 - 1) * reach).view(-1, 1, 1, 1)

    def found(name, reach):
        return transformed(images, None, (tb.Transform(name=name, arguments={"reach": reach}),), seeded(5))[0]

    mean = images.mean((2, 3), keepdim=True)
    torch.testing.assert_close(found("brightness", 0.1), images + drawn(0.1))
    torch.testing.assert_close(found("contrast", 0.5), mean + (images - mean) * (1 + drawn(0.5)))
    torch.testing.assert_close(found("gamma", 0.7), images ** drawn(0.7).exp())


def test_a_bias_field_multiplies_smoothly_and_noise_has_at_most_the_given_deviation():
    images = torch.full((200, 1, 32, 32), 0.5)
    field = transformed(images, None, (tb.Transform(name="bias_field", arguments={"reach": 0.1}),), seeded())[0]
    logs = (field / 0.5).log()
    assert logs.std().item() == pytest.approx(0.1, rel=0.35)
    assert logs.diff(dim=3).abs().max() < 0.1
    noisy = transformed(images, None, (tb.Transform(name="noise", arguments={"deviation": 0.05}),), seeded())[0]
    deviations = (noisy - 0.5).std((1, 2, 3))
    assert deviations.max() < 0.055
    assert deviations.mean().item() == pytest.approx(0.025, rel=0.15)  # uniform from 0 to 0.05


@pytest.mark.parametrize("transform", ALL, ids=lambda each: each.name)
def test_a_transform_changes_its_share_of_the_images_and_leaves_the_others(transform):
    images, masks = discs(400)
    found, _ = transformed(images, masks, (transform.model_copy(update={"chance": 0.3}),), seeded())
    changed = (found - images).abs().amax((1, 2, 3)) > 1e-3
    assert changed.float().mean().item() == pytest.approx(0.3, abs=3 * math.sqrt(0.3 * 0.7 / 400) + 0.02)


def test_what_is_changed_stays_between_black_and_white():
    images, masks = discs()
    wild = tuple(
        each.model_copy(update={"chance": 1.0, "arguments": {"reach": 1.0}})
        for each in ALL
        if "reach" in TRANSFORMS[each.name]
    )
    found, _ = transformed(images, masks, wild, seeded())
    assert (found.min().item(), found.max().item()) == (0.0, 1.0)


@pytest.mark.parametrize("normalisation", ["unit", "symmetric", "imagenet"])
def test_transforms_see_grey_values_whatever_the_normalisation(normalisation):
    how = tb.Preprocessing(size=SIDE, channels=3, normalisation=normalisation)
    from tumorbench.data.batches import from_unit, to_unit

    images, masks = discs(4)
    expected, expected_masks = transformed(images, masks, ALL, seeded())
    found, found_masks = augment(from_unit(images, how), masks, ALL, seeded(), how)
    torch.testing.assert_close(to_unit(found, how), expected, rtol=0, atol=1e-5)
    assert torch.equal(found_masks, expected_masks)
    assert found.shape == (4, 3, SIDE, SIDE)


def shapes(n=12):
    images = torch.randint(256, (n, 16, 16), dtype=torch.uint8, generator=seeded())
    return Slices(images, torch.arange(n) % 3, (images > 128).to(torch.uint8))


def how(**changes):
    quick = tb.Quick(epochs=1, steps_per_epoch=1, batch_size=1)
    return tb.Recipe(
        preprocessing=tb.Preprocessing(size=16, normalisation="unit"), epochs=3, batch_size=4, quick=quick
    ).model_copy(update=changes)


def test_seed_and_epoch_decide_every_draw_and_the_order_stays():
    asked = how(augmentation=ALL, mixup=0.4)

    def drawn(seed, epoch, recipe=asked):
        return [(batch.images, batch.masks, batch.labels) for batch in training_batches(shapes(), recipe, seed, epoch)]

    first = drawn(1, 2)
    torch.manual_seed(99)
    again = drawn(1, 2)
    pairs = [pair for each, both in zip(first, again, strict=True) for pair in zip(each, both, strict=True)]
    assert all(torch.equal(one, other) for one, other in pairs)
    assert not torch.equal(first[0][0], drawn(1, 3)[0][0])
    assert not torch.equal(first[0][0], drawn(2, 2)[0][0])
    plain = drawn(1, 2, how())
    assert [labels.tolist() for _, _, labels in first] == [labels.tolist() for _, _, labels in plain]


def test_mixup_mixes_each_image_with_another_by_the_share_that_its_batch_tells():
    slices = shapes()
    (plain, *_), (mixed, *_) = (list(training_batches(slices, how(mixup=alpha), 0, 1)) for alpha in (0.0, 0.5))
    share = mixed.mixed.share
    assert plain.mixed is None
    assert ((share >= 0.5) & (share <= 1)).all()
    by_pixels = {image.numpy().tobytes(): index for index, image in enumerate(plain.images)}
    assert len(by_pixels) == 4
    others = _others(plain.images, mixed, share)
    assert torch.equal(mixed.mixed.labels, plain.labels[others])
    assert torch.equal(mixed.mixed.masks, plain.masks[others])
    assert torch.equal(mixed.labels, plain.labels)


def _others(images, mixed, share):
    """Which image is mixed into each, found by trying all."""
    part = share.view(-1, 1, 1, 1)
    errors = torch.stack(
        [(part * images + (1 - part) * other - mixed.images).abs().amax((1, 2, 3)) for other in images]
    )
    assert errors.min(0).values.max() < 1e-5
    return errors.argmin(0)


def test_the_share_of_mixup_follows_its_beta_distribution():
    n = 4000
    slices = Slices(torch.zeros(n, 1, 1, dtype=torch.uint8), torch.zeros(n, dtype=torch.int64))
    (batch,) = training_batches(slices, how(mixup=1.0, batch_size=n), 0, 1)
    assert batch.mixed.share.mean().item() == pytest.approx(0.75, abs=0.01)  # the larger part of a uniform cut


def test_the_loss_of_a_mixed_batch_is_the_mixed_loss():
    class Given(tb.Classifier):
        def __init__(self):
            super().__init__(tb.Problem("classification", ("a", "b", "c"), 1, 4))

        def forward(self, images):
            return images

    logits = torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.0, 0.0]])
    labels, others, share = torch.tensor([0, 1]), torch.tensor([2, 1]), torch.tensor([0.75, 0.6])
    batch = tb.Batch(logits, labels, mixed=tb.Mixed(share, others))
    network = Given()
    soft = share[:, None] * F.one_hot(labels, 3) + (1 - share[:, None]) * F.one_hot(others, 3)
    ((_, loss),) = network.losses(batch)
    assert loss.item() == pytest.approx((-(soft * logits.log_softmax(1)).sum(1)).mean().item())
    network.label_smoothing = 0.3
    smooth = 0.7 * soft + 0.3 / 3
    ((_, loss),) = network.losses(batch)
    assert loss.item() == pytest.approx((-(smooth * logits.log_softmax(1)).sum(1)).mean().item())
    ((_, loss),) = network.losses(tb.Batch(logits, labels))
    hard = 0.7 * F.one_hot(labels, 3) + 0.1
    assert loss.item() == pytest.approx((-(hard * logits.log_softmax(1)).sum(1)).mean().item())
