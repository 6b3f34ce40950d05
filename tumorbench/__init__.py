"""tumorbench: one harness, four public brain-tumour MRI data sets, every model a plugin.

Everything a plugin needs is a name of this package. Names that need torch are imported on first use.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

from tumorbench.contracts.cards import (
    DatasetSpec,
    ExecutorSpec,
    ExtractorSpec,
    MetricSpec,
    ModelPattern,
    ModelSpec,
    Paper,
    ParameterCount,
    PixelSpacing,
    Range,
    Reported,
    Source,
    SourceFile,
    SplitRule,
    WeightsSpec,
)
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.contracts.executor import Executor, ExecutorSettings, Handle
from tumorbench.contracts.hookspecs import hookimpl
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import (
    Augmentation,
    EarlyStopping,
    Optimizer,
    Preprocessing,
    Quick,
    Recipe,
    ReduceOnPlateau,
)
from tumorbench.errors import BadInput, TumorbenchError, Unavailable

if TYPE_CHECKING:
    from tumorbench.contracts.families import (
        Batch,
        Classifier,
        Generator,
        Network,
        Segmenter,
        TransferClassifier,
        build_optimizer,
        load_backbone,
        pixel_cross_entropy,
    )
    from tumorbench.run.supervise import supervise

__all__ = [
    "Augmentation",
    "BadInput",
    "Batch",
    "Classifier",
    "Dataset",
    "DatasetSpec",
    "EarlyStopping",
    "Executor",
    "ExecutorSettings",
    "ExecutorSpec",
    "ExtractorSpec",
    "Generator",
    "Handle",
    "MetricSpec",
    "ModelPattern",
    "ModelSpec",
    "Network",
    "Optimizer",
    "Paper",
    "ParameterCount",
    "PixelSpacing",
    "Preprocessing",
    "Problem",
    "Quick",
    "Range",
    "Recipe",
    "ReduceOnPlateau",
    "Reported",
    "Sample",
    "Segmenter",
    "Source",
    "SourceFile",
    "SplitRule",
    "TransferClassifier",
    "TumorbenchError",
    "Unavailable",
    "WeightsSpec",
    "build_optimizer",
    "hookimpl",
    "load_backbone",
    "pixel_cross_entropy",
    "supervise",
]

__version__ = _version("tumorbench")

_NEEDS_TORCH = (
    "Batch", "Classifier", "Generator", "Network", "Segmenter", "TransferClassifier", "build_optimizer", "load_backbone", "pixel_cross_entropy",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        return getattr(import_module("tumorbench.contracts.families"), name)
    if name == "supervise":
        return import_module("tumorbench.run.supervise").supervise
    raise AttributeError(f"module 'tumorbench' has no attribute {name!r}")
