"""How a command ends that did not end well: one line, and its exit code."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer

from tumorbench.cli.output import fail, say
from tumorbench.cli.streams import ReaderGone
from tumorbench.contracts.strangers import is_interrupt
from tumorbench.errors import Stopped, TumorbenchError, one_line

__all__ = ["UsageError", "code_of", "on_sigterm"]

# typer carries its own copy of click from 0.26 on; the base of every usage error is reached through what typer exports
UsageError: type[Exception] = typer.BadParameter.__mro__[1]
CONTINUES = "the same command continues where it was"
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def on_sigterm() -> Iterator[None]:
    """Inside, SIGTERM raises Stopped, once: what has to be ended is ended. A second one ends the process at once."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    owner = os.getpid()

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        if os.getpid() != owner:  # a process that a library forked from this one
            os.kill(os.getpid(), number)
        raise Stopped(signal.Signals(number).name)

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def code_of(error: BaseException) -> int:
    """The exit code of a command that raised ``error``, which is told in one line on stderr."""
    match error:
        case TumorbenchError():
            code = fail(str(error))
        case UsageError():
            code = _usage(error)
        case typer.Exit():
            code = int(error.exit_code)
        case typer.Abort():
            code = fail(f"interrupted; {CONTINUES}", code=130)
        case KeyboardInterrupt() if is_interrupt(error):
            code = fail(f"interrupted; {CONTINUES}", code=130)
        case Stopped():
            code = fail(f"ended by {error}; {CONTINUES}", code=143)
        case ReaderGone() | BrokenPipeError():  # the reader of stdout has seen enough
            code = 1
        case SystemExit() if isinstance(error.__context__, BrokenPipeError):  # typer's way to say so
            code = 1
        case OSError():
            code = _file(error)
        case _:
            code = _fault(error)
    return code


def _fault(error: BaseException) -> int:
    report = "this is a fault of tumorbench or of a plugin: report what the same command prints with --debug"
    return fail(f"{one_line(error)}; {report}", code=1)


def _file(error: OSError) -> int:
    """The file system's refusals are the user's to fix."""
    if error.filename is None and error.errno in FULL:
        where = "a disk that is written to (of the store, of the cache, or of temporary files)"
        return fail(f"{where} is full; make room, and {CONTINUES}")
    return fail(
        f"{error.filename or 'a file'} cannot be used ({error.strerror or error}); make room, or fix its permissions or "
        "the path given"
    )


def _usage(error: Any) -> int:
    """The help of a command that was called with nothing; else one line that says what was wrong with the call."""
    command = error.ctx.command_path if error.ctx else "tumorbench"
    if type(error).__name__ == "NoArgsIsHelpError":
        say(error.ctx.get_help())
        return 2
    return fail(f"{error.format_message()}; see {command} --help")
