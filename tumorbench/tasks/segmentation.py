"""Segmentation: which pixels show a tumour, and with ``masks="classes"`` which one. Scored from pixel confusions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cell import CellIdentity
from tumorbench.registry import Registry
from tumorbench.tasks.base import Picture, Prediction, Scores, ScoringInput, Task
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.instruments import Metric, metrics_of
from tumorbench.tasks.predictions import of_masks, test_columns, with_classes
from tumorbench.tasks.scoring import confusion_of, score_classes, score_masks

if TYPE_CHECKING:
    import pandas as pd

    from tumorbench.contracts.families import Network
    from tumorbench.data.batches import Slices
    from tumorbench.tasks.material import Material

__all__ = ["Segmentation"]


class Segmentation(Task):
    """A segmenter: images -> the class of each pixel, 0 the background."""

    name = "segmentation"
    headlines = ("dice", "iou", "dice_image_mean", "pixel_accuracy", "keras_meaniou_bug")
    monitors = ("val_loss", "val_dice")

    def gather(self, cell: Cell, network: Network, tools: Tools) -> Material:
        """The slices with the masks from which the network learns."""
        from tumorbench.tasks.material import gather

        return gather(cell, network, tools, _masks(cell))

    def validation(self, cell: Cell, slices: Slices, tools: Tools) -> Callable[[Network], dict[str, float]] | None:
        """Pixel cross-entropy, pixel accuracy and Dice on ``slices``; None where there is none."""
        from tumorbench.tasks.inference import autocast_of, batches_of
        from tumorbench.tasks.validation import validate_segmenter

        if not len(slices):
            return None
        autocast = autocast_of(cell, tools)
        return lambda network: validate_segmenter(network, batches_of(slices, cell), autocast)

    def predict(self, network: Network, cell: Cell, material: Material, tools: Tools, folder: Path) -> Prediction:
        """The masks of the test slices; of a network that tells the classes apart their class probabilities too."""
        from tumorbench.metrics.segmentation import pixel_confusions
        from tumorbench.tasks.inference import autocast_of, batches_of, segment, segment_and_classify, time_predictions

        test, classes = material.slices["test"], _mask_classes(cell)
        free = _lesion_free(material.slices["train"], len(classes)) if _tells_classes(cell.identity) else ()
        assert test.masks is not None

        def predict(n: int) -> tuple[NDArray[np.uint8], NDArray[np.float32] | None]:
            found, autocast = batches_of(test.first(n), cell), autocast_of(cell, tools)
            if _tells_classes(cell.identity):
                return segment_and_classify(network, found, autocast, free)
            return segment(network, found, autocast), None

        predicted, probabilities = predict(len(test))
        true, labels = test.masks.cpu().numpy(), test.labels.cpu().numpy()
        times = time_predictions(predict, len(test))
        confusions = pixel_confusions(true, predicted, 1 + len(classes))
        table = of_masks(*test_columns(cell), labels, confusions, predicted)
        pictures: dict[str, NDArray[Any]] = {"images": test.images.cpu().numpy(), "true": true, "predicted": predicted}
        if probabilities is not None:
            table = with_classes(table, probabilities, classes)
            pictures |= {"labels": labels, "probabilities": probabilities}
        return Prediction(table, times, self.values_of_parts(network, cell, material, tools), pictures=pictures)

    def score(self, table: pd.DataFrame, given: ScoringInput) -> Scores:
        """Every segmentation metric of the pixel confusions, and every classification metric where it tells classes."""
        wanted = given.wanted(self.metrics(given.identity, given.registry))
        masks = [metric for metric in wanted if metric.spec.task == "segmentation"]
        if not _tells_classes(given.identity):
            return Scores.of(score_masks(table, given.mask_classes, masks))
        classes = [metric for metric in wanted if metric.spec.task == "classification"]
        applied = score_masks(table, given.classes, masks, lesions=True) + score_classes(table, given.classes, classes)
        return Scores.of(applied, confusion=confusion_of(table, given.classes))

    def metrics(self, identity: CellIdentity, registry: Registry) -> list[Metric]:
        """The metrics of segmentation; with those of classification for a network that tells the classes apart."""
        if _tells_classes(identity):
            return metrics_of(registry, "segmentation", "classification")
        return metrics_of(registry, "segmentation")

    def pictures(self, cell: Cell, prediction: Prediction, scores: Scores, folder: Path) -> Iterator[Picture]:
        """Masks from the worst to the best, and the confusion of the classes."""
        from tumorbench import figures

        arrays, ids = prediction.pictures, test_columns(cell)[0]
        shown = (arrays["images"], arrays["true"], arrays["predicted"], ids)
        yield "masks", partial(figures.segmentation_examples, *shown)
        if scores.confusion is not None:
            yield "confusion matrix", partial(figures.confusion_matrix, scores.confusion, cell.dataset.spec.classes)


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
