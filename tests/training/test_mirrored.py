"""Test-time flips: one answer from a slice and its mirror images, wherever a network predicts."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from torch import nn

import tumorbench as tb
from tumorbench.speed.subject import Subject, flops_of
from tumorbench.tasks.inference import classify
from tumorbench.tasks.validation import validate_classifier
from tumorbench.training.mirrored import mirrored

CLASSES = ("a", "b", "c")
QUICK = tb.Quick(epochs=1, steps_per_epoch=1, batch_size=1)


def recipe(flips: str) -> tb.Recipe:
    return tb.Recipe(preprocessing=tb.Preprocessing(size=6), epochs=1, batch_size=2, quick=QUICK, test_time_flips=flips)


class Linear(tb.Classifier):
    def __init__(self):
        super().__init__(tb.Problem("classification", CLASSES, 1, 6))
        torch.manual_seed(0)
        self.layer = nn.Linear(36, 3)

    def forward(self, images):
        return 5 * self.layer(images.flatten(1))


class Columns(tb.Segmenter):
    """Sees the column of a pixel as well as the pixel, so that it is not the same mirrored."""

    def __init__(self):
        super().__init__(tb.Problem("segmentation", CLASSES, 1, 6, ("lesion",)))

    def forward(self, images):
        place = torch.linspace(-1, 1, images.shape[-1]) + 3 * torch.linspace(-1, 1, images.shape[-1])[:, None]
        return torch.cat([images, images.square() + place], 1)


MIRRORS = {"horizontal": ((), (3,)), "both": ((), (3,), (2,), (2, 3))}


@pytest.fixture
def images():
    return torch.randn(5, 1, 6, 6, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("flips", MIRRORS)
def test_probabilities_are_the_mean_over_the_mirror_images(images, flips):
    network = Linear()
    expected = torch.stack([network(images.flip(axes)).softmax(1) for axes in MIRRORS[flips]]).mean(0)
    batches = [tb.Batch(images, torch.zeros(5, dtype=torch.int64))]
    found = classify(mirrored(network, recipe(flips)), batches, nullcontext)
    torch.testing.assert_close(torch.from_numpy(found), expected.detach())
    assert not torch.allclose(expected, network(images).softmax(1), atol=1e-2)


@pytest.mark.parametrize("flips", MIRRORS)
def test_a_segmenter_s_mirror_images_are_turned_back(images, flips):
    network = Columns()
    each = [network(images.flip(axes)).softmax(1).flip(axes) for axes in MIRRORS[flips]]
    found = mirrored(network, recipe(flips))(images).softmax(1)
    torch.testing.assert_close(found, torch.stack(each).mean(0))
    torch.testing.assert_close(found, mirrored(network, recipe(flips))(images.flip(3)).softmax(1).flip(3))
    assert not torch.allclose(found, each[0], atol=1e-2)


def test_a_network_is_chosen_by_the_values_of_what_it_will_predict(images):
    labels = torch.tensor([0, 1, 2, 0, 1])
    network = mirrored(Linear(), recipe("both"))
    found = validate_classifier(network, [tb.Batch(images, labels)], nullcontext)
    probabilities = classify(network, [tb.Batch(images, labels)], nullcontext)
    expected = -torch.from_numpy(probabilities)[range(5), labels].log().mean()
    assert found["val_loss"] == pytest.approx(expected.item(), rel=1e-5)


def test_logits_stay_finite_where_a_probability_is_too_small_for_a_float(images):
    class Sure(Linear):
        def forward(self, images):
            return torch.tensor([[0.0, -500.0, -900.0]]).expand(len(images), 3)

    assert mirrored(Sure(), recipe("both"))(images).isfinite().all()


def test_without_flips_it_is_the_network_itself():
    network = Linear()
    assert mirrored(network, recipe("none")) is network


def test_a_frozen_backbone_s_features_cannot_be_mirrored():
    transfer = tb.TransferClassifier(tb.Problem("classification", CLASSES, 1, 6), nn.Flatten(), nn.Linear(36, 3))
    with pytest.raises(tb.BadInput, match=r"has a frozen backbone.*leave test_time_flips out"):
        mirrored(transfer, recipe("both"))


def test_throughput_counts_every_mirror_image():
    counts = {}
    for flips in ("none", "horizontal", "both"):
        subject = Subject(Linear, Linear().problem, recipe(flips), "cpu", "fp32")
        subject.network.eval()
        batch = subject.batch(4)
        counts[flips] = flops_of(lambda subject=subject, batch=batch: subject.infer(batch))
    assert counts["horizontal"] == 2 * counts["none"] > 0
    assert counts["both"] == 4 * counts["none"]
