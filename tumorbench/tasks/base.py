"""A task: what the harness does with every network of one kind, the same for all competitors. Loads no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from numpy.typing import NDArray

from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.record import INTERVALS_VERSION, Instrument, MetricValue, Record
from tumorbench.registry import Registry
from tumorbench.statistics.replicates import Drawn
from tumorbench.tasks.cell import Cell, Tools
from tumorbench.tasks.scores.instruments import Applied, Key, Metric, source_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tumorbench.contracts.families import Network
    from tumorbench.data.batches import Slices
    from tumorbench.tasks.material import Material

__all__ = ["Picture", "Prediction", "Scores", "ScoringInput", "Task"]

PART_LIMIT = 512  # training slices on which the scored weights are evaluated once more
Validation = Callable[["Network"], dict[str, float]]
Pairs = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
Picture = tuple[str, Callable[..., None]]
"""(title, what draws it at the ``path`` that it is called with)."""


@dataclass(slots=True)
class Prediction:
    """What a trained network says of its cell.

    table: from which the scores follow. times: ``predict_all_s`` and ``predict_one_s``. parts: part of the split ->
    loss, accuracy or Dice of the scored weights, and ``n``. temperature: of a classifier's logits, as fitted on the
    validation part. pictures: arrays that the figures show.
    """

    table: pd.DataFrame
    times: dict[str, float] = field(default_factory=dict)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    temperature: float | None = None
    pictures: dict[str, NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scores:
    """What a table of predictions is worth.

    instruments: one for each metric that was applied, with the reason where it gave no value. confusion:
    ``[true][predicted]`` counts. closest: kind of features -> (generated, training, distances) of the closest pairs.
    """

    metrics: list[MetricValue] = field(default_factory=list)
    instruments: list[Instrument] = field(default_factory=list)
    confusion: tuple[tuple[int, ...], ...] | None = None
    closest: dict[str, Pairs] = field(default_factory=dict)

    @classmethod
    def of(cls, applied: Iterable[Applied], **rest: Any) -> Scores:
        """The values and the instruments of what was applied."""
        found = list(applied)
        values = [value for each in found for value in each.metric_values]
        return cls(values, [each.instrument for each in found], **rest)

    def added_to(self, record: Record) -> Record:
        """The record with these scores; what the same instruments gave before is replaced."""
        mine = {(each.metric, each.extractor) for each in self.instruments}
        names = {value.name for value in self.metrics}
        kept = [value for value in record.metrics if source_of(value) not in mine and value.name not in names]
        others = [each for each in record.instruments if (each.metric, each.extractor) not in mine]
        update: dict[str, Any] = {
            "metrics": (*kept, *self.metrics),
            "instruments": (*others, *self.instruments),
            "intervals": INTERVALS_VERSION,  # ``lacking`` names what has older ones too
        }
        return record.model_copy(update=update | ({"confusion": self.confusion} if self.confusion is not None else {}))


@dataclass(frozen=True, slots=True)
class ScoringInput:
    """What a table is scored with.

    mask_classes: of the data set; empty where its card is not installed. only: the (metric, extractor) that are wanted,
    None for all. real: gives the cell with its real images, which a generator's scores need; None without data.
    device: where features are extracted.
    """

    identity: CellIdentity
    classes: tuple[str, ...]
    mask_classes: tuple[str, ...]
    registry: Registry
    only: Collection[Key] | None = None
    real: Callable[[], Cell] | None = None
    device: Literal["cpu", "cuda"] = "cpu"

    @classmethod
    def of_cell(cls, cell: Cell, tools: Tools, only: Collection[Key] | None = None) -> ScoringInput:
        """For a cell whose data are at hand."""
        spec = cell.dataset.spec
        return cls(
            cell.identity, spec.classes, spec.mask_classes, tools.registry, only, real=lambda: cell, device=tools.device
        )

    @classmethod
    def of_record(cls, record: Record, registry: Registry, only: Collection[Key] | None = None) -> ScoringInput:
        """For a record's stored table, without the data set."""
        spec = registry.datasets.get(record.identity.dataset)
        return cls(record.identity, record.classes, spec.mask_classes if spec else (), registry, only)

    def wanted(self, metrics: Iterable[Metric]) -> list[Metric]:
        """Those that are to be applied."""
        return [metric for metric in metrics if self.only is None or metric.key in self.only]


