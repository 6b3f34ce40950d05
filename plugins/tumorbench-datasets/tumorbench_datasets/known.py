"""The splits of the copies of the data sets that are known: lists that a command wrote, by which ``verify`` checks records.

``tumorbench data splits figshare3064 --out figshare3064.json``; the data are not needed to read them.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

__all__ = ["known"]


def known(dataset: str) -> list[dict[str, Any]]:
    """The copies of the data set with their splits, as ``tumorbench.DatasetSpec.known`` takes them; none where no list is shipped."""
    listed = files("tumorbench_datasets") / "splits" / f"{dataset}.json"
    return json.loads(listed.read_text(encoding="utf-8")) if listed.is_file() else []
