"""The table of predictions: what a trained network said of the test slices, and all that its scores follow from."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tumorbench.tasks.cell import Cell

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COPY", "images_of", "of_classes", "of_images", "of_masks", "test_columns", "with_classes"]

COPY = "#copy-"  # between a slice's id and the number of its augmented copy, where a source enlarged its test set


def test_columns(cell: Cell) -> tuple[list[str], list[str]]:
    """(sample ids, groups) of the test slices."""
    samples = [cell.dataset.samples[index] for index in cell.split.test]
    return [sample.id for sample in samples], [sample.group or sample.patient or "" for sample in samples]


def of_classes(
    sample_ids: Sequence[str],
    groups: Sequence[str],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    *,
    temperature: float | None = None,
    attention: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> pd.DataFrame:
    """One row a test slice: sample_id, group, label, predicted, and ``p/CLASS`` (float32) for each class.

    Where they are known also: the temperature fitted on validation (the same in each row), and of the Grad-CAM map the
    share inside the mask and the share that chance would put there (``cam_inside``, ``cam_chance``).
    """
    import pandas as pd

    table = pd.DataFrame({"sample_id": sample_ids, "group": groups, "label": labels})
    table = with_classes(table, probabilities, classes)
    if temperature is not None:
        table["temperature"] = temperature
    return table if attention is None else table.assign(cam_inside=attention[0], cam_chance=attention[1])


def with_classes(table: pd.DataFrame, probabilities: NDArray[np.float32], classes: Sequence[str]) -> pd.DataFrame:
    """The table with ``predicted`` and ``p/CLASS``: what a classifier says, or a network that also segments."""
    columns = {f"p/{name}": probabilities[:, index] for index, name in enumerate(classes)}
    return table.assign(predicted=probabilities.argmax(1).astype(np.int64), **columns)


def of_masks(
    sample_ids: Sequence[str],
    groups: Sequence[str],
    labels: NDArray[np.int64],
    confusions: NDArray[np.int64],
    masks: NDArray[np.uint8],
) -> pd.DataFrame:
    """One row a test slice: sample_id, group, label, its pixel confusion matrix (row by row) and its mask as a PNG."""
    import pandas as pd

    return pd.DataFrame(
        {
            "sample_id": sample_ids,
            "group": groups,
            "label": labels,
            "confusion": [confusion.ravel().tolist() for confusion in confusions],
            "mask_png": [_png(mask) for mask in masks],
        }
    )


def of_images(labels: NDArray[np.int64], images: NDArray[np.uint8]) -> pd.DataFrame:
    """One row a generated image: its number, the label it was asked for, and the image as PNG bytes."""
    import pandas as pd

    return pd.DataFrame(
        {
            "sample_id": [f"generated-{index}" for index in range(len(images))],
            "label": labels,
            "image_png": [_png(image) for image in images],
        }
    )


def images_of(table: pd.DataFrame) -> NDArray[np.uint8]:
    """The images that a table of ``of_images`` holds, uint8 ``(n, size, size)``: exactly those that were written."""
    from PIL import Image

    images = []
    for content in table["image_png"]:
        with Image.open(io.BytesIO(content)) as picture:
            images.append(np.asarray(picture, np.uint8))
    return np.stack(images)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
