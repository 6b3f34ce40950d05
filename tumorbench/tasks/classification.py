"""Classification: which class a slice shows. Scored from each slice's class probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cell import CellIdentity, derive_seed
from tumorbench.data.split import SPLIT_SEED
from tumorbench.registry import Registry
from tumorbench.statistics.replicates import Drawn
from tumorbench.tasks.base import Picture, Prediction, Scores, ScoringInput, Task
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.predictions import COPY, of_classes, test_columns
from tumorbench.tasks.scores.instruments import Metric, metrics_of
from tumorbench.tasks.scores.replicates import drawn_of_classes, right_of
from tumorbench.tasks.scores.scoring import confusion_of, score_classes

if TYPE_CHECKING:
    import pandas as pd

    from tumorbench.contracts.families import Network
    from tumorbench.data.batches import Slices
    from tumorbench.tasks.material import Material

__all__ = ["Classification"]

EXAMPLES = 6  # right and wrong predictions each that are explained where no mask makes it a metric
Probabilities = NDArray[np.float32]


class Classification(Task):
    """A classifier: images -> class probabilities."""

    name = "classification"
    headlines = ("accuracy", "balanced_accuracy", "f1_macro", "cross_entropy")
    monitors = ("val_loss", "val_accuracy")

    def gather(self, cell: Cell, network: Network, tools: Tools) -> Material:
        """The slices; those of the training part with their masks where the recipe has the network learn from them."""
        from tumorbench.tasks.material import gather

        return gather(cell, network, tools, supervision=cell.masks if cell.recipe.mask_supervision else None)

    def validation(self, cell: Cell, slices: Slices, tools: Tools) -> Callable[[Network], dict[str, float]] | None:
        """Cross-entropy and accuracy on ``slices``; None where there is none."""
        from tumorbench.tasks.inference import autocast_of, batches_of
        from tumorbench.tasks.validation import validate_classifier
        from tumorbench.training.mirrored import mirrored

        if not len(slices):
            return None
        autocast = autocast_of(cell, tools)
        return lambda network: validate_classifier(mirrored(network, cell.recipe), batches_of(slices, cell), autocast)

    def predict(self, network: Network, cell: Cell, material: Material, tools: Tools, folder: Path) -> Prediction:
        """The class probabilities of the test slices, and where the network looks for them."""
        from tumorbench.metrics.calibration import fit_temperature
        from tumorbench.tasks.inference import autocast_of, batches_of, classify, timed_predictions
        from tumorbench.training.mirrored import mirrored

        images, validated = material.slices["test"], material.learned["val"]
        autocast = autocast_of(cell, tools)

        shown = mirrored(network, cell.recipe)

        def predict(slices: Slices) -> Probabilities:
            return classify(shown, batches_of(slices, cell), autocast)

        labels = images.labels.cpu().numpy()
        probabilities, times = timed_predictions(lambda n: predict(images.first(n)), len(images))
        temperature = None
        if len(validated):
            temperature = fit_temperature(validated.labels.cpu().numpy(), predict(validated).astype(np.float64))
        pictures = {"images": images.images.cpu().numpy(), "labels": labels, "probabilities": probabilities}
        attended = _attended(network, cell, images, probabilities, labels)
        table = _table(network, cell, images, probabilities, temperature, _shares(attended), autocast)
        parts = self.values_of_parts(network, cell, material, tools)
        return Prediction(table, times, parts, temperature, pictures | attended)

    def score(self, table: pd.DataFrame, given: ScoringInput) -> Scores:
        """Every classification metric of the probabilities."""
        metrics = given.wanted(self.metrics(given.identity, given.registry))
        return Scores.of(score_classes(table, given.classes, metrics), confusion=confusion_of(table, given.classes))

    def replicates(self, table: pd.DataFrame, given: ScoringInput) -> Drawn:
        """Of every built-in classification metric."""
        return drawn_of_classes(table, given.classes)

    def right(self, table: pd.DataFrame) -> NDArray[np.bool_] | None:
        """Which slices are given their class."""
        return right_of(table)

    def metrics(self, identity: CellIdentity, registry: Registry) -> list[Metric]:
        """The metrics of classification."""
        return metrics_of(registry, "classification")

    def pictures(self, cell: Cell, prediction: Prediction, scores: Scores, folder: Path) -> Iterator[Picture]:
        """What it got right and wrong, how sure it was, and where it looked."""
        from tumorbench import figures

        arrays, classes, ids = prediction.pictures, cell.dataset.spec.classes, test_columns(cell)["sample_id"]
        assert scores.confusion is not None
        shown = (arrays["images"], arrays["labels"], arrays["probabilities"], classes, ids)
        yield "confusion matrix", partial(figures.confusion_matrix, scores.confusion, classes)
        yield "worst mistakes", partial(figures.worst_mistakes, *shown)
        yield "predictions", partial(figures.predictions_grid, *shown)
        calibration = (arrays["labels"], arrays["probabilities"])
        yield "calibration", partial(figures.reliability_diagram, *calibration, temperature=prediction.temperature)
        if "maps" in arrays:
            chosen = arrays["attended"]
            yield (
                "attention",
                partial(
                    figures.attention_examples,
                    arrays["images"][chosen],
                    arrays["maps"],
                    arrays["labels"][chosen],
                    arrays["probabilities"][chosen],
                    classes,
                    [ids[index] for index in chosen],
                    masks=arrays.get("masks"),
                ),
            )


def _table(
    network: Network,
    cell: Cell,
    images: Slices,
    probabilities: Probabilities,
    temperature: float | None,
    shares: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    autocast: Callable[[], Any],
) -> pd.DataFrame:
    """The predictions; under the paper protocol with the augmented copies by which the source enlarged its test set."""
    columns, labels = test_columns(cell), images.labels.cpu().numpy()
    copies = range(1, 1 + cell.recipe.augmented_test_copies) if cell.identity.protocol == "paper" else range(0)
    if copies:
        more = [_of_copy(network, cell, images, copy, autocast) for copy in copies]
        probabilities = np.concatenate([probabilities, *more])
        labels = np.tile(labels, 1 + len(copies))
        own = columns["sample_id"]
        columns = {name: values * (1 + len(copies)) for name, values in columns.items()}
        columns["sample_id"] = own + [f"{each}{COPY}{copy}" for copy in copies for each in own]
    if shares:  # of the slices themselves alone
        inside, chance = (np.pad(each, (0, len(labels) - len(each)), constant_values=np.nan) for each in shares)
        shares = inside, chance
    classes = cell.dataset.spec.classes
    return of_classes(columns, labels, probabilities, classes, temperature=temperature, attention=shares)


def _of_copy(network: Network, cell: Cell, images: Slices, copy: int, autocast: Callable[[], Any]) -> Probabilities:
    """The probabilities of a copy of each slice under the recipe's augmentation."""
    from tumorbench.data.batches import augmented_batches, slices_at_once
    from tumorbench.tasks.inference import classify
    from tumorbench.training.mirrored import mirrored

    recipe = cell.recipe
    assert recipe.augmentation is not None
    seed = derive_seed(SPLIT_SEED, "test copy", copy)
    at_once = slices_at_once(recipe.preprocessing.size, images.labels.device.type)
    batches = augmented_batches(images, recipe.preprocessing, recipe.augmentation, seed, at_once)
    return classify(mirrored(network, recipe), batches, autocast)


