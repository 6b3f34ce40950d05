"""The table of predictions: what a trained network said of the test slices, and all that its scores follow from."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.dataset import Sample
from tumorbench.data.split import Split, leaked
from tumorbench.tasks.cell import Cell

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COPY",
    "columns_of",
    "images_of",
    "of_classes",
    "of_images",
    "of_masks",
    "pixels_of",
    "png_of",
    "test_columns",
    "with_classes",
]

COPY = "#copy-"  # between a slice's id and the number of its augmented copy, where a source enlarged its test set


def test_columns(cell: Cell) -> dict[str, list[str]]:
    """What a table says of each test slice of the cell, whatever the network says: as ``columns_of``."""
    return columns_of(cell.split, cell.dataset.samples)


def columns_of(split: Split, samples: Sequence[Sample]) -> dict[str, list[str]]:
    """What a table says of each slice that the split tests.

    sample_id. group: the patient, "" where not known. cluster: its patient and near-copies have the same. leaked: what
    training or validation has seen of it, as ``data.split.leaked``: identical, near-identical, patient, "" for nothing.
    """
    kin, test = split.kin, split.test.tolist()
    return {
        "sample_id": [samples[index].id for index in test],
        "group": [kin.patients[index] for index in test],
        "cluster": [kin.clusters[index] for index in test],
        "leaked": leaked(split),
    }


def of_classes(
    columns: Mapping[str, Sequence[str]],
    labels: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    *,
    temperature: float | None = None,
    attention: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> pd.DataFrame:
    """One row a test slice: ``columns``, label, predicted, and ``p/CLASS`` (float32) for each class.

    Where they are known also: the temperature fitted on validation (the same in each row), and of the Grad-CAM map the
    share inside the mask and the share that chance would put there (``cam_inside``, ``cam_chance``).
    """
    import pandas as pd

    table = pd.DataFrame({**columns, "label": labels})
    table = with_classes(table, probabilities, classes)
    if temperature is not None:
        table["temperature"] = temperature
    return table if attention is None else table.assign(cam_inside=attention[0], cam_chance=attention[1])


def with_classes(table: pd.DataFrame, probabilities: NDArray[np.float32], classes: Sequence[str]) -> pd.DataFrame:
    """The table with ``predicted`` and ``p/CLASS``: what a classifier says, or a network that also segments."""
    columns = {f"p/{name}": probabilities[:, index] for index, name in enumerate(classes)}
    return table.assign(predicted=probabilities.argmax(1).astype(np.int64), **columns)


def of_masks(
    columns: Mapping[str, Sequence[str]],
    labels: NDArray[np.int64],
    masks: Sequence[bytes],
    confusions: NDArray[np.int64],
    ceilings: NDArray[np.int64],
    outlines: Mapping[str, Sequence[object]] | None = None,
) -> pd.DataFrame:
    """One row a test slice: ``columns``, label, its pixel confusion matrix (row by row) and its mask as a PNG.

    Masks and confusions are of the slice at its own size: what is scored can be counted again from the mask and the
    data set's, and 512 x 512 pixels of a lesion take about 1 kB, less than probabilities at any size. ``ceiling``: the
    confusion of a network that is right in every pixel that it sees, int64 ``(n, k, k)`` as ``confusions``. outlines:
    further columns, as ``tasks.outlines`` makes them.
    """
    import pandas as pd

    return pd.DataFrame(
        {
            **columns,
            "label": labels,
            "confusion": [confusion.ravel().tolist() for confusion in confusions],
            "ceiling": [confusion.ravel().tolist() for confusion in ceilings],
            **(outlines or {}),
            "mask_png": list(masks),
        }
    )


def of_images(labels: NDArray[np.int64], images: NDArray[np.uint8]) -> pd.DataFrame:
    """One row a generated image: its number, the label it was asked for, and the image as PNG bytes."""
    import pandas as pd

    return pd.DataFrame(
        {
            "sample_id": [f"generated-{index}" for index in range(len(images))],
            "label": labels,
            "image_png": [png_of(image) for image in images],
        }
    )


def images_of(table: pd.DataFrame) -> NDArray[np.uint8]:
    """The images that a table of ``of_images`` holds, uint8 ``(n, size, size)``: exactly those that were written."""
    return np.stack([pixels_of(content) for content in table["image_png"]])


def pixels_of(png: bytes) -> NDArray[np.uint8]:
    """A mask or an image as it was written, uint8 ``(height, width)``."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as picture:
        return np.asarray(picture, np.uint8)


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """A mask or an image, uint8 ``(height, width)``, as a PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
