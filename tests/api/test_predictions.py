"""What a model returns, checked."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tumorbench.api.predictions import as_images, as_masks, as_probabilities, in_batches
from tumorbench.errors import BadInput

CLASSES = ("a", "b")


def batch_of(returned):
    return list(in_batches(lambda _images: returned, iter([np.zeros((2, 1, 4, 4), np.float32)])))


def probabilities(returned):
    return as_probabilities(batch_of(returned), CLASSES)


def masks(returned):
    return np.concatenate(list(as_masks(iter(batch_of(returned)), 4, ("tumour",))))


def test_logits_become_probabilities_and_probabilities_stay():
    assert probabilities([[0.0, np.log(3)], [1.0, 1.0]]) == pytest.approx(np.array([[0.25, 0.75], [0.5, 0.5]]))
    assert probabilities([[0.25, 0.75], [1.0, 0.0]]).tolist() == [[0.25, 0.75], [1.0, 0.0]]


def test_great_logits_do_not_overflow():
    assert probabilities([[1e4, 0.0], [0.0, 1e4]]).tolist() == [[1, 0], [0, 1]]


def test_tensors_with_gradients_are_taken():
    assert probabilities(torch.zeros(2, 2, requires_grad=True)).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_masks_of_whole_numbers_and_of_logits_are_the_same():
    drawn = np.zeros((2, 4, 4), int)
    drawn[1, 2:] = 1
    logits = np.stack([-20.0 * drawn, 20.0 * drawn], 1)
    assert masks(drawn)[:, 1].tolist() == drawn.tolist()
    assert masks(logits)[:, 1].round().tolist() == np.where(drawn, 1, 0.5).round().tolist()


def test_images_are_bytes_whatever_way_they_are_given():
    halves = np.full((2, 4, 4), 0.5)
    assert set(as_images(batch_of(halves)).ravel().tolist()) == {128}
    assert set(as_images(batch_of(halves[:, None])).ravel().tolist()) == {128}
    assert set(as_images(batch_of(np.full((2, 4, 4), 7, np.uint8))).ravel().tolist()) == {7}


@pytest.mark.parametrize(
    ("check", "returned", "said"),
    [
        (probabilities, None, "predict returned None, not an array of numbers"),
        (probabilities, "a word", "predict returned a str, not an array of numbers"),
        (probabilities, [[1.0], [2.0, 3.0]], "predict returned a list, not an array"),
        (probabilities, np.zeros((2, 3)), r"returned float64 \(2, 3\), expected \(2, 2\): a logit .* for each of a, b"),
        (probabilities, np.zeros(2, int), r"numpy.eye\(classes\)\[labels\]"),
        (probabilities, [[np.nan, 0.0], [0.0, 0.0]], r"NaN or infinity in 1 of 2 rows, expected \(2, 2\)"),
        (masks, np.zeros((2, 5, 5)), r"returned float64 \(2, 5, 5\), expected \(2, 4, 4\) of whole numbers 0 to 1"),
        (masks, np.full((2, 4, 4), 2), "mask of values 2 to 2, expected"),
        (masks, np.full((2, 4, 4), 0.5), "mask of values 0.5 to 0.5, expected"),
        (masks, np.full((2, 2, 4, 4), np.inf), "NaN or infinity in 2 of 2 rows"),
        (
            lambda returned: as_images(batch_of(returned)),
            np.zeros((3, 4, 4)),
            r"returned float64 \(3, 4, 4\), expected",
        ),
        (lambda returned: as_images(batch_of(returned)), np.full((2, 4, 4), 2.0), "values from 2 to 2, expected"),
    ],
)
def test_what_cannot_be_scored_is_one_line_with_the_shape_that_is_due(check, returned, said):
    with pytest.raises(BadInput, match=said) as raised:
        check(returned)
    assert "\n" not in str(raised.value)
