"""The time that a cell took, over the sessions in which it was computed."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.record import Timing

__all__ = ["Sessions"]

FILE = "sessions.json"


class Sessions:
    """The seconds of this session and of those before it, which were stopped or killed.

    What a killed session spent after it was last ``kept`` is lost. The file lies in the cell's folder until the cell is
    finished.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.began = time.perf_counter()
        self.times: dict[str, float] = {}  # of this session, by their names in ``Timing``
        try:
            self.earlier: list[dict[str, float]] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.earlier = []

    def keep(self) -> None:
        """What was spent so far stands in the file."""
        with written_whole(self.path, "w") as file:
            json.dump([*self.earlier, self._session()], file)

    def forget(self) -> None:
        """Nothing is left of them: the cell is finished, or starts anew."""
        self.path.unlink(missing_ok=True)

    def timing(self, once: dict[str, float], resumed_from_epoch: int | None) -> Timing:
        """All sessions added up. once: what is measured once, as the seconds of a prediction."""
        sessions = [*self.earlier, self._session()]
        names = {name for session in sessions for name in session}
        sums = {name: round(sum(session.get(name, 0.0) for session in sessions), 4) for name in names}
        measured = {name: round(seconds, 4) for name, seconds in once.items()}
        return Timing(**sums, **measured, sessions=len(sessions), resumed_from_epoch=resumed_from_epoch)

    def _session(self) -> dict[str, float]:
        return {**self.times, "total_s": time.perf_counter() - self.began}
