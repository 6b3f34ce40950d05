"""A plugin's code is called so that whatever it raises is one line about the plugin, and a user's Ctrl-C is still a Ctrl-C."""

from __future__ import annotations

import opcode
from collections.abc import Iterator
from contextlib import contextmanager

from tumorbench.errors import BadInput, Stopped, TumorbenchError, one_line

__all__ = ["is_interrupt", "plugin_code"]

OWN = (
    "asyncio",
    "signal",
    "threading",
    "tumorbench",
)  # packages whose signal handlers raise KeyboardInterrupt themselves


@contextmanager
def plugin_code(what: str) -> Iterator[None]:
    """Whatever the code inside raises, SystemExit and KeyboardInterrupt included, leaves as BadInput: ``WHAT raised ERROR``.

    TumorbenchError and Stopped leave as they are, and so does the KeyboardInterrupt of a user.
    """
    try:
        yield
    except (TumorbenchError, Stopped):
        raise
    except KeyboardInterrupt as error:
        if is_interrupt(error):
            raise
        raise BadInput(_told(what, error)) from error
    except (Exception, SystemExit) as error:
        raise BadInput(_told(what, error)) from error


def is_interrupt(error: KeyboardInterrupt) -> bool:
    """Whether a signal raised it, as Ctrl-C does, and not a ``raise`` in somebody's code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in OWN:
        return True
    code = trace.tb_frame.f_code.co_code
    return opcode.opname[code[trace.tb_lasti]] not in ("RAISE_VARARGS", "RERAISE")


def _told(what: str, error: BaseException) -> str:
    return f"{what} raised {one_line(error)}; fix the plugin, or report it to its author"
