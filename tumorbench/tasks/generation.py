"""Generation: images like the real ones. Scored from the images themselves, beside real ones held out and others.

All generators of a data set are compared with the same images at one size (``tumorbench.tasks.sizes``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cell import CellIdentity
from tumorbench.data.split import SPLIT_SEED
from tumorbench.errors import BadInput, Unavailable
from tumorbench.registry import Registry
from tumorbench.tasks.base import Picture, Prediction, Scores, ScoringInput, Task
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.predictions import images_of, of_images
from tumorbench.tasks.scores.instruments import Metric, metrics_of

if TYPE_CHECKING:
    import pandas as pd

    from tumorbench.contracts.families import Network
    from tumorbench.data.batches import Slices
    from tumorbench.tasks.material import Material

__all__ = ["Generation", "pictures_of_samples", "reference_sets", "validation_of_generator"]

MAX_GENERATED = 1024  # images that a generator is scored on at most
VALIDATION_LIMIT = 128  # held-out images beside which a generator's epochs are compared, and as many samples
RECONSTRUCTED = 12  # held-out images that an autoencoder is shown to give back
SAMPLES_FOLDER = "samples-over-training"  # in the cell's folder, until it is finished
SHOWN_EPOCHS = 12  # at most, evenly spaced, in which samples over training are kept
LATENTS = 8  # of the samples over training; classes in turn


class Generation(Task):
    """A generator: latent and class -> image."""

    name = "generation"
    headlines = (
        "kid",
        "coverage",
        "fid",
        "density",
        "manifold_precision",
        "manifold_recall",
        "inception_score",
        "memorisation",
        "nearest_ratio",
        "ks_d",
        "wasserstein_1",
        "ks_d_foreground",
        "diversity",
    )
    monitors = ("val_block_distance", "val_loss")
    scored_from_table = False

    def validation(self, cell: Cell, slices: Slices, tools: Tools) -> Callable[[Network], dict[str, float]] | None:
        """The block distance of held-out and generated images, and own values of the model; None without any."""
        return validation_of_generator(cell, slices, tools)

    def after_epoch(self, network: Network, epoch: int, cell: Cell, tools: Tools, folder: Path) -> None:
        """What the network makes of the same few latents lies in the cell's folder, for the epochs that are shown."""
        from tumorbench.tasks.inference import paint

        if epoch not in np.linspace(1, cell.recipe.epochs, SHOWN_EPOCHS).round():
            return
        labels = np.arange(LATENTS, dtype=np.int64) % len(cell.dataset.spec.classes)
        (folder / SAMPLES_FOLDER).mkdir(exist_ok=True)
        np.save(folder / SAMPLES_FOLDER / f"{epoch:05}.npy", paint(network, labels, cell, tools))

    def forget_epochs(self, folder: Path) -> None:
        """The samples over training are gone."""
        shutil.rmtree(folder / SAMPLES_FOLDER, ignore_errors=True)

    def predict(self, network: Network, cell: Cell, material: Material, tools: Tools, folder: Path) -> Prediction:
        """As many images as are held out (at most 1024), of the same classes."""
        from tumorbench.tasks.inference import paint, timed_predictions

        reference, images, labels = reference_sets(cell)[0], cell.images, cell.labels
        wanted = labels[reference]
        generated, times = timed_predictions(lambda n: paint(network, wanted[:n], cell, tools), len(wanted))
        real = np.asarray(images[reference])
        pictures: dict[str, NDArray[Any]] = {"real": real, "generated": generated, "labels": wanted}
        pictures |= _reconstructed(network, real, wanted, cell, tools) | _kept_samples(folder)
        parts = _values_of_parts(network, cell, material, tools)
        return Prediction(of_images(wanted, generated), times, parts, pictures=pictures)

    def score(self, table: pd.DataFrame, given: ScoringInput) -> Scores:
        """Every generation metric of the table's images, by every extractor that is available.

        Raises: Unavailable without the real images; BadInput where these are not those that the table was made beside.
        """
        if given.real is None:
            raise Unavailable("a generator's images are scored beside the real ones, which are not here")
        from tumorbench.tasks.comparison import Images, compare
        from tumorbench.tasks.sizes import compared_size, resized

        cell = given.real()
        (reference, others), labels = reference_sets(cell), cell.labels
        if not np.array_equal(labels[reference], table["label"].to_numpy()):
            raise BadInput("the table's images are not of the classes that this split holds out; run the cell again")
        size = compared_size(cell.dataset)
        generated, real = resized(images_of(table), size), cell.dataset.images(size)
        images = Images(cell, generated, real, reference, others, labels)
        metrics = given.wanted(self.metrics(given.identity, given.registry))
        applied, closest = compare(images, metrics, given.device, pairs=given.only is None)
        return Scores.of(applied, closest=closest)

    def metrics(self, identity: CellIdentity, registry: Registry) -> list[Metric]:
        """The metrics of generation, by every installed extractor."""
        return metrics_of(registry, "generation")

    def pictures(self, cell: Cell, prediction: Prediction, scores: Scores, folder: Path) -> Iterator[Picture]:
        """Samples, their intensities, their nearest training images, and how they came about."""
        from tumorbench import figures

        arrays = prediction.pictures
        yield from pictures_of_samples(cell, arrays, by_class=cell.model.conditional)
        for label, pairs in scores.closest.items():
            yield f"closest pairs in {label}", partial(figures.closest_pairs_figure, *pairs, unit=label)
        if "reconstructed" in arrays:
            yield "reconstructions", partial(figures.reconstructions, arrays["originals"], arrays["reconstructed"])
        if "epochs" in arrays:
            yield (
                "samples over training",
                partial(figures.progress_strip, arrays["progress"], arrays["epochs"].tolist()),
            )


