"""Where the predictions of a model that was trained elsewhere come from: something that is called, or a table."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.api.loading import sized, unit_images
from tumorbench.api.predictions import Predict, as_images, as_masks, as_probabilities, in_batches
from tumorbench.api.tables import images_in, masks_in, probabilities_in
from tumorbench.errors import BadInput
from tumorbench.tasks.cell import Cell
from tumorbench.tasks.generation import reference_sets
from tumorbench.tasks.outlines import Outlines, columns_of_outlines, spacing_of
from tumorbench.tasks.predictions import of_classes, of_images, of_masks, png_of, test_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Called", "Given"]


@dataclass(slots=True)
class Called:
    """Predictions of something that is called. times, facts: what the record says of the calls."""

    cell: Cell
    predict: Predict
    asked_size: int | None
    batch_size: int
    times: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """The table from which the scores follow."""
        if not isinstance(self.batch_size, int) or self.batch_size < 1:
            raise BadInput(f"batch_size {self.batch_size!r} is no number of slices; give 1 or more")
        cell, size = self.cell, sized(self.cell.dataset, self.asked_size)
        self.facts |= {"by": "a call", "size": size, "batch_size": self.batch_size}
        classes, began = cell.dataset.spec.classes, time.perf_counter()
        if cell.identity.task == "generation":
            labels = cell.labels[reference_sets(cell)[0]]
            batches = (labels[start : start + self.batch_size] for start in range(0, len(labels), self.batch_size))
            images = as_images(list(in_batches(_on_tensors(self.predict), batches)))
            self._stop(began)
            return of_images(labels, images)
        rows = in_batches(_on_tensors(self.predict), self._images(size))
        if cell.identity.task == "segmentation":
            found = list(_native(cell, as_masks(rows, size, cell.dataset.spec.mask_classes)))
            self._stop(began)
            return _table_of_masks(cell, found, size)
        probabilities = as_probabilities(list(rows), classes)
        self._stop(began)
        return of_classes(test_columns(cell), cell.labels[cell.split.test], probabilities, classes)

    def _images(self, size: int) -> Iterator[NDArray[np.float32]]:
        images, test = self.cell.dataset.images(size), self.cell.split.test
        for start in range(0, len(test), self.batch_size):
            yield unit_images(images[test[start : start + self.batch_size]])

    def _stop(self, began: float) -> None:
        self.times = {"predict_all_s": round(time.perf_counter() - began, 3)}


@dataclass(slots=True)
class Given:
    """Predictions of a table that somebody has."""

    cell: Cell
    given: pd.DataFrame
    where: str
    times: dict[str, float] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=lambda: {"by": "a table"})

    def table(self) -> pd.DataFrame:
        """The table from which the scores follow."""
        import pandas as pd

        if not isinstance(self.given, pd.DataFrame):
            raise BadInput("predict is neither a callable, nor a table of predictions, nor its file")
        cell, spec = self.cell, self.cell.dataset.spec
        columns, labels = test_columns(cell), cell.labels
        if cell.identity.task == "generation":
            wanted = labels[reference_sets(cell)[0]]
            return of_images(wanted, images_in(self.given, self.where, wanted, spec.classes))
        ids = columns["sample_id"]
        if cell.identity.task == "segmentation":
            slices = [cell.dataset.slices[number] for number in cell.split.test.tolist()]
            shapes = [(each.height, each.width) for each in slices]
            return _table_of_masks(cell, masks_in(self.given, self.where, ids, shapes, spec.mask_classes), None)
        probabilities = probabilities_in(self.given, self.where, ids, spec.classes)
        return of_classes(columns, labels[cell.split.test], probabilities, spec.classes)


def _on_tensors(predict: Predict) -> Predict:
    """``predict``, called with tensors and without gradients where it is a torch module."""
    import torch

    if not isinstance(predict, torch.nn.Module):
        return predict
    parameter = next(predict.parameters(), None)
    device = parameter.device if parameter is not None else "cpu"

    @torch.inference_mode()
    def call(batch: NDArray[Any]) -> Any:
        training = predict.training
        try:
            return predict.eval()(torch.from_numpy(batch).to(device))
        finally:
            predict.train(training)

    return call


def _native(cell: Cell, batches: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.uint8]]:
    """The mask of each test slice at the slice's own size, uint8 ``(height, width)``."""
    import torch

    from tumorbench.tasks.native import frames_of, native_masks

    frames, done = frames_of(cell, cell.split.test.tolist()), 0
    for pixels in batches:
        yield from native_masks(torch.from_numpy(pixels), frames[done : done + len(pixels)])
        done += len(pixels)


def _table_of_masks(cell: Cell, masks: list[NDArray[np.uint8]], size: int | None) -> pd.DataFrame:
    """The masks beside the true ones. size: that the model saw, which bounds what it can reach.

    None: the slices' own.
    """
    import torch

    from tumorbench.metrics.segmentation import pixel_confusion
    from tumorbench.tasks.native import ceilings, frames_of, true_mask

    spec, numbers, k = cell.dataset.spec, cell.split.test.tolist(), 1 + len(cell.dataset.spec.mask_classes)
    true, frames = [true_mask(cell, number) for number in numbers], frames_of(cell, numbers)
    best: Iterable[NDArray[np.uint8]] = true
    if size is not None:
        resized = cell.dataset.masks(size)
        assert resized is not None
        best = ceilings(torch.from_numpy(np.asarray(resized[cell.split.test])), frames, k)
    confusions: list[list[NDArray[np.int64]]] = []
    measured: list[tuple[Outlines, Outlines]] = []
    for own, mask, highest in zip(true, masks, best, strict=True):
        confusions.append([pixel_confusion(own, each, k) for each in (mask, highest)])
        measured.append((Outlines.of(own, mask), Outlines.of(own, highest)))
    spacing = [spacing_of(spec.spacing, frame.shape) for frame in frames]
    outlines = columns_of_outlines([one for one, _ in measured], [other for _, other in measured], spacing)
    both = np.swapaxes(np.array(confusions), 0, 1)
    labels = cell.labels[cell.split.test]
    return of_masks(test_columns(cell), labels, [png_of(mask) for mask in masks], both[0], both[1], outlines)
