"""A plugin's reader, opened, listed and read: what is wrong with the plugin or with a file is one line that names it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.contracts.factory import load
from tumorbench.contracts.files.regular import is_unicode, shown
from tumorbench.contracts.strangers import described, plugin_code
from tumorbench.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["data_folder", "list_samples", "open_dataset", "open_folder", "read_slice"]

FIX = "fix the plugin, or report it to its author"
TEXTS = ("id", "image", "mask", "patient", "group")  # of a sample
OPTIONAL = ("mask", "patient", "group")


def data_folder(spec: DatasetSpec, root: Path) -> Path:
    """The folder in which the data set is looked for: one per id below the data root."""
    return root / spec.id


def open_dataset(spec: DatasetSpec, root: Path) -> Dataset:
    """The data set's reader for its folder below the data root; nothing is read yet. Raises: BadInput, naming the factory."""
    return open_folder(spec, data_folder(spec, root))


def open_folder(spec: DatasetSpec, folder: Path) -> Dataset:
    """The data set's reader for ``folder``; nothing is read yet. Raises: BadInput, naming the factory."""
    with plugin_code(f"{spec.id}: {spec.factory}"):
        reader = load(spec.factory)(folder)
    if not isinstance(reader, Dataset):
        raise BadInput(f"{spec.id}: {spec.factory} gives {described(reader)}, not a tumorbench.Dataset; {FIX}")
    if not isinstance(getattr(reader, "root", None), Path):
        raise BadInput(f"{spec.id}: {spec.factory} gives a Dataset without its folder in root; {FIX}")
    with suppress(AttributeError):  # a reader that allows no such attribute has a read_mask of its own
        reader.mask_classes = spec.mask_classes
    return reader


def list_samples(spec: DatasetSpec, reader: Dataset) -> tuple[Sample, ...]:
    """Every sample that the reader lists: ids are unique, labels are in range, names can be written into a record.

    Raises: Unavailable where the data set is not there; BadInput where it is incomplete, and for whatever else the plugin
    raises or gives.
    """
    what = f"{spec.id}: samples() of {spec.factory}"
    with plugin_code(what):
        listed = reader.samples()
        if isinstance(listed, str | bytes) or not hasattr(listed, "__iter__"):
            raise BadInput(f"{what} gives {described(listed)}, not a sequence of Sample; {FIX}")
        samples = tuple(listed)
    if not samples:
        raise BadInput(f"{what} lists no sample; complete {shown(reader.root)} or run: tumorbench data fetch {spec.id}")
    known: set[str] = set()
    for number, sample in enumerate(samples):
        if not isinstance(sample, Sample):
            raise BadInput(f"{what} gives {described(sample)} as its item {number}, not a Sample; {FIX}")
        if fault := _fault(spec, sample):
            raise BadInput(f"{what}: sample {shown(sample.id)} {fault}")
        if sample.id in known:
            raise BadInput(f"{what}: sample {shown(sample.id)} is listed twice; {FIX}")
        known.add(sample.id)
    return samples


def _fault(spec: DatasetSpec, sample: Sample) -> str:
    """What is wrong with one sample, and how to fix it; "" where nothing is."""
    if fault := _fault_of_names(sample):
        return fault
    last = len(spec.classes) - 1
    if type(sample.label) is not int or not 0 <= sample.label <= last:
        return f"has label {sample.label!r}, not one of 0..{last} for {last + 1} classes; {FIX}"
    if sample.split not in ("train", "test", None):
        return f"has split {sample.split!r}, not train, test or None; {FIX}"
    if sample.fold is not None and not (type(sample.fold) is int and 0 <= sample.fold < spec.official_folds):
        return f"has fold {sample.fold!r}, and its card has official_folds={spec.official_folds}; {FIX}"
    return ""


def _fault_of_names(sample: Sample) -> str:
    for name in TEXTS:
        text = getattr(sample, name)
        if not isinstance(text, str) and not (text is None and name in OPTIONAL):
            return f"has {described(text)} as its {name}, not a text; {FIX}"
        if text and not is_unicode(text):
            return f"has a file name or {name} that is not UTF-8 ({shown(text)}); rename the file"
    return "" if sample.id else f"has an empty id; {FIX}"


def read_slice(
    spec: DatasetSpec, reader: Dataset, sample: Sample
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """(image, mask) of one sample, both uint8 ``(height, width)``; the mask is None where there is none.

    Raises: BadInput for a file that cannot be read, and for whatever else the plugin raises or gives.
    """
    with plugin_code(f"{spec.id}: read_image of {spec.factory}, for sample {shown(sample.id)},"):
        image = reader.read_image(sample)
    _check_array(spec, sample, "read_image", image)
    with plugin_code(f"{spec.id}: read_mask of {spec.factory}, for sample {shown(sample.id)},"):
        mask = reader.read_mask(sample)
    if mask is None:
        return image, None
    _check_array(spec, sample, "read_mask", mask)
    if mask.shape != image.shape:
        raise BadInput(
            f"mask {_path(reader, sample.mask)} is {_size(mask)}, but its image {_path(reader, sample.image)} is {_size(image)} "
            "(width x height); replace the mask or fetch the data set again"
        )
    if (highest := int(mask.max())) > max(1, len(spec.mask_classes)):
        raise BadInput(
            f"mask {_path(reader, sample.mask)} of sample {shown(sample.id)} has the value {highest}, but the card of {spec.id} "
            f"has {len(spec.mask_classes)} mask_classes; replace the mask, or name every class on the card"
        )
    return image, mask


def _check_array(spec: DatasetSpec, sample: Sample, method: str, pixels: Any) -> None:
    """True after the call: ``pixels`` is uint8 (height, width) and not empty. Raises: BadInput, saying what it is."""
    where = f"{spec.id}: {method} of {spec.factory} gives for sample {shown(sample.id)}"
    if not isinstance(pixels, np.ndarray):
        raise BadInput(f"{where} {described(pixels)}, not an array; {FIX}")
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or not pixels.size:  # noqa: PLR2004 - height and width
        raise BadInput(f"{where} {pixels.dtype} {pixels.shape}, not uint8 (height, width); {FIX}")


def _path(reader: Dataset, name: str | None) -> str:
    return shown(reader.root / name) if name else "(computed)"


def _size(pixels: NDArray[Any]) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