def validation_of_generator(cell: Cell, slices: Slices, tools: Tools) -> Callable[[Network], dict[str, float]] | None:
    """As ``Task.validation``, on some of ``slices``, evenly spaced."""
    from tumorbench.data.batches import to_unit
    from tumorbench.tasks.inference import autocast_of, batches_of
    from tumorbench.tasks.validation import validate_generator

    if not len(slices):
        return None
    shown = slices.spread(VALIDATION_LIMIT)
    labels, autocast = shown.labels.cpu().numpy(), autocast_of(cell, tools)
    unit = partial(to_unit, preprocessing=cell.recipe.preprocessing)
    return lambda network: validate_generator(network, batches_of(shown, cell), labels, SPLIT_SEED, autocast, unit)


def pictures_of_samples(cell: Cell, arrays: dict[str, NDArray[Any]], *, by_class: bool) -> Iterator[Picture]:
    """Generated and real images, and their intensities. by_class: a row for each class."""
    from tumorbench import figures

    labels, classes = (arrays["labels"], cell.dataset.spec.classes) if by_class else (None, None)
    title = f"{cell.model.id}, generated"
    samples = partial(figures.sample_grid, arrays["generated"], labels=labels, classes=classes, title=title)
    yield "samples", samples
    title = f"{cell.dataset.spec.id}, real, held out"
    yield "real samples", partial(figures.sample_grid, arrays["real"][:36], title=title)
    yield "intensities", partial(figures.intensity_histograms, arrays["real"], arrays["generated"])


def reference_sets(cell: Cell) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(held-out real slices, as many other real ones): the reference, and what a perfect generator would be.

    Where the protocol holds nothing out, the two are random halves of everything.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    test = rng.permutation(cell.split.test)
    shown = {cell.dataset.slices[index].pixels for index in test}
    learned = np.concatenate([cell.split.train, cell.split.val])
    others = np.array([index for index in learned if cell.dataset.slices[index].pixels not in shown], np.int64)
    if not len(others):
        test, others = np.array_split(test, 2)
    n = min(len(test), len(others), MAX_GENERATED)
    return np.sort(test[:n]), np.sort(rng.permutation(others)[:n])


def _values_of_parts(network: Network, cell: Cell, material: Material, tools: Tools) -> dict[str, dict[str, float]]:
    """What the generator itself says of held-out images, as an autoencoder's loss; nothing for most generators."""
    from tumorbench.tasks.inference import autocast_of, batches_of
    from tumorbench.tasks.validation import own_values

    found = {}
    for part in ("val", "test"):
        slices = material.slices[part]
        if values := own_values(network, batches_of(slices, cell), autocast_of(cell, tools)):
            found[part] = values | {"n": float(len(slices))}
    return found


def _reconstructed(
    network: Network, real: NDArray[np.uint8], labels: NDArray[np.int64], cell: Cell, tools: Tools
) -> dict[str, NDArray[np.uint8]]:
    """Held-out images and what an autoencoder gives back of them; nothing for a generator of another kind."""
    import torch

    from tumorbench.contracts.families import Generator
    from tumorbench.data.batches import Slices, denormalise, evaluation_batches
    from tumorbench.tasks.inference import autocast_of

    assert isinstance(network, Generator)
    shown = np.linspace(0, len(real) - 1, min(RECONSTRUCTED, len(real))).round().astype(int)  # of every class
    slices = Slices.of(real[shown], labels[shown], None, tools.device)
    (batch,) = evaluation_batches(slices, cell.recipe.preprocessing, len(slices))
    with torch.inference_mode(), autocast_of(cell, tools)():
        found = network.reconstruct(batch)
    if found is None:
        return {}
    return {"originals": real[shown], "reconstructed": denormalise(found, cell.recipe.preprocessing).cpu().numpy()}


def _kept_samples(folder: Path) -> dict[str, NDArray[Any]]:
    """``epochs`` and their samples, uint8 ``(epochs, latents, size, size)``; nothing where none were kept."""
    paths = sorted((folder / SAMPLES_FOLDER).glob("*.npy"))
    if not paths:
        return {}
    return {
        "epochs": np.array([int(path.stem) for path in paths]),
        "progress": np.stack([np.load(path) for path in paths]),
    }