class Task(ABC):
    """What the harness does for one task. One object serves every cell: it holds nothing of any of them.

    headlines: the metrics that a board shows, in its order. monitors: the validation values that a recipe may watch.
    scored_from_table: whether scores follow from the table of predictions alone, without the real images.
    """

    name: ClassVar[str]
    headlines: ClassVar[tuple[str, ...]]
    monitors: ClassVar[tuple[str, ...]]
    scored_from_table: ClassVar[bool] = True

    def network(self, cell: Cell, tools: Tools) -> Network:
        """The cell's network with freshly drawn weights, on the device."""
        from tumorbench.tasks.material import fresh_network

        return fresh_network(cell, tools)

    def gather(self, cell: Cell, network: Network, tools: Tools) -> Material:
        """The slices of each part of the split, on the device, and what the network learns from."""
        from tumorbench.tasks.material import gather

        return gather(cell, network, tools)

    @abstractmethod
    def validation(self, cell: Cell, slices: Slices, tools: Tools) -> Validation | None:
        """How the loop validates on ``slices``, the values by ``val_NAME``; None where nothing is held out for it."""

    def after_epoch(self, network: Network, epoch: int, cell: Cell, tools: Tools, folder: Path) -> None:  # noqa: B027
        """What the figures will show of this epoch lies in the cell's folder; nothing by default."""

    def forget_epochs(self, folder: Path) -> None:  # noqa: B027
        """What ``after_epoch`` kept in the cell's folder is gone."""

    @abstractmethod
    def predict(self, network: Network, cell: Cell, material: Material, tools: Tools, folder: Path) -> Prediction:
        """What the trained network says of the test slices, or the images that it makes. folder: the cell's."""

    def values_of_parts(
        self, network: Network, cell: Cell, material: Material, tools: Tools
    ) -> dict[str, dict[str, float]]:
        """The validation values of the scored weights: on some of the training part, and those that training found."""
        found, slices = {}, material.learned["train"].spread(PART_LIMIT)
        if validate := self.validation(cell, slices, tools):
            values = {name.removeprefix("val_"): value for name, value in validate(network).items()}
            found["train"] = values | {"n": float(len(slices))}
        if material.validated:
            found["val"] = material.validated | {"n": float(len(material.learned["val"]))}
        return found

    @abstractmethod
    def score(self, table: pd.DataFrame, given: ScoringInput) -> Scores:
        """What the table is worth; the same for the table itself and for one read back from Parquet.

        Raises: Unavailable where it needs the real images and has none.
        """

    def replicates(self, table: pd.DataFrame, given: ScoringInput) -> Drawn:
        """Bootstrap replicates of the built-in values of the table over its clusters; none by default.

        Two tables of the same test samples are resampled alike, so that their replicates are pairs.
        """
        return Drawn()

    def right(self, table: pd.DataFrame) -> NDArray[np.bool_] | None:
        """Which rows of the table are right, ``(n,)``; None where the task has no such thing."""
        return None

    def holds(self, table: pd.DataFrame, metric: str) -> bool:
        """Whether the value named ``metric`` follows from this table; one of an older version may lack something."""
        return True

    @abstractmethod
    def metrics(self, identity: CellIdentity, registry: Registry) -> list[Metric]:
        """The installed metrics of such a cell, each with the extractor on whose features it works."""

    def instruments(self, identity: CellIdentity, registry: Registry) -> list[Instrument]:
        """What such a cell is scored by here and now."""
        return [metric.instrument() for metric in self.metrics(identity, registry)]

    def lacking(self, record: Record, registry: Registry, *, again: bool = False) -> list[Key]:
        """What is installed and the record was not scored by, at least not in that version.

        again: also what it was scored by to no avail, because a function raised or an extractor was not available. All
        that is installed, where the record's intervals are of an older version.
        """
        there = {_identity(each) for each in record.instruments if not (again and each.reason)}
        here = self.instruments(record.identity, registry)
        old = record.intervals != INTERVALS_VERSION
        return [(each.metric, each.extractor) for each in here if old or _identity(each) not in there]

    def unchecked(self, record: Record, registry: Registry) -> list[str]:
        """What the record was scored by and is not installed in that version, as ``ID`` or ``ID[EXTRACTOR]``."""
        here = {_identity(each) for each in self.instruments(record.identity, registry)}
        missing = [each for each in record.instruments if _identity(each) not in here]
        return [f"{each.metric}[{each.extractor}]" if each.extractor else each.metric for each in missing]

    def draw(
        self,
        cell: Cell,
        history: Sequence[Mapping[str, float]],
        best_epoch: int | None,
        prediction: Prediction,
        scores: Scores,
        folder: Path,
        figures_folder: Path,
    ) -> Iterator[tuple[str, Path]]:
        """The cell's figures: (title, path) of each as it is drawn in ``figures_folder``.

        history: empty where another cell trained the network. folder: the cell's.
        """
        from tumorbench import figures

        curves: Picture = "learning curves", partial(figures.learning_curves, history, best_epoch=best_epoch)
        own = self.pictures(cell, prediction, scores, folder)
        for title, drawn in (curves, *own) if history else own:
            path = figures_folder / f"{title.replace(' ', '-')}.png"
            drawn(path=path)
            yield title, path

    @abstractmethod
    def pictures(self, cell: Cell, prediction: Prediction, scores: Scores, folder: Path) -> Iterator[Picture]:
        """The task's own figures, by which ``draw`` goes."""


def _identity(instrument: Instrument) -> tuple[str | None, ...]:
    return instrument.metric, instrument.version, instrument.extractor, instrument.extractor_version
