"""Which records are run again where not all can be."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tumorbench.contracts.record import Record
from tumorbench.errors import BadInput
from tumorbench.publish.marks import Marks

__all__ = ["draw"]


def draw(records: Sequence[Record], n: int, seed: int, marks: Marks) -> list[Record]:
    """``n`` finished records of models that were trained here, at random, first of those that were never run again.

    The same records, marks and seed give the same sample. Raises: BadInput where there is none, or n is not positive.
    """
    if n < 1:
        raise BadInput(f"--sample {n} is no number of records; give 1 or more")
    trained = [record for record in records if record.identity.origin == "trained"]
    finished = sorted((record for record in trained if record.status == "ok"), key=lambda record: record.cell_key)
    if not finished:
        raise BadInput("there is no finished record to run again; name the store with --store")
    random.Random(seed).shuffle(finished)  # noqa: S311 - a sample that can be drawn again, no secret
    return sorted(finished, key=lambda record: "replayed" in marks.levels(record))[:n]
