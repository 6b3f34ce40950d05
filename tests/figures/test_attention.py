"""Where a classifier looked."""

import numpy as np
import pytest
from shown_pictures import CLASSES, chances, pixels

from tumorbench import figures


def test_attention_is_shown_on_right_slices_first_and_then_on_wrong_ones(slices, titles, tmp_path):
    labels, maps = [0] * 20 + [1] * 10, np.ones((30, 24, 24))
    figures.attention_examples(
        slices, maps, labels, chances([0] * 30), CLASSES, [f"s{i}" for i in range(30)], tmp_path / "attention.png"
    )
    assert [text for text in titles if "->" in text] == ["glioma\n-> glioma 80%"] * 6 + [
        "meningioma\n-> glioma 80%"
    ] * 6
    assert [text for text in titles if text[0] == "s" and text[1:].isdecimal()] == [
        "s0",
        "s4",
        "s8",
        "s11",
        "s15",
        "s19",
        "s20",
        "s22",
        "s24",
        "s25",
        "s27",
        "s29",
    ]


def test_the_heat_lies_where_the_map_is_large_and_the_outline_only_with_masks(slices, blobs, tmp_path):
    def drawn(name, maps, **masks):
        figures.attention_examples(slices[:1] * 0, maps, [0], chances([0]), CLASSES, ["a"], tmp_path / name, **masks)
        return pixels(tmp_path / name)

    left, right = np.zeros((2, 1, 24, 24))
    left[:, :, :8], right[:, :, 16:] = 1, 1
    reds = {
        name: np.argwhere((picture[..., 0] > 60) & (picture[..., 1:].max(axis=2) < 30))[:, 1]
        for name, picture in (("left", drawn("l.png", left)), ("right", drawn("r.png", right)))
    }
    assert np.median(reds["left"]) < np.median(reds["right"])
    plain, outlined = drawn("p.png", left), drawn("o.png", left, masks=blobs[:1])
    assert plain.shape != outlined.shape or (plain != outlined).any()


def test_a_map_that_is_zero_throughout_says_that_nothing_speaks_for_the_class(slices, titles, tmp_path):
    figures.attention_examples(
        slices[:2], np.zeros((2, 24, 24)), [0, 1], chances([0, 0]), CLASSES, ["a", "b"], tmp_path / "attention.png"
    )
    assert [text for text in titles if "nothing" in text] == ["a\nnothing speaks for it", "b\nnothing speaks for it"]


def test_maps_or_masks_of_another_number_are_refused(slices, blobs, tmp_path):
    shown = (
        slices[:2],
        np.zeros((2, 24, 24)),
        [0, 1],
        chances([0, 0]),
        CLASSES,
        ["a", "b"],
        tmp_path / "attention.png",
    )
    with pytest.raises(ValueError, match="differ in length"):
        figures.attention_examples(*shown, masks=blobs)
    with pytest.raises(ValueError, match="differ in length"):
        figures.attention_examples(shown[0], np.zeros((3, 24, 24)), *shown[2:])


@pytest.mark.parametrize(
    ("draw", "title"),
    [
        (lambda path: figures.reliability_diagram([], np.zeros((0, 3)), path), "Calibration"),
        (
            lambda path: figures.attention_examples(
                np.zeros((0, 4, 4), np.uint8), np.zeros((0, 4, 4)), [], np.zeros((0, 3)), CLASSES, [], path
            ),
            "Grad-CAM",
        ),
    ],
    ids=["calibration", "attention"],
)
def test_no_test_slice_is_said_so(draw, title, titles, tmp_path):
    draw(tmp_path / "figure.png")
    assert {title, "there is no test slice"} <= set(titles)
