"""What is told of a run as it goes on: an observer, as a plugin writes it, and its card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tumorbench.contracts.card import Card
from tumorbench.contracts.cards import FactoryPath, Id
from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.record import Record

__all__ = ["ObservedCell", "Observer", "ObserverSettings", "ObserverSpec"]


class ObserverSpec(Card):
    """Who is told of a run's cells as they are trained and scored: a dashboard, a tracking server."""

    id: Id
    title: str
    licence: str = ""  # of the package that it needs, where it needs one
    factory: (
        FactoryPath  # called with an ObserverSettings; returns an Observer (``contracts.observer``); raises BadInput
    )


@dataclass(frozen=True, slots=True)
class ObserverSettings:
    """What a run asks of an observer; its factory is called with it.

    store: the run's, absolute. where: what stands behind ``--observe ID=``, in the words of the observer.
    """

    store: Path
    where: str | None = None


@dataclass(frozen=True, slots=True)
class ObservedCell:
    """A cell that an observer is told of. folder: where its record lies in the end. command: that repeats it."""

    key: str
    identity: CellIdentity
    model_title: str
    dataset_title: str
    folder: Path
    command: str


class Observer(Protocol):
    """Is told of cells, several of which may run at once. It lives in a process of its own and cannot hurt a run.

    What it raises is told to the user once, and ends it; what it prints goes to a log in the store; where it hangs when
    the run has ended, it is killed.
    """

    def begin(self, cell: ObservedCell) -> None:
        """The cell has begun, or goes on where a killed run stopped."""

    def epoch(self, cell: ObservedCell, entry: Mapping[str, float]) -> None:
        """An epoch is over. entry: ``epoch`` from 1, losses, values ``val_NAME``, ``learning_rate``, ``wall_s``."""

    def end(self, cell: ObservedCell, record: Record) -> None:
        """The cell has its record, well or not."""

    def close(self) -> None:
        """The run is over: nothing more comes, and what is kept has to be written."""
