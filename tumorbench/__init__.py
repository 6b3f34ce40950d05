"""tumorbench: one harness, four public brain-tumour MRI data sets, every model a plugin.

From Python: ``datasets``, ``models``, ``metrics``, ``load``, ``run``, ``evaluate`` and ``results`` (docs/python.md).
All else is what a plugin needs. A name that needs torch or pandas imports it on first use.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version as _version
from types import ModuleType
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
    Search,
    Source,
    SourceFile,
    SplitRule,
    WeightsSpec,
)
from tumorbench.contracts.dataset import Dataset, Sample
from tumorbench.contracts.executor import Executor, ExecutorSettings, Handle
from tumorbench.contracts.hookspecs import hookimpl
from tumorbench.contracts.observer import ObservedCell, Observer, ObserverSettings, ObserverSpec
from tumorbench.contracts.problem import Problem
from tumorbench.contracts.recipe import EarlyStopping, Preprocessing, Quick, Recipe, ReduceOnPlateau
from tumorbench.contracts.record import Record
from tumorbench.contracts.steps import Optimizer, Schedule
from tumorbench.contracts.transforms import Augmentation, Transform
from tumorbench.errors import BadInput, TumorbenchError, Unavailable

if TYPE_CHECKING:
    from tumorbench.api.catalogue import datasets, metrics, models
    from tumorbench.api.evaluating import evaluate
    from tumorbench.api.loading import Part, load
    from tumorbench.api.results import Results, results
    from tumorbench.api.running import run
    from tumorbench.contracts.families import (
        Batch,
        Classifier,
        Generator,
        Mixed,
        Network,
        Segmenter,
        TransferClassifier,
        load_backbone,
        pixel_cross_entropy,
    )
    from tumorbench.contracts.optimizers import build_optimizer
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
    "Mixed",
    "ModelPattern",
    "ModelSpec",
    "Network",
    "ObservedCell",
    "Observer",
    "ObserverSettings",
    "ObserverSpec",
    "Optimizer",
    "Paper",
    "ParameterCount",
    "Part",
    "PixelSpacing",
    "Preprocessing",
    "Problem",
    "Quick",
    "Range",
    "Recipe",
    "Record",
    "ReduceOnPlateau",
    "Reported",
    "Results",
    "Sample",
    "Schedule",
    "Search",
    "Segmenter",
    "Source",
    "SourceFile",
    "SplitRule",
    "TransferClassifier",
    "Transform",
    "TumorbenchError",
    "Unavailable",
    "WeightsSpec",
    "__version__",
    "build_optimizer",
    "datasets",
    "evaluate",
    "hookimpl",
    "load",
    "load_backbone",
    "metrics",
    "models",
    "pixel_cross_entropy",
    "results",
    "run",
    "supervise",
]

__version__ = _version("tumorbench")

_ON_FIRST_USE = {
    "tumorbench.api.catalogue": ("datasets", "metrics", "models"),
    "tumorbench.api.evaluating": ("evaluate",),
    "tumorbench.api.loading": ("Part", "load"),
    "tumorbench.api.results": ("Results", "results"),
    "tumorbench.api.running": ("run",),
    "tumorbench.contracts.families": (
        "Batch", "Classifier", "Generator", "Mixed", "Network", "Segmenter", "TransferClassifier", "load_backbone",
        "pixel_cross_entropy",
    ),
    "tumorbench.contracts.optimizers": ("build_optimizer",),
    "tumorbench.run.supervise": ("supervise",),
}  # fmt: skip
_HOME = {name: module for module, names in _ON_FIRST_USE.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'tumorbench' has no attribute {name!r}")
    found, folder = getattr(import_module(_HOME[name]), name), sys.modules.get(f"tumorbench.{name}")
    if folder:
        vars(found).update(_modules_of(folder))
    return found


def _modules_of(folder: ModuleType) -> dict[str, ModuleType]:
    """The modules of the folder that have been imported, so that ``import tumorbench.run.plan as plan`` finds it."""
    inside = f"{folder.__name__}."
    return {
        name: module
        for name, module in vars(folder).items()
        if isinstance(module, ModuleType) and module.__name__.startswith(inside)
    }


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """The package itself. ``run`` and ``metrics`` are functions of it, and folders of modules too.

    Importing a module of such a folder names the folder in the package, where the function's name is to stay the
    function's: ``from tumorbench.run.plan import ...`` works whatever was used before. The folder's modules are
    attributes of the function (``__getattr__``).
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
