"""What a report is made of besides its records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tumorbench.contracts.record import Throughput
from tumorbench.tables.inputs import BoardCards, LocatedRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Material", "ReadTable"]

ReadTable = Callable[[LocatedRecord], "pd.DataFrame | None"]
"""Gives a record's table of predictions, without the pictures in it; None where there is none."""


@dataclass(frozen=True, slots=True)
class Material:
    """The installed cards, the measured speeds, and where the files beside the records are.

    folder: that the records' paths are relative to. published: no picture of a patient is shown. pictures: False leaves
    out every picture.
    """

    cards: BoardCards
    read: ReadTable
    folder: Path
    throughputs: Sequence[Throughput] = ()
    published: bool = False
    pictures: bool = True
