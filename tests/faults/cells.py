"""A classification, a segmentation and a generation cell as a command of its own, and what they left in a store."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from conftest import SUPPORT, install  # noqa: E402 - the line above makes it importable

from tumorbench.contracts.record import Record  # noqa: E402
from tumorbench.store import Store  # noqa: E402

MODELS = ("tiny-classifier", "tiny-segmenter", "tiny-generator")
HOW = (
    "--protocol",
    "grouped",
    "--fold",
    "0",
    "--budget",
    "full",
    "--no-throughput",
    "--deterministic",
    "--threads",
    "1",
)

Outcome = dict[str, dict[str, Any]]
"""What must be equal, by model and seed: "tiny-classifier 0"."""


def environment_in(folder: Path) -> Mapping[str, str]:
    """The environment of processes that have ``tiny-plugin`` installed and their caches in ``folder``."""
    modules = {path.stem: path.read_text(encoding="utf-8") for path in sorted(SUPPORT.glob("tiny_plugin*.py"))}
    site = install(folder / "site", "tiny-plugin", modules)
    found = os.environ | {
        "PYTHONPATH": f"{site}{os.pathsep}{ROOT}",
        "TUMORBENCH_CACHE": str(folder / "cache"),
        "TUMORBENCH_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    found.pop("TUMORBENCH_DATA", None)
    return found


def start(
    store: Path, environment: Mapping[str, str], log: Path, models: Sequence[str] = MODELS, seeds: int = 1
) -> subprocess.Popen[bytes]:
    """The run of each model's cells, one a seed, as a process group of its own; what it says is added to ``log``."""
    selection = ["-d", "tiny-shapes", *(word for model in models for word in ("-m", model))]
    command = [
        sys.executable,
        "-m",
        "tumorbench",
        "run",
        *selection,
        *HOW,
        "--seeds",
        str(seeds),
        "--checkpoint-every",
        "0.3",
        "--store",
        str(store),
    ]
    with log.open("ab") as said:
        return subprocess.Popen(
            command, cwd=log.parent, env=dict(environment), stdout=said, stderr=said, start_new_session=True
        )


def outcome(store: Path) -> Outcome:
    """What must be equal however often a cell was killed, of the finished cells of the store.

    Raises: AssertionError where a record cannot be read.
    """
    opened, found = Store(store), {}
    for _, record in opened.records():
        if record.status == "ok":
            losses = [{name: value for name, value in entry.items() if name != "wall_s"} for entry in record.history]
            found[_name(record)] = {
                "metrics": [metric.model_dump() for metric in record.metrics],
                "history": losses,
                "best_epoch": record.best_epoch,
                "predictions": [each.sha256 for each in record.artifacts if each.kind == "predictions"],
            }
    assert not opened.damaged, opened.damaged
    return found


def sessions(store: Path) -> dict[str, tuple[int, int | None]]:
    """By model and seed: in how many sessions the cell was computed, and after which epoch the last of them went on."""
    return {
        _name(record): (record.timing.sessions, record.timing.resumed_from_epoch)
        for _, record in Store(store).records()
    }


def mean_cell_s(store: Path) -> float:
    """Seconds that a cell of the store took, on average."""
    return statistics.mean(record.timing.total_s for _, record in Store(store).records())


def _name(record: Record) -> str:
    return f"{record.identity.model} {record.identity.seed}"


def say(*words: object) -> None:
    """One line on stdout, at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()
