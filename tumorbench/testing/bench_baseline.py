"""The baseline of the checks of speed: a JSON file beside a plugin's tests, and what it says of a new measurement.

Counts are of one release of torch and of no kind of machine; page faults, memory and times are of one kind of CPU.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tumorbench.contracts.files.whole import written_whole
from tumorbench.errors import BadInput

__all__ = ["FAIL", "WARN", "Baseline", "changed", "judged_bound", "judged_ratio"]

WARN, FAIL = 1.10, 1.25
ROOM = {
    "page_faults": (2.0, 256.0),
    "peak_memory_mib": (1.25, 16.0),
}  # a bound: so many times the baseline's, and so much more


@dataclass(slots=True)
class Baseline:
    """path: of the file. command: writes it. models: name@pixels -> what was measured. torch, cpu: where."""

    path: Path
    command: str
    torch: str | None = None
    cpu: str | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, command: str) -> Baseline:
        """The file's content; empty where there is no file. Raises: BadInput for a file that is no baseline."""
        if not path.exists():
            return cls(path, command)
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return cls(path, command, found["torch"], found["cpu"], dict(found["models"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path} is not a baseline ({error!r}); remove it and write it with: {command}") from None

    def check_torch(self) -> None:
        """The installed torch is the baseline's. Raises: BadInput."""
        if self.torch is not None and self.torch != torch_release():
            raise BadInput(
                f"{self.path} is of torch {self.torch} and this is torch {torch_release()}: their counts do not compare; "
                f"install torch {self.torch}, or write the baseline anew with: {self.command}"
            )

    def of(self, model: str, what: str) -> Any:
        """What the baseline has of the model. Raises: BadInput where it has nothing."""
        try:
            return self.models[model][what]
        except KeyError:
            raise BadInput(
                f"{model}: no baseline of its {what} in {self.path}; write it with: {self.command}"
            ) from None

    def update(self, model: str, cpu: str, measured: dict[str, Any]) -> None:
        """The file has what was measured of the model, and nothing that does not compare with it."""
        if self.torch != torch_release():
            self.models = {}
        elif self.cpu != cpu:
            self.models = {name: {"counts": each["counts"]} for name, each in self.models.items() if "counts" in each}
        self.torch, self.cpu = torch_release(), cpu
        self.models[model] = self.models.get(model, {}) | measured
        content = {"torch": self.torch, "cpu": self.cpu, "models": self.models}
        with written_whole(self.path) as partial:
            partial.write((json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def torch_release() -> str:
    """The installed torch's release, without importing it, and without its build: builds give the same counts."""
    return version("torch").partition("+")[0]


def changed(stored: dict[str, Any], counts: dict[str, Any]) -> str:
    """The counts that differ, as "training.flops 100 -> 200 (+100 %)"; "" where none does."""
    found = []
    for name in sorted(stored.keys() | counts.keys()):
        before, now = stored.get(name), counts.get(name)
        if before != now:
            share = f" ({now / before - 1:+.0%})" if before and now is not None else ""
            found.append(f"{name} {_shown(before)} -> {_shown(now)}{share}")
    return ", ".join(found)


def judged_bound(name: str, stored: float, measured: float) -> tuple[bool, str]:
    """(whether it holds, what it is): a value that differs a little from run to run, against its bound."""
    times, more = ROOM[name]
    limit = times * stored + more
    return measured <= limit, f"{name} {measured:,.0f}, baseline {stored:,.0f}, at most {limit:,.0f}"


def judged_ratio(stored: float, ratio: float, measure_again: Callable[[], float]) -> tuple[bool, str]:
    """(whether it holds, what it is): a time as ratio to the reference.

    It fails where two measurements in a row are 25 % slower.
    """
    if ratio > FAIL * stored:
        ratio = min(ratio, measure_again())
    change = ratio / stored
    said = f"time {ratio:.4g}, baseline {stored:.4g} ({change - 1:+.0%})"
    if change > FAIL:
        return False, f"{said}: more than 25 % slower, measured twice"
    if change > WARN:
        return True, f"{said}  WARNING: more than 10 % slower"
    if change < 1 / FAIL:
        return True, f"{said}  faster: write the baseline anew to keep it so"
    return True, said


def _shown(count: float | None) -> str:
    return "none" if count is None else f"{count:,.0f}"
