"""A trained network becomes predictions."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch

import tumorbench as tb
from tumorbench.data.batches import denormalise
from tumorbench.tasks import inference
from tumorbench.tasks.native import Frame

PREPROCESSING = tb.Preprocessing(size=4)


class Constant(tb.Network):
    """Gives the images back as its logits."""

    def __init__(self, lesions=()):
        task = "segmentation" if lesions else "classification"
        super().__init__(tb.Problem(task, ("a", "b", "c"), 3, 1, tuple(lesions)))
        self.mode_in_use: list[bool] = []

    def forward(self, images):
        self.mode_in_use.append(self.training)
        return images


def logit_batches(logits: np.ndarray, size: int = 2) -> list[tb.Batch]:
    rows = torch.tensor(logits, dtype=torch.float32)
    return [
        tb.Batch(rows[start : start + size], torch.zeros(len(rows[start : start + size])))
        for start in range(0, len(rows), size)
    ]


def test_probabilities_are_the_softmax_of_the_logits_and_sum_to_one():
    logits = np.random.default_rng(0).normal(0, 5, (7, 3))
    network = Constant().train()
    found = inference.classify(network, logit_batches(logits), nullcontext)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    assert (found.dtype, set(network.mode_in_use)) == (np.float32, {False})


def test_probabilities_are_computed_in_float32_under_autocast():
    class Half(Constant):
        def forward(self, images):
            return images.bfloat16()

    autocast = partial(torch.autocast, "cpu", torch.bfloat16)
    found = inference.classify(Half(), logit_batches(np.array([[0.0, 1.0, 3.0]])), autocast)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("returned", "fault"),
    [
        (None, r"its forward\(\) returned None, not a tensor of logits"),
        ([1.0], r"its forward\(\) returned a list, not a tensor of logits"),
        (torch.zeros(1, 8), r"its logits have the shape \(1, 8\), not \(1, 3\)"),
        (torch.tensor([[0.0, torch.nan, 0.0]]), "its logits are not finite"),
    ],
)
def test_a_network_that_gives_no_logits_of_its_problem_is_refused_with_what_it_gave(returned, fault):
    class Wrong(Constant):
        def forward(self, images):
            return returned

    with pytest.raises(tb.BadInput, match=fault):
        inference.classify(Wrong(), logit_batches(np.zeros((1, 3))), nullcontext)


def test_a_segmentation_is_the_most_probable_class_of_each_pixel():
    logits = torch.zeros(3, 2, 2, 2)
    logits[1, 1, 0, 1] = 5
    batches = [tb.Batch(logits[:2], torch.zeros(2)), tb.Batch(logits[2:], torch.zeros(1))]
    found = np.stack(list(inference.segment(Constant("a"), batches, nullcontext, [Frame.whole(2, 2)] * 3)))
    assert (found.dtype, found.tolist()) == (np.uint8, [[[0, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 0], [0, 0]]])
    assert not torch.is_inference_mode_enabled()


def lesion_logits() -> torch.Tensor:
    """Two pixels: background, disc and square 8 : 1 : 1, and 2 : 6 : 2."""
    return torch.tensor([[[8.0, 2.0]], [[1.0, 6.0]], [[1.0, 2.0]]]).log()[None]


def test_a_class_is_as_probable_as_its_share_of_the_lesion_probability():
    batches = [tb.Batch(lesion_logits(), torch.zeros(1))]
    ((mask, probabilities),) = inference.segment_and_classify(Constant("ab"), batches, nullcontext, [Frame.whole(1, 2)])
    assert mask.tolist() == [[0, 1]]
    np.testing.assert_allclose(probabilities, [0.7, 0.3], rtol=1e-6)


def test_classes_without_lesions_share_the_probability_that_no_pixel_shows_one():
    logits = torch.cat([lesion_logits(), torch.full((1, 2, 1, 2), -50.0)], 1)  # two classes that never have a lesion
    ((mask, probabilities),) = inference.segment_and_classify(
        Constant("abcd"), [tb.Batch(logits, torch.zeros(1))], nullcontext, [Frame.whole(1, 2)], (2, 3)
    )
    assert mask.tolist() == [[0, 1]]
    np.testing.assert_allclose(probabilities, [0.8 * 0.7, 0.8 * 0.3, 0.1, 0.1], rtol=1e-6)  # 0.8 in the second pixel


class Painter(tb.Generator):
    """Noise, in the brightness that its label asks for."""

    def __init__(self):
        super().__init__(tb.Problem("generation", ("dark", "bright"), 1, 4))
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.asked: list[int] = []

    def sample(self, n, labels, rng):
        self.asked.append(n)
        return (labels.view(-1, 1, 1, 1) - 0.5 + 0.4 * torch.rand(n, 1, 4, 4, generator=rng)) * self.weight


def painted(labels: list[int], seed: int, network: Painter | None = None) -> np.ndarray:
    to_uint8 = partial(denormalise, preprocessing=PREPROCESSING)
    return inference.generate(network or Painter(), np.array(labels, np.int64), seed, nullcontext, to_uint8)


def test_the_same_seed_gives_the_same_images_whatever_was_drawn_before():
    first = painted([0, 1] * 20, seed=5)
    torch.manual_seed(77)
    np.random.default_rng(77)
    assert np.array_equal(painted([0, 1] * 20, seed=5), first)
    assert not np.array_equal(painted([0, 1] * 20, seed=6), first)
    assert (first.shape, first.dtype) == ((40, 4, 4), np.uint8)


def test_sampling_leaves_the_global_random_numbers_alone():
    torch.manual_seed(8)
    expected = torch.rand(1)
    torch.manual_seed(8)
    painted([0] * 5, seed=1)
    assert torch.equal(torch.rand(1), expected)


def test_fewer_images_are_the_first_of_more_in_batches_of_their_own():
    network = Painter()
    more = painted([0] * 40, seed=5, network=network)
    assert max(network.asked) <= 16
    assert np.array_equal(painted([0] * 16, seed=5), more[:16])


def test_an_image_is_what_its_label_asks_for():
    images = painted([0, 1, 1, 0], seed=0).reshape(4, -1).mean(1)
    assert (images > 127).tolist() == [False, True, True, False]


def test_times_are_of_all_images_once_and_of_one_image_as_a_median_after_a_warm_up():
    asked: list[int] = []
    everything, times = inference.timed_predictions(lambda n: asked.append(n) or n, 50)
    assert (asked[0], asked[-1], set(asked[:-1])) == (1, 50, {1})
    assert everything == 50
    assert len(asked) == 1 + inference.SINGLE_PREDICTIONS + 1
    assert set(times) == {"predict_all_s", "predict_one_s"}
    assert min(times.values()) > 0


def test_a_cell_paints_the_same_images_each_time(cells):
    cell = cells.cell("tiny-artist")
    network = cells.done("tiny-artist").network
    wanted = cell.labels[cell.split.test]
    images = inference.paint(network, wanted, cell, cells.tools)
    assert np.array_equal(images, cells.done("tiny-artist").prediction.pictures["generated"])
    assert images.shape == (len(wanted), 32, 32)


@pytest.mark.parametrize("protocol", ["grouped", "tstr"])
def test_fresh_weights_are_drawn_from_the_seed_alone(cells, protocol):
    cell = cells.cell("tiny-average" if protocol == "tstr" else "tiny-classifier", protocol)
    task = cells.done(cell.identity.model, protocol).task
    torch.manual_seed(3)
    one = task.network(cell, cells.tools)
    torch.manual_seed(4)
    two = task.network(cell, cells.tools)
    assert all(torch.equal(tensor, two.state_dict()[name]) for name, tensor in one.state_dict().items())
