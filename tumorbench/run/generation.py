"""A generator is scored: its images beside held-out real ones, by every metric and every extractor that is to be had."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from tumorbench import batches, evaluate, scoring
from tumorbench.contracts.families import Generator
from tumorbench.run.instruments import extractor_of, metrics_of
from tumorbench.run.plan import Bench, PlannedCell
from tumorbench.run.score import Score
from tumorbench.split import SPLIT_SEED

__all__ = ["reference_sets", "score_generator"]

FEATURE_BATCH = 32
MAX_GENERATED = 2048  # images that a generator is scored on at most


def score_generator(network: Generator, cell: PlannedCell, bench: Bench, autocast: evaluate.Autocast) -> Score:
    """The generator's images beside as many held-out real ones."""
    from tumorbench.metrics.features import extract

    preprocessing = cell.identity.recipe.preprocessing
    to_uint8 = partial(batches.denormalise, preprocessing=preprocessing)
    reference, others = reference_sets(cell)
    images = cell.dataset.images(preprocessing.size, preprocessing.crop)
    real, other_real = np.asarray(images[reference]), np.asarray(images[others])
    labels = np.array([cell.dataset.samples[index].label for index in reference], np.int64)
    sample = partial(evaluate.generate, network, seed=cell.identity.seed, autocast=autocast, to_uint8=to_uint8)
    generated = sample(labels)
    all_s, one_s = evaluate.time_predictions(lambda n: sample(labels[:n]), len(labels))

    faults: scoring.Faults = {}
    values = scoring.score_generation(real, generated, other_real, len(real), metrics_of(bench.registry, "generation", faults=faults), faults=faults)
    with_extractor = metrics_of(bench.registry, "generation", faults=faults, with_extractor=True)
    unavailable: dict[str, str] = {}
    for spec in bench.registry.extractors.values():
        extractor, reason = extractor_of(spec)
        if reason:
            unavailable[spec.id] = reason
            continue
        seen = [extract(each, extractor, bench.device, FEATURE_BATCH) for each in (real, generated, other_real)]
        values += scoring.score_generation(seen[0], seen[1], seen[2], len(real), with_extractor, spec, faults)
    return Score(
        metrics=values,
        predictions=scoring.predictions_of_images(labels, generated),
        times={"predict_all_s": all_s, "predict_one_s": one_s},
        extractors_unavailable=unavailable,
        faults=faults,
        arrays={"real": real, "generated": generated, "labels": labels},
    )


def reference_sets(cell: PlannedCell) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(held-out real slices, as many other real ones): the reference, and what a perfect generator would be.

    Where the protocol holds nothing out, the two are random halves of everything.
    """
    rng = np.random.default_rng(SPLIT_SEED)
    test = rng.permutation(cell.split.test)
    shown = {cell.dataset.slices[index].pixels for index in test}
    others = np.array([index for index in np.concatenate([cell.split.train, cell.split.val]) if cell.dataset.slices[index].pixels not in shown], np.int64)
    if not len(others):
        test, others = np.array_split(test, 2)
    n = min(len(test), len(others), MAX_GENERATED)
    return np.sort(test[:n]), np.sort(rng.permutation(others)[:n])
