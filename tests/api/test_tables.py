"""A table of predictions that somebody has: what is refused, and in what order it is taken."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumorbench.api.tables import images_in, masks_in, probabilities_in, read_predictions
from tumorbench.errors import BadInput
from tumorbench.tasks.predictions import png_of

CLASSES, IDS = ("a", "b"), ("s1", "s2", "s3")
SOUND = pd.DataFrame({"sample_id": ["s3", "s1", "s2"], "p/a": [0.3, 0.1, 0.2], "p/b": [0.7, 0.9, 0.8], "other": "x"})


def changed(**cells):
    """The sound table with ``COLUMN=value`` in its first row."""
    table = SOUND.copy()
    for name, value in cells.items():
        table[name] = table[name].astype(object)
        table.loc[0, name] = value
    return table


def masks_of(*masks):
    return pd.DataFrame({"sample_id": IDS, "mask_png": [png_of(mask) for mask in masks]})


def test_rows_are_put_into_the_order_of_the_split():
    assert probabilities_in(SOUND, "it", IDS, CLASSES)[:, 0] == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (SOUND.drop(columns="p/b"), r"it has 1 column p/CLASS \(p/a\), expected 2: p/a, p/b"),
        (SOUND.assign(**{"p/c": 0}), r"it has 3 columns p/CLASS \(p/a, p/b, p/c\), expected 2: p/a, p/b"),
        (SOUND.drop(columns="sample_id"), "it has no column sample_id; its columns are p/a, p/b, other"),
        (changed(sample_id="s9"), "it has 1 sample id that this fold does not test: s9"),
        (changed(sample_id="s1"), "it has 1 slice more than once: s1"),
        (SOUND.iloc[:2], "it lacks 1 of the 3 slices that are tested: s2"),
        (changed(**{"p/a": 1.3}), "it has 1 row with a probability that is not from 0 to 1: s3"),
        (changed(**{"p/a": np.nan}), "it has 1 row with a probability that is not from 0 to 1: s3"),
        (changed(**{"p/a": 0.1}), "it has 1 row whose probabilities do not sum to 1: s3"),
        (changed(**{"p/a": "much"}), "it has something else than numbers in p/a, p/b"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_one_line(table, said):
    with pytest.raises(BadInput, match=f"^{said}$") as raised:
        probabilities_in(table, "it", IDS, CLASSES)
    assert "\n" not in str(raised.value)


def test_masks_of_another_size_or_value_are_refused():
    empty, shapes = np.zeros((4, 5), np.uint8), [(4, 5)] * 3
    assert len(masks_in(masks_of(empty, empty, empty), "it", IDS, shapes, ("tumour",))) == 3
    with pytest.raises(BadInput, match=r"the mask of s2 is 4 x 5, its slice 5 x 4 \(width x height\)"):
        masks_in(masks_of(empty, empty.T.copy(), empty), "it", IDS, shapes, ("tumour",))
    with pytest.raises(BadInput, match="the mask of s3 has the value 2, expected 0 to 1: background, tumour"):
        masks_in(masks_of(empty, empty, empty + 2), "it", IDS, shapes, ("tumour",))
    with pytest.raises(BadInput, match="mask_png of s1 is no PNG"):
        masks_in(masks_of(empty, empty, empty).assign(mask_png=b"none"), "it", IDS, shapes, ("tumour",))


def test_generated_images_are_taken_by_their_class():
    images = [np.full((2, 2), value, np.uint8) for value in (1, 2, 3)]
    table = pd.DataFrame({"label": ["b", "a", "1"], "image_png": [png_of(image) for image in images]})
    assert images_in(table, "it", np.array([0, 1, 1]), CLASSES)[:, 0, 0].tolist() == [2, 1, 3]
    with pytest.raises(BadInput, match="it has 1 image of a, expected 2: as many as are held out"):
        images_in(table, "it", np.array([0, 0, 1]), CLASSES)
    with pytest.raises(BadInput, match="neither a number nor one of a, b"):
        images_in(table.assign(label="c"), "it", np.array([0, 1, 1]), CLASSES)


def test_a_file_that_is_no_table_is_one_line(tmp_path):
    (tmp_path / "bad.parquet").write_text("none")
    SOUND.to_csv(tmp_path / "good.csv", index=False)
    assert read_predictions(tmp_path / "good.csv")["sample_id"].tolist() == ["s3", "s1", "s2"]
    for name, said in (("bad.parquet", "cannot be read"), ("gone.parquet", "is no file")):
        with pytest.raises(BadInput, match=said):
            read_predictions(tmp_path / name)
