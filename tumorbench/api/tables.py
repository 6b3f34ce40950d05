"""A table of predictions that somebody has, checked and put into the order of the split. What is wrong is one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.files.regular import shown
from tumorbench.errors import BadInput, one_line
from tumorbench.tables.markdown import plural
from tumorbench.tasks.predictions import pixels_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "images_in", "masks_in", "probabilities_in", "read_predictions"]

ID, MASK, IMAGE, LABEL = "sample_id", "mask_png", "image_png", "label"
COLUMNS = {
    "classification": f"{ID} and one column p/CLASS a class: probabilities from 0 to 1 that sum to 1 in each row",
    "segmentation": f"{ID} and {MASK}: a grey PNG of the slice's own size, 0 the background, 1 the first mask class",
    "generation": f"{LABEL}: the class's name or number, and {IMAGE}: a grey PNG, one row for each held-out image",
}
"""Task -> the columns that its table has; others are left aside."""
SUM = 1e-3  # by which the sum of probabilities may differ from 1
NAMED = 3  # sample ids in a message


def read_predictions(path: Path) -> pd.DataFrame:
    """The table in a Parquet or CSV file. Raises: BadInput where it cannot be read."""
    import pandas as pd

    if not path.is_file():
        raise BadInput(f"{path} is no file; give a table of predictions, .parquet or .csv")
    try:
        if path.suffix.lower() == ".csv":
            return pd.read_csv(path, dtype={ID: str})
        return pd.read_parquet(path)
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes its reader raise
        raise BadInput(f"{path} cannot be read ({one_line(error)}); give a .parquet or a .csv file") from None


def probabilities_in(
    table: pd.DataFrame, where: str, sample_ids: Sequence[str], classes: Sequence[str]
) -> NDArray[np.float32]:
    """The probabilities of the slices in the order of ``sample_ids``, float32 ``(n, classes)``. Raises: BadInput."""
    due = [f"p/{name}" for name in classes]
    there = [str(name) for name in table.columns if str(name).startswith("p/")]
    if sorted(there) != sorted(due):
        found = f"has {plural(len(there), 'column')} p/CLASS ({', '.join(map(shown, there)) or 'none'})"
        raise BadInput(f"{where} {found}, expected {len(due)}: {', '.join(due)}")
    ordered = _ordered(table, where, sample_ids)
    try:
        values = ordered[due].to_numpy(np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"{where} has something else than numbers in {', '.join(due)}") from None
    wrong: NDArray[np.bool_] = ~np.asarray(((values >= 0) & (values <= 1)).all(1))
    if wrong.any():
        raise BadInput(_rows(where, wrong, sample_ids, "with a probability that is not from 0 to 1"))
    wrong = np.asarray(np.abs(values.sum(1) - 1) > SUM)
    if wrong.any():
        raise BadInput(_rows(where, wrong, sample_ids, "whose probabilities do not sum to 1"))
    return values.astype(np.float32)


def masks_in(
    table: pd.DataFrame,
    where: str,
    sample_ids: Sequence[str],
    shapes: Sequence[tuple[int, int]],
    mask_classes: Sequence[str],
) -> list[NDArray[np.uint8]]:
    """The masks of the slices in the order of ``sample_ids``, each uint8 ``(height, width)``. Raises: BadInput."""
    _require(table, where, [ID, MASK])
    masks = []
    for sample, content, shape in zip(sample_ids, _ordered(table, where, sample_ids)[MASK], shapes, strict=True):
        mask = _picture(content, f"{where}: {MASK} of {sample}")
        if mask.shape != shape:
            sizes = [f"{width} x {height}" for height, width in (mask.shape, shape)]
            raise BadInput(f"{where}: the mask of {sample} is {sizes[0]}, its slice {sizes[1]} (width x height)")
        if mask.max() > len(mask_classes):
            raise BadInput(
                f"{where}: the mask of {sample} has the value {mask.max()}, expected 0 to {len(mask_classes)}: "
                f"background, {', '.join(mask_classes)}"
            )
        masks.append(mask)
    return masks


def images_in(table: pd.DataFrame, where: str, labels: NDArray[np.int64], classes: Sequence[str]) -> NDArray[np.uint8]:
    """The images for ``labels``, in that order, uint8 ``(n, side, side)``. Raises: BadInput."""
    _require(table, where, [LABEL, IMAGE])
    numbers = {name: number for number, name in enumerate(classes)}
    try:
        own = np.array([numbers[each] if each in numbers else int(each) for each in table[LABEL]], np.int64)
    except (TypeError, ValueError):
        raise BadInput(f"{where} has a label that is neither a number nor one of {', '.join(classes)}") from None
    for number, name in enumerate(classes):
        here, due = int((own == number).sum()), int((labels == number).sum())
        if here != due:
            raise BadInput(f"{where} has {plural(here, 'image')} of {name}, expected {due}: as many as are held out")
    if len(own) != len(labels):
        raise BadInput(
            f"{where} has {plural(len(own) - len(labels), 'image')} of a label that is none of 0 to {len(classes) - 1}"
        )
    pictures = [_picture(content, f"{where}: {IMAGE} of row {row}") for row, content in enumerate(table[IMAGE])]
    sizes = {picture.shape for picture in pictures}
    if len(sizes) > 1 or any(height != width for height, width in sizes):
        raise BadInput(f"{where} has images of several sizes or that are not square; give one size for all")
    found = np.zeros((len(labels), *pictures[0].shape), np.uint8)
    found[np.argsort(labels, kind="stable")] = np.stack(pictures)[np.argsort(own, kind="stable")]
    return found


def _ordered(table: pd.DataFrame, where: str, sample_ids: Sequence[str]) -> pd.DataFrame:
    """The row of each slice that is tested, in that order. Raises: BadInput for wrong, doubled and missing ids."""
    _require(table, where, [ID])
    own = [str(each) for each in table[ID]]
    due, there = set(sample_ids), set(own)
    if strange := [each for each in dict.fromkeys(own) if each not in due]:
        raise BadInput(
            f"{where} has {plural(len(strange), 'sample id')} that this fold does not test: {_some(strange)}"
        )
    if doubled := [each for each, count in Counter(own).items() if count > 1]:
        raise BadInput(f"{where} has {plural(len(doubled), 'slice')} more than once: {_some(doubled)}")
    if missing := [each for each in sample_ids if each not in there]:
        raise BadInput(
            f"{where} lacks {len(missing)} of the {len(sample_ids)} slices that are tested: {_some(missing)}"
        )
    return table.set_axis(own).loc[list(sample_ids)]


def _require(table: pd.DataFrame, where: str, columns: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in table.columns]:
        there = ", ".join(shown(str(name)) for name in table.columns) or "none"
        raise BadInput(f"{where} has no column {', '.join(missing)}; its columns are {there}")


def _picture(content: Any, where: str) -> NDArray[np.uint8]:
    try:
        picture = pixels_of(content)
    except Exception as error:  # noqa: BLE001 - whatever is no picture
        raise BadInput(f"{where} is no PNG ({one_line(error)})") from None
    if picture.ndim != 2:  # noqa: PLR2004 - height and width
        raise BadInput(f"{where} is no grey picture: its array is {picture.shape}")
    return picture


def _rows(where: str, wrong: NDArray[np.bool_], sample_ids: Sequence[str], what: str) -> str:
    named = [sample_ids[row] for row in np.flatnonzero(wrong).tolist()]
    return f"{where} has {plural(len(named), 'row')} {what}: {_some(named)}"


def _some(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:NAMED]) + (", ..." if len(names) > NAMED else "")
