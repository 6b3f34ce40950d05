"""Published cells for tests: a model's quick ones, which stay while full ones come beside them."""

from __future__ import annotations

import shutil
from pathlib import Path

RESULTS = Path(__file__).parents[3] / "leaderboards/results"


def quick_cells(model: str) -> list[Path]:
    """The folders of the published quick cells of ``DATASET/MODEL``."""
    return sorted((RESULTS / "cells" / model).glob("*-quick-*"))


def copy_quick_cells(store: Path, *models: str) -> Path:
    """A store with the published quick cells of each ``DATASET/MODEL``, and every split."""
    for model in models:
        for cell in quick_cells(model):
            shutil.copytree(cell, store / "cells" / model / cell.name)
    shutil.copytree(RESULTS / "splits", store / "splits")
    return store
