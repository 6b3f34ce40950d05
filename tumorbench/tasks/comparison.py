"""Generated images beside real ones: what each metric gives, on the pixels and on the features of every extractor."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cards import ExtractorSpec
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.files.whole import written_whole
from tumorbench.data.kinship import thumbnails_of
from tumorbench.data.locations import cache_root
from tumorbench.errors import INTERRUPTIONS, one_line
from tumorbench.metrics.features import Features, extract, pixel_features
from tumorbench.metrics.memorisation import closest_pairs
from tumorbench.metrics.uncertainty import replicates
from tumorbench.statistics.intervals import interval
from tumorbench.tasks.cell import Cell
from tumorbench.tasks.scores.instruments import PIXELS, Applied, Metric, apply, extractor_of, interval_of

__all__ = ["CLOSEST", "Images", "Pairs", "Sides", "compare"]

FEATURE_BATCH = 32
CLOSEST = 12  # pairs of a generated and its nearest training image that are shown
LEAST_OF_CLASS = 20  # images below which a class has no value of its own
NOT_PER_CLASS = ("fid_infinity", "inception_score")
Pairs = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Images:
    """The generated images of one cell and its real ones, at the size at which generators are compared.

    generated: uint8 ``(n, size, size)``. everything: the data set's whole slices at that size. reference, others:
    positions in it of ``n`` held-out real slices and of as many other real ones. label_of: of every slice.
    """

    cell: Cell
    generated: NDArray[np.uint8]
    everything: NDArray[np.uint8]
    reference: NDArray[np.int64]
    others: NDArray[np.int64]
    label_of: NDArray[np.int64]

    @property
    def unseen(self) -> NDArray[np.int64]:
        """Those of the reference whose cluster (patient, near-copies) has no image in training: what memory is told by."""
        kin, split = self.cell.split.kin, self.cell.split
        learned = {kin.clusters[index] for index in split.train}
        return np.array([index for index in self.reference if kin.clusters[index] not in learned], np.int64)


@dataclass(frozen=True, slots=True)
class Sides:
    """What a metric compares: uint8 images, or ``Features`` of them. training: what the generator learned from.

    real: held out; where memory is told, those alone of which training has seen no other image of their cluster.
    """

    generated: Any
    real: Any
    others: Any
    training: Any


def compare(
    images: Images, metrics: Sequence[Metric], device: str, *, pairs: bool
) -> tuple[list[Applied], dict[str, Pairs]]:
    """(what each metric gives, the closest pairs of generated and training images by kind of features).

    pairs: whether these are wanted. An extractor that is not available, or fails, is the reason of its metrics.
    """
    applied, closest = [], {}
    for extractor, own in _by_extractor(metrics):
        found = _pixels(images, device) if extractor is None else _features(images, extractor, device)
        if isinstance(found, str):
            applied += [Applied(metric, reason=found) for metric in own]
            continue
        compared, remembered = found
        label = extractor.id if extractor else PIXELS
        applied += [
            _memory(metric, remembered, images, label)
            if metric.spec.needs == "memory"
            else _distance(metric, compared, images)
            for metric in own
        ]
        if pairs:
            closest[label] = _closest(remembered, images)
    return applied, closest


def _by_extractor(metrics: Sequence[Metric]) -> Iterator[tuple[ExtractorSpec | None, list[Metric]]]:
    """The metrics that work on the pixels, and those of each extractor."""
    specs = {metric.extractor.id if metric.extractor else "": metric.extractor for metric in metrics}
    for spec in sorted(specs.values(), key=lambda spec: spec is not None):
        yield spec, [metric for metric in metrics if metric.extractor == spec]


def _pixels(images: Images, device: str) -> tuple[Sides, Sides]:
    """(the images, for metrics of intensities; their pixels as features, for those of memorisation)."""
    from tumorbench.tasks.scores.likeness import nearest_training

    everything, cell = images.everything, images.cell
    sides = Sides(
        images.generated,
        np.asarray(everything[images.reference]),
        np.asarray(everything[images.others]),
        np.asarray(everything[cell.split.train]),
    )
    learned = thumbnails_of(cell.dataset)[:, cell.split.train]
    generated, real = (
        replace(pixel_features(each), nearest=nearest_training(each, learned, device))
        for each in (sides.generated, np.asarray(everything[images.unseen]))
    )
    return sides, Sides(generated, real, pixel_features(sides.others), pixel_features(sides.training))


def _features(images: Images, spec: ExtractorSpec, device: str) -> tuple[Sides, Sides] | str:
    """The features by one extractor, twice, or why there are none."""
    extractor, reason = extractor_of(spec)
    if reason:
        return reason
    try:
        everything = _real_features(images, spec, extractor, device)
        generated = extract(images.generated, extractor, device, FEATURE_BATCH)
    except INTERRUPTIONS:
        raise
    except BaseException as error:  # noqa: BLE001 - a stranger's extractor may raise anything
        return f"extractor failed: {one_line(error, 300)}"
    train = images.cell.split.train
    sides = Sides(generated, everything[images.reference], everything[images.others], everything[train])
    return sides, replace(sides, real=everything[images.unseen])


def _real_features(images: Images, spec: ExtractorSpec, extractor: Any, device: str) -> Features:
    """The extractor's features of every real slice: computed once for all generators, and kept in the cache."""
    cell, size = images.cell, images.everything.shape[-1]
    content = [spec.id, spec.version, cell.dataset.fingerprint, size, "none", device]
    name = f"{spec.id}-{hashlib.sha256(canonical_json(content)).hexdigest()[:32]}.npz"
    path = cache_root() / "features" / cell.dataset.spec.id / name
    if path.exists():
        with np.load(path) as kept:
            return Features(kept["features"], kept.get("logits", None), extractor.get_name())
    found = extract(np.asarray(images.everything), extractor, device, FEATURE_BATCH)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {"features": found.features, "logits": found.logits}
    with written_whole(path) as file:
        np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return found


