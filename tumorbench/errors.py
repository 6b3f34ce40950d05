"""The errors that a user may see. Each is one line: what is wrong, where, and how to fix it."""

from __future__ import annotations

__all__ = [
    "INTERRUPTIONS",
    "BadInput",
    "CellTimeout",
    "Diverged",
    "NotMeasurable",
    "Stopped",
    "TumorbenchError",
    "Unavailable",
    "one_line",
]


class TumorbenchError(Exception):
    """Something the user can fix; the command line prints it as one line and exits with 2."""


class BadInput(TumorbenchError):
    """An argument, a file or a store that cannot be used as it is."""


class Unavailable(TumorbenchError):
    """Data, weights or a device that is not here; a cell that needs it ends as ``skipped``."""


class Diverged(Exception):
    """A loss became NaN or infinite; the cell ends as ``failed``."""


class NotMeasurable(Exception):
    """Other processes disturbed a measurement, which therefore gives no number; it says so and how to get one."""


class CellTimeout(Exception):
    """A cell used up its wall-clock limit; it ends as ``timeout``."""


class Stopped(BaseException):
    """The cell is to stop without a result: its worker was asked to, or lost the right to compute it.

    No ``Exception``, so that no model and no plugin holds it up.
    """


INTERRUPTIONS = (Stopped, CellTimeout, KeyboardInterrupt)
"""What is never a stranger's fault, and is passed on where everything else that a stranger's code raises is caught."""


def one_line(error: BaseException, limit: int = 500) -> str:
    """``TypeError: what it says`` on one line of at most ``limit`` characters."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001 - a stranger's exception may fail at that too
        said = "(it does not say what)"
    text = " ".join(said.split()).encode("utf-8", "backslashreplace").decode()
    return f"{type(error).__name__}: {text}"[:limit]
