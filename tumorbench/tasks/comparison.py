"""Generated images beside real ones: what each metric gives, on the pixels and on the features of every extractor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.cards import ExtractorSpec
from tumorbench.data.kinship import thumbnails_of
from tumorbench.errors import INTERRUPTIONS, one_line
from tumorbench.metrics.features import pixel_features
from tumorbench.metrics.memorisation import closest_pairs
from tumorbench.metrics.uncertainty import replicates
from tumorbench.statistics.intervals import interval
from tumorbench.tasks.cell import Cell
from tumorbench.tasks.reals import features_of, real_features, real_nearest
from tumorbench.tasks.scores.instruments import PIXELS, Applied, Metric, apply, extractor_of, interval_of

__all__ = ["CLOSEST", "Images", "Pairs", "Sides", "compare"]

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
class Compared:
    """Two sets that are compared, and as many other real images: all, or one class's. kin: clusters of the real ones.

    The same objects for every metric, so that what several of them need of a set is computed once.
    """

    suffix: str
    real: Any
    generated: Any
    others: Any
    kin: list[str]


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
        label, sets = extractor.id if extractor else PIXELS, list(_sets(compared, images))
        applied += [
            _memory(metric, remembered, images, label) if metric.spec.needs == "memory" else _distance(metric, sets)
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

    everything, cell, unseen = images.everything, images.cell, images.unseen
    sides = Sides(
        images.generated,
        np.asarray(everything[images.reference]),
        np.asarray(everything[images.others]),
        np.asarray(everything[cell.split.train]),
    )
    learned = thumbnails_of(cell.dataset)[:, cell.split.train]
    held_out = np.asarray(everything[unseen])
    near = real_nearest(
        cell.dataset,
        everything.shape[-1],
        cell.split.train,
        unseen,
        lambda: nearest_training(held_out, learned, device),
    )
    generated = replace(pixel_features(sides.generated), nearest=nearest_training(sides.generated, learned, device))
    real = replace(pixel_features(held_out), nearest=near)
    return sides, Sides(generated, real, pixel_features(sides.others), pixel_features(sides.training))


def _features(images: Images, spec: ExtractorSpec, device: str) -> tuple[Sides, Sides] | str:
    """The features by one extractor, twice, or why there are none."""
    extractor, reason = extractor_of(spec)
    if reason:
        return reason
    try:
        everything = real_features(images.cell.dataset, images.everything, spec, extractor, device)
        generated = features_of(images.generated, extractor, device)
    except INTERRUPTIONS:
        raise
    except BaseException as error:  # noqa: BLE001 - a stranger's extractor may raise anything
        return f"extractor failed: {one_line(error, 300)}"
    train = images.cell.split.train
    sides = Sides(generated, everything[images.reference], everything[images.others], everything[train])
    return sides, replace(sides, real=everything[images.unseen])


def _sets(sides: Sides, images: Images) -> Iterator[Compared]:
    """All generated and as many held-out images, then a conditional generator's of each class that has enough."""
    kin = np.array(images.cell.split.kin.clusters)[images.reference]
    yield Compared("", sides.real, sides.generated, sides.others, kin.tolist())
    if not images.cell.model.conditional:
        return
    labels, other_labels = images.label_of[images.reference], images.label_of[images.others]
    for label, name in enumerate(images.cell.dataset.spec.classes):
        own, ideal = np.flatnonzero(labels == label), np.flatnonzero(other_labels == label)
        n = min(len(own), len(ideal))
        if n >= LEAST_OF_CLASS:
            chosen = own[:n]
            others = sides.others[ideal[:n]]
            yield Compared(f"/{name}", sides.real[chosen], sides.generated[chosen], others, kin[chosen].tolist())


def _distance(metric: Metric, sets: Sequence[Compared]) -> Applied:
    """The metric between the two sides, of each class too where it has a value of its own."""
    whole, *classes = (
        _named(_beside_ideal(metric, each), each.suffix)
        for each in (sets[:1] if metric.spec.id in NOT_PER_CLASS else sets)
    )
    return whole.beside(*classes)


def _beside_ideal(metric: Metric, of: Compared) -> Applied:
    """The metric between real and generated images, with its interval, beside its value for as many other real ones."""
    ideal = apply(metric, (of.real, of.others), len(of.real))
    compared = of.real, of.generated
    found = _sure(apply(metric, compared, len(of.real)), compared, (of.kin, None))
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
