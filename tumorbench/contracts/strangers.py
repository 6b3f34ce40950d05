"""A plugin's code is called so that whatever it raises is one line about the plugin, and a user's Ctrl-C is still a Ctrl-C."""

from __future__ import annotations

import opcode
from collections.abc import Iterator
from contextlib import contextmanager

from tumorbench.errors import BadInput, CellTimeout, Stopped, TumorbenchError, one_line

__all__ = ["described", "is_interrupt", "is_out_of_memory", "is_strangers", "plugin_code"]

OWN = (
    "asyncio",
    "signal",
    "threading",
    "tumorbench",
)  # packages whose signal handlers raise KeyboardInterrupt themselves


@contextmanager
def plugin_code(what: str) -> Iterator[None]:
    """Whatever the code inside raises, SystemExit and KeyboardInterrupt included, leaves as BadInput: ``WHAT raised ERROR``.

    What is not the plugin's own doing (``is_strangers``) leaves as it is.
    """
    try:
        yield
    except BaseException as error:
        if not is_strangers(error):
            raise
        raise BadInput(_told(what, error)) from error


def is_strangers(error: BaseException) -> bool:
    """Whether what a plugin's code raised is its own doing.

    It is not where tumorbench has its reasons, where the cell is out of time or was told to stop, and where a user
    pressed Ctrl-C.
    """
    if isinstance(error, KeyboardInterrupt):
        return not is_interrupt(error)
    return not isinstance(error, TumorbenchError | CellTimeout | Stopped)


def is_interrupt(error: KeyboardInterrupt) -> bool:
    """Whether a signal raised it, as Ctrl-C does, and not a ``raise`` in somebody's code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in OWN:
        return True
    code = trace.tb_frame.f_code.co_code
    return opcode.opname[code[trace.tb_lasti]] not in ("RAISE_VARARGS", "RERAISE")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was too little memory, of the host or of the device."""
    return (
        isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError" or "allocate memory" in str(error)
    )


def described(thing: object) -> str:
    """What a plugin returned, in words: "None", "a list"."""
    name = type(thing).__name__
    return "None" if thing is None else f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def _told(what: str, error: BaseException) -> str:
    return f"{what} raised {one_line(error)}; fix the plugin, or report it to its author"
