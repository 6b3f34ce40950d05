"""What the boards are rendered from: records with their places, and the cards of what is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tumorbench.contracts.cards import DatasetSpec, MetricSpec, ModelSpec, Reported
from tumorbench.contracts.record import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BoardCards", "LocatedRecord", "ReplicatesOfValues", "metric_id"]


class ReplicatesOfValues(Protocol):
    """Replicates of a record's values: what the predictions give, its replicates by name, and of how many clusters."""

    @property
    def observed(self) -> Mapping[str, float]:
        """The values by name."""

    @property
    def draws(self) -> Mapping[str, NDArray[np.float64]]:
        """Their replicates by name, float64 ``(draws,)``."""

    @property
    def clusters(self) -> int:
        """How many clusters were drawn from."""


@dataclass(frozen=True, slots=True)
class LocatedRecord:
    """A record and its file's path relative to the boards' folder, with forward slashes.

    checked: how a published record was checked, as ``publish.marks`` says; "" for one that was not. replicates: gives
    the bootstrap replicates of its values, where there are any.
    """

    record: Record
    path: str
    checked: str = ""
    replicates: Callable[[], ReplicatesOfValues] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class BoardCards:
    """The installed cards by id. A record whose data set or model has none renders from what it says itself."""

    models: Mapping[str, ModelSpec] = field(default_factory=dict)
    datasets: Mapping[str, DatasetSpec] = field(default_factory=dict)
    metrics: Sequence[MetricSpec] = ()

    def model(self, name: str) -> ModelSpec | None:
        """The model's card; ``name`` may carry parameters in brackets."""
        return self.models.get(name) or self.models.get(metric_id(name))

    def reported(self, model: str, dataset: str) -> tuple[Reported, ...]:
        """What the model's source publication reports on that data set; ``model`` may carry parameters in brackets."""
        card = self.model(model)
        return tuple(each for each in card.paper.reported if each.dataset == dataset) if card else ()

    def rankings(self, task: str) -> list[MetricSpec]:
        """The metrics that give a rank on the task's board; the first orders it."""
        return [card for card in self.metrics if card.task == task and card.ranks]


def metric_id(name: str) -> str:
    """``fid`` of ``fid[EXTRACTOR]``, ``f1`` of ``f1/CLASS``; the name itself where it has neither."""
    return name.partition("[")[0].partition("/")[0]
