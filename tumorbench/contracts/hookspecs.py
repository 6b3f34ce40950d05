"""The hooks: the whole interface between tumorbench and a plugin package."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from tumorbench.contracts.cards import (
    DatasetSpec,
    ExecutorSpec,
    ExtractorSpec,
    MetricSpec,
    ModelPattern,
    ModelSpec,
    WeightsSpec,
)
from tumorbench.contracts.observer import ObserverSpec

__all__ = [
    "hookimpl",
    "tumorbench_datasets",
    "tumorbench_executors",
    "tumorbench_extractors",
    "tumorbench_metrics",
    "tumorbench_model_patterns",
    "tumorbench_models",
    "tumorbench_observers",
    "tumorbench_weights",
]

hookspec = pluggy.HookspecMarker("tumorbench")
hookimpl = pluggy.HookimplMarker("tumorbench")


@hookspec
def tumorbench_datasets() -> Iterable[DatasetSpec]:
    """Cards of the data sets that this plugin provides."""
    raise NotImplementedError


@hookspec
def tumorbench_models() -> Iterable[ModelSpec]:
    """Cards of the models that this plugin provides."""
    raise NotImplementedError


@hookspec
def tumorbench_metrics() -> Iterable[MetricSpec]:
    """Cards of the metrics that this plugin provides."""
    raise NotImplementedError


@hookspec
def tumorbench_extractors() -> Iterable[ExtractorSpec]:
    """Cards of the feature extractors that this plugin provides for the generation metrics."""
    raise NotImplementedError


@hookspec
def tumorbench_model_patterns() -> Iterable[ModelPattern]:
    """Families of models that this plugin makes by name (``timm/NAME``), too many to list."""
    raise NotImplementedError


@hookspec
def tumorbench_weights() -> Iterable[WeightsSpec]:
    """Pretrained weights that this plugin carries or knows how to fetch."""
    raise NotImplementedError


@hookspec
def tumorbench_executors() -> Iterable[ExecutorSpec]:
    """Cards of the executors that this plugin provides: where cells are computed."""
    raise NotImplementedError


@hookspec
def tumorbench_observers() -> Iterable[ObserverSpec]:
    """Cards of the observers that this plugin provides: who is told of a run as it goes on."""
    raise NotImplementedError
