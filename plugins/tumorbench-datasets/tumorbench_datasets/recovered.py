"""Whose the slices of a Kaggle set are, where a match with Figshare told: tables that a command wrote.

``tumorbench data patients kaggle3264 --from figshare3064 --out kaggle3264.csv``; Figshare is not needed to read them.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

__all__ = ["recovered"]


@cache
def recovered(dataset: str) -> dict[str, str]:
    """Sample id -> Figshare base ID of the patient, for the slices of which it is known; empty where no table is shipped."""
    table = files("tumorbench_datasets") / "patients" / f"{dataset}.csv"
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8") as file:
        return {row["sample_id"]: row["patient"] for row in csv.DictReader(file)}