def _attended(
    network: Network, cell: Cell, images: Slices, probabilities: Probabilities, labels: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """The Grad-CAM ``maps`` of the slices ``attended``, and their ``masks`` where the data set has them; or nothing.

    With masks they are of every slice, for the metric; without, of some for the figure. Nothing where the network has
    no feature map by which it decides.
    """
    from tumorbench.data.batches import normalise
    from tumorbench.tasks.attention import feature_layer, grad_cam
    from tumorbench.tasks.inference import BATCH

    preprocessing, predicted = cell.recipe.preprocessing, probabilities.argmax(1)
    layer = feature_layer(network, normalise(images.images[:1], preprocessing))
    if layer is None:
        return {}
    masks = cell.masks
    right = predicted == labels
    examples = np.concatenate([_spread(np.flatnonzero(right)), _spread(np.flatnonzero(~right))])
    shown = examples if masks is None else np.arange(len(images))
    maps = [
        grad_cam(network, normalise(images.images[chosen], preprocessing), predicted[chosen], layer)
        for chosen in np.array_split(shown, -(-len(shown) // BATCH))
    ]
    found: dict[str, NDArray[Any]] = {"attended": shown, "maps": np.concatenate(maps)}
    return found if masks is None else found | {"masks": np.asarray(masks[cell.split.test])}


def _shares(attended: dict[str, NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """How much of each map lies inside its mask, and how much by chance; None without masks."""
    from tumorbench.tasks.attention import cam_shares

    return cam_shares(attended["maps"], attended["masks"]) if "masks" in attended else None


def _spread(indices: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    """A few of them, evenly spaced: slices come sorted by class."""
    picks = np.linspace(0, len(indices) - 1, min(EXAMPLES, len(indices))).astype(np.int64)
    return np.asarray(np.asarray(indices)[picks], np.int64)