def _distance(metric: Metric, sides: Sides, images: Images) -> Applied:
    """The metric between all generated and as many held-out images, and of a conditional generator for each class."""
    kin = np.array(images.cell.split.kin.clusters)[images.reference]
    found = _beside_ideal(metric, sides.real, sides.generated, sides.others, kin)
    if not images.cell.model.conditional or metric.spec.id in NOT_PER_CLASS:
        return found
    labels, other_labels = images.label_of[images.reference], images.label_of[images.others]
    of_classes = []
    for label, name in enumerate(images.cell.dataset.spec.classes):
        own, ideal = np.flatnonzero(labels == label), np.flatnonzero(other_labels == label)
        n = min(len(own), len(ideal))
        if n >= LEAST_OF_CLASS:
            chosen = own[:n]
            each = _beside_ideal(
                metric, sides.real[chosen], sides.generated[chosen], sides.others[ideal[:n]], kin[chosen]
            )
            of_classes.append(_named(each, f"/{name}"))
    return found.beside(*of_classes)


def _beside_ideal(metric: Metric, real: Any, generated: Any, others: Any, kin: NDArray[np.str_]) -> Applied:
    """The metric between real and generated images, with its interval, beside its value for as many other real ones.

    kin: the clusters of the real images.
    """
    ideal = apply(metric, (real, others), len(real))
    found = _sure(apply(metric, (real, generated), len(real)), (real, generated), (kin.tolist(), None))
    of_real = {value.name: value.value for value in ideal.metric_values}
    values = (value.model_copy(update={"real_vs_real": of_real.get(value.name)}) for value in found.metric_values)
    found = replace(found, metric_values=tuple(values), reason=found.reason or ideal.reason)
    if metric.extractor is None:
        return found
    return _named(found.changed(comparable=metric.extractor.comparable), f"[{metric.extractor.id}]")


def _memory(metric: Metric, sides: Sides, images: Images, label: str) -> Applied:
    """How near generated images come to the training images, beside how near held-out real ones come."""
    arguments = (sides.generated, sides.training, sides.real)
    held_out = np.array(images.cell.split.kin.clusters)[images.unseen].tolist()
    found = _sure(apply(metric, arguments, len(sides.generated)), arguments, (None, held_out))
    if label == PIXELS:  # what a share or a ratio of deep features is for held-out images, is so by its definition
        ideal = apply(metric, (sides.real, sides.training, sides.real), len(sides.real))
        of_real = {value.name: value.value for value in ideal.metric_values}
        values = (value.model_copy(update={"real_vs_real": of_real.get(value.name)}) for value in found.metric_values)
        found = replace(found, metric_values=tuple(values))
    return _named(found, f"[{label}]")


def _sure(applied: Applied, arguments: tuple[Any, ...], clusters: tuple[list[str] | None, list[str] | None]) -> Applied:
    """The same, with the 95 % interval of the metric's value over the clusters of both sides."""
    metric = applied.metric.spec.id
    drawn = replicates(metric)
    if drawn is None:
        return applied

    def give(*sets: Any) -> dict[str, tuple[float, float] | None]:
        found = drawn(*sets, clusters=clusters)
        if found is None:
            return {}
        return {metric: interval(found.value, found.draws, found.clusters, found.value_range, halves=True)}

    return interval_of(applied, give, arguments)


def _named(applied: Applied, suffix: str) -> Applied:
    """The same, with the suffix after each value's name."""
    values = (value.model_copy(update={"name": value.name + suffix}) for value in applied.metric_values)
    return replace(applied, metric_values=tuple(values))


def _closest(sides: Sides, images: Images) -> Pairs:
    """The generated images that are nearest to a training image, those training images, and the distances."""
    pairs = closest_pairs(sides.generated, sides.training, CLOSEST)
    training = images.everything[images.cell.split.train[pairs.training]]
    return images.generated[pairs.generated], np.asarray(training), pairs.distances
