"""What the boards are rendered from: records with their places, and the cards of what is installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tumorbench.contracts.cards import DatasetSpec, MetricSpec, ModelSpec, Reported
from tumorbench.contracts.record import Record

__all__ = ["BoardCards", "LocatedRecord", "metric_id"]


@dataclass(frozen=True, slots=True)
class LocatedRecord:
    """A record and its file's path relative to the boards' folder, with forward slashes."""

    record: Record
    path: str


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
