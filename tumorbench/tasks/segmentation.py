"""Segmentation: which pixels show a tumour, and with ``masks="classes"`` which one.

Scored from pixel confusions at the data set's own resolution, so that networks of different sizes are compared by the
same pixels. What learning watches, the validation part, stays at the network's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cell import CellIdentity
from tumorbench.metrics.segmentation import dice_of_images
from tumorbench.registry import Registry
from tumorbench.statistics.replicates import Drawn
from tumorbench.tasks.base import Picture, Prediction, Scores, ScoringInput, Task
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.outlines import Outlines, columns_of_outlines, spacing_of
from tumorbench.tasks.predictions import of_masks, pixels_of, png_of, test_columns, with_classes
from tumorbench.tasks.scores.instruments import Applied, Metric, metrics_of
from tumorbench.tasks.scores.masks import score_masks
from tumorbench.tasks.scores.replicates import drawn_of_classes, drawn_of_masks, right_of
from tumorbench.tasks.scores.scoring import confusion_of, confusions_of, score_classes

if TYPE_CHECKING:
    import pandas as pd

    from tumorbench.contracts.families import Network
    from tumorbench.data.batches import Slices
    from tumorbench.tasks.material import Material
    from tumorbench.tasks.native import Frame

__all__ = ["Segmentation"]

CEILING = "ceiling"  # the column that a table of masks at the slices' own size has
AT_THE_NETWORKS_SIZE = "its masks are at the network's size, and are scored at the data set's own; run the cell again"


class Segmentation(Task):
    """A segmenter: images -> the class of each pixel, 0 the background."""

    name = "segmentation"
    headlines = (
        "dice",
        "iou",
        "dice_image_mean",
        "hd95",
        "dice_small_lesions",
        "lesion_free_specificity",
        "pixel_accuracy",
        "keras_meaniou_bug",
    )
    monitors = ("val_loss", "val_dice")

    def gather(self, cell: Cell, network: Network, tools: Tools) -> Material:
        """The slices with the masks from which the network learns."""
        from tumorbench.tasks.material import gather

        return gather(cell, network, tools, _masks(cell))

    def validation(self, cell: Cell, slices: Slices, tools: Tools) -> Callable[[Network], dict[str, float]] | None:
        """Pixel cross-entropy, pixel accuracy and Dice on ``slices``; None where there is none."""
        from tumorbench.tasks.inference import autocast_of, batches_of
        from tumorbench.tasks.validation import validate_segmenter
        from tumorbench.training.mirrored import mirrored

        if not len(slices):
            return None
        autocast = autocast_of(cell, tools)
        return lambda network: validate_segmenter(mirrored(network, cell.recipe), batches_of(slices, cell), autocast)

    def predict(self, network: Network, cell: Cell, material: Material, tools: Tools, folder: Path) -> Prediction:
        """The masks of the test slices, at the slices' own size; of a network that tells classes apart their probabilities too."""
        from tumorbench.tasks.inference import autocast_of, batches_of, segment, segment_and_classify, timed_predictions
        from tumorbench.tasks.native import frames_of
        from tumorbench.training.mirrored import mirrored

        network, learned = mirrored(network, cell.recipe), network
        test, classes, tells = material.slices["test"], _mask_classes(cell), _tells_classes(cell.identity)
        free = _lesion_free(material.slices["train"], len(classes)) if tells else ()
        frames = frames_of(cell, cell.split.test.tolist())

        def predict(n: int) -> list[tuple[NDArray[np.uint8], NDArray[np.float32] | None]]:
            found, autocast = batches_of(test.first(n), cell), autocast_of(cell, tools)
            if tells:
                return list(segment_and_classify(network, found, autocast, frames, free))
            return [(mask, None) for mask in segment(network, found, autocast, frames)]

        predicted, times = timed_predictions(predict, len(test))
        table, probabilities = _table(cell, test, predicted, frames)
        pictures: dict[str, NDArray[Any]] = {}
        if probabilities is not None:
            table = with_classes(table, probabilities, classes)
            pictures = {"labels": test.labels.cpu().numpy(), "probabilities": probabilities}
        return Prediction(table, times, self.values_of_parts(learned, cell, material, tools), pictures=pictures)

    def score(self, table: pd.DataFrame, given: ScoringInput) -> Scores:
        """Every segmentation metric of the pixel confusions, and every classification metric where it tells classes.

        A table of masks at the network's size gives no segmentation metric, and says why.
        """
        wanted, tells = given.wanted(self.metrics(given.identity, given.registry)), _tells_classes(given.identity)
        masks = [metric for metric in wanted if metric.spec.task == "segmentation"]
        if CEILING in table:
            applied = score_masks(table, given.classes if tells else given.mask_classes, masks, lesions=tells)
        else:
            applied = [Applied(metric, reason=AT_THE_NETWORKS_SIZE) for metric in masks]
        if not tells:
            return Scores.of(applied)
        classes = [metric for metric in wanted if metric.spec.task == "classification"]
        applied += score_classes(table, given.classes, classes)
        return Scores.of(applied, confusion=confusion_of(table, given.classes))

    def replicates(self, table: pd.DataFrame, given: ScoringInput) -> Drawn:
        """Of every built-in segmentation metric, and of those of classification where it tells classes."""
        tells = _tells_classes(given.identity)
        masks = drawn_of_masks(table, given.classes if tells else given.mask_classes, lesions=tells)
        return masks.beside(drawn_of_classes(table, given.classes)) if tells else masks

    def right(self, table: pd.DataFrame) -> NDArray[np.bool_] | None:
        """Which slices are given their class, by a network that tells classes."""
        return right_of(table)

    def holds(self, table: pd.DataFrame, metric: str) -> bool:
        """Masks at the network's size, as tables of before version 4 have them, give no value; run the cell again."""
        return (
            CEILING in table or "predicted" in table
        )  # of a network that tells classes apart, what is no mask's stays

    def metrics(self, identity: CellIdentity, registry: Registry) -> list[Metric]:
        """The metrics of segmentation; with those of classification for a network that tells the classes apart."""
        if _tells_classes(identity):
            return metrics_of(registry, "segmentation", "classification")
        return metrics_of(registry, "segmentation")

    def pictures(self, cell: Cell, prediction: Prediction, scores: Scores, folder: Path) -> Iterator[Picture]:
        """Masks from the worst to the best at the slices' own size, and the confusion of the classes."""
        from tumorbench import figures
        from tumorbench.tasks.native import true_mask

        test, masks = cell.split.test.tolist(), prediction.table["mask_png"].tolist()

        def shown(place: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
            return cell.dataset.image(test[place]), true_mask(cell, test[place]), pixels_of(masks[place])

        dice, ids = dice_of_images(confusions_of(prediction.table)), test_columns(cell)["sample_id"]
        yield "masks", partial(figures.segmentation_examples, dice, shown, ids)
        if scores.confusion is not None:
            yield "confusion matrix", partial(figures.confusion_matrix, scores.confusion, cell.dataset.spec.classes)


def _table(
    cell: Cell,
    test: Slices,
    found: Iterable[tuple[NDArray[np.uint8], NDArray[np.float32] | None]],
    frames: Sequence[Frame],
) -> tuple[pd.DataFrame, NDArray[np.float32] | None]:
    """(the table, the probabilities of the classes where there are some)."""
    from tumorbench.metrics.segmentation import pixel_confusion
    from tumorbench.tasks.native import ceilings, true_mask

    assert test.masks is not None
    k, numbers = 1 + len(_mask_classes(cell)), cell.split.test.tolist()
    masks, confusions, measured, probabilities = [], [], [], []
    for number, (mask, chances), ceiling in zip(numbers, found, ceilings(test.masks, frames, k), strict=True):
        true = true_mask(cell, number)
        masks.append(png_of(mask))
        confusions.append([pixel_confusion(true, each, k) for each in (mask, ceiling)])
        measured.append([Outlines.of(true, each) for each in (mask, ceiling)])
        if chances is not None:
            probabilities.append(chances)
    spacing = [spacing_of(cell.dataset.spec.spacing, frame.shape) for frame in frames]
    found_outlines, highest_outlines = zip(*measured, strict=True)
    outlines = columns_of_outlines(found_outlines, highest_outlines, spacing)
    confusion, highest = np.swapaxes(np.array(confusions), 0, 1)
    table = of_masks(test_columns(cell), test.labels.cpu().numpy(), masks, confusion, highest, outlines)
    return table, np.stack(probabilities) if probabilities else None


def _tells_classes(identity: CellIdentity) -> bool:
    """Whether the masks' values are the data set's classes, so that one network segments and classifies."""
    return identity.recipe.masks == "classes"


def _mask_classes(cell: Cell) -> tuple[str, ...]:
    spec = cell.dataset.spec
    return spec.classes if _tells_classes(cell.identity) else spec.mask_classes


def _masks(cell: Cell) -> NDArray[np.uint8] | None:
    """The masks that the network learns from; where it tells the classes apart, 1 + label where there is a lesion."""
    masks = cell.masks
    if masks is None or not _tells_classes(cell.identity):
        return masks
    return (np.asarray(masks > 0) * (1 + cell.labels)[:, None, None]).astype(np.uint8)


def _lesion_free(train_part: Slices, classes: int) -> tuple[int, ...]:
    """The classes of whose training slices none has a lesion."""
    assert train_part.masks is not None
    with_lesion = train_part.labels[(train_part.masks > 0).flatten(1).any(1)]
    return tuple(label for label in range(classes) if not (with_lesion == label).any())
