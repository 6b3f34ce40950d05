"""The errors that a user may see. Each is one line: what is wrong, where, and how to mend it."""

from __future__ import annotations

__all__ = ["BadInput", "CellTimeout", "Diverged", "TumorbenchError", "Unavailable"]


class TumorbenchError(Exception):
    """Something the user can mend; the command line prints it as one line and exits with 2."""


class BadInput(TumorbenchError):
    """An argument, a file or a store that cannot be used as it is."""


class Unavailable(TumorbenchError):
    """Data, weights or a device that is not here; a cell that needs it ends as ``skipped``."""


class Diverged(Exception):
    """A loss became NaN or infinite; the cell ends as ``failed``."""


class CellTimeout(Exception):
    """A cell used up its wall-clock limit; it ends as ``timeout``."""
