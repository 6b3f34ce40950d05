"""A cell's figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tumorbench import training
from tumorbench.contracts.problem import TSTR_SPLITS
from tumorbench.run.plan import PlannedCell
from tumorbench.tasks.progress_samples import kept_samples
from tumorbench.tasks.score import Score, test_columns

__all__ = ["draw"]


def draw(cell: PlannedCell, fit: training.Fit, result: Score, folder: Path) -> Iterator[tuple[str, Path]]:
    """The cell's figures: (title, path) of each as it is drawn."""
    from tumorbench import figures

    arrays, classes, ids = result.arrays, cell.dataset.spec.classes, test_columns(cell)[0]

    def drawn(what: str, function: Callable[..., None], *content: Any, **options: Any) -> tuple[str, Path]:
        path = folder / f"{what.replace(' ', '-')}.png"
        function(*content, path=path, **options)
        return what, path

    yield drawn("learning curves", figures.learning_curves, fit.history, best_epoch=fit.best_epoch)
    match cell.model.task:
        case "classification":
            yield drawn("confusion matrix", figures.confusion_matrix, result.confusion, classes)
            shown = (arrays["images"], arrays["labels"], arrays["probabilities"], classes, ids)
            yield drawn("worst mistakes", figures.worst_mistakes, *shown)
            yield drawn("predictions", figures.predictions_grid, *shown)
            yield drawn(
                "calibration",
                figures.reliability_diagram,
                arrays["labels"],
                arrays["probabilities"],
                temperature=result.temperature,
            )
            if "maps" in arrays:
                yield drawn(
                    "attention", figures.attention_examples, *_attended(arrays, classes, ids), masks=arrays.get("masks")
                )
        case "segmentation":
            yield drawn(
                "masks", figures.segmentation_examples, arrays["images"], arrays["true"], arrays["predicted"], ids
            )
            if result.confusion is not None:
                yield drawn("confusion matrix", figures.confusion_matrix, result.confusion, classes)
        case "generation":
            knows_class = cell.model.conditional or cell.identity.protocol in TSTR_SPLITS
            by_class = {"labels": arrays["labels"], "classes": classes} if knows_class else {}
            yield drawn(
                "samples", figures.sample_grid, arrays["generated"], title=f"{cell.model.id}, generated", **by_class
            )
            yield drawn(
                "real samples",
                figures.sample_grid,
                arrays["real"][:36],
                title=f"{cell.dataset.spec.id}, real, held out",
            )
            yield drawn("intensities", figures.intensity_histograms, arrays["real"], arrays["generated"])
            for label, (generated, training, distances) in result.closest.items():
                yield drawn(
                    f"closest pairs in {label}",
                    figures.closest_pairs_figure,
                    generated,
                    training,
                    distances,
                    unit=label,
                )
            if "reconstructed" in arrays:
                yield drawn("reconstructions", figures.reconstructions, arrays["originals"], arrays["reconstructed"])
            epochs, grids = kept_samples(folder.parent.parent)
            if epochs:
                yield drawn("samples over training", figures.progress_strip, grids, epochs)


def _attended(arrays: dict[str, Any], classes: Sequence[str], ids: Sequence[str]) -> tuple[Any, ...]:
    """What the attention figure shows: of the test slices those that have a map."""
    chosen = arrays["attended"]
    return (
        arrays["images"][chosen],
        arrays["maps"],
        arrays["labels"][chosen],
        arrays["probabilities"][chosen],
        classes,
        [ids[index] for index in chosen],
    )
