"""A cell as an observer is told of it, its epochs, and its record."""

from __future__ import annotations

from pathlib import Path

import tumorbench as tb
from tumorbench.contracts.cell import CellIdentity
from tumorbench.contracts.record import MetricValue

RECIPE = tb.Recipe(
    preprocessing=tb.Preprocessing(size=64),
    epochs=2,
    batch_size=8,
    quick=tb.Quick(epochs=1, steps_per_epoch=2, batch_size=4),
    params={"dropout": 0.25},
)
ENTRIES = [
    {"epoch": float(n), "loss": 1 / n, "val_accuracy": n / 4, "learning_rate": 1e-3, "wall_s": 2.0} for n in (1, 2)
]
SCORES = {"accuracy": 0.75, "recall/glioma": None, "fid[inception-v3-compat]": 12.5}


def observed_cell(store: Path) -> tb.ObservedCell:
    """A cell of the store ``store``."""
    identity = CellIdentity(
        dataset="some-set",
        dataset_fingerprint="0" * 64,
        protocol="grouped",
        split_fingerprint="1" * 64,
        fold=1,
        task="classification",
        model="some-net",
        model_version="1",
        recipe=RECIPE,
        seed=3,
        budget="quick",
    )
    folder = store / "cells/some-set/some-net/grouped-fold1-seed3-quick-000000000000"
    return tb.ObservedCell("0" * 64, identity, "Some net", "Some set", folder, "tumorbench run -d some-set")


def record_of(cell: tb.ObservedCell, **changes: object) -> tb.Record:
    """What the cell left."""
    metrics = [MetricValue(name=name, value=value, n=4, higher_is_better=True) for name, value in SCORES.items()]
    fields = {
        "cell_key": cell.key,
        "status": "ok",
        "identity": cell.identity,
        "dataset_title": cell.dataset_title,
        "model_title": cell.model_title,
        "synthetic": False,
        "sizes": {},
        "history": tuple(ENTRIES),
        "best_epoch": 2,
        "metrics": tuple(metrics),
    }
    return tb.Record.model_validate(fields | changes)
