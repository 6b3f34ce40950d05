"""The process' streams: results alone go to stdout, and what they cannot show or take ends nothing.

A plugin may print when it is imported, in a hook or in a network's ``forward``, also from C. While a command runs, all of
that goes to stderr; only ``write_result`` reaches stdout.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TextIO

from tumorbench.errors import BadInput

__all__ = ["ReaderGone", "forgiving", "results_apart", "write_note", "write_result"]

STDOUT, STDERR = 1, 2


class ReaderGone(Exception):
    """Whoever read stdout has closed it: there is nobody left to tell."""


@dataclass(slots=True)
class _Stdout:
    """Where results go while everything else that is printed goes to stderr."""

    descriptor: int
    encoding: str


_kept: list[_Stdout] = []  # the innermost is the last


def forgiving() -> None:
    """Each standard stream is open, and shows what its encoding lacks as a replacement character.

    A stream that the caller closed is as ``/dev/null``.
    """
    for descriptor in (0, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest descriptor that is free
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for as long as the process lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - as above
    for stream, errors in ((sys.stdout, "replace"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            with suppress(OSError, ValueError):
                stream.reconfigure(errors=errors)


@contextmanager
def results_apart(*, restored: bool) -> Iterator[None]:
    """Inside, what anybody prints goes to stderr, except what ``write_result`` writes.

    restored: afterwards everything is as before; else it stays so until the process ends, for what is printed at exit.
    """
    before = sys.stdout
    try:
        own = os.dup(before.fileno())
    except (AttributeError, OSError, ValueError):  # not a stream of the system's
        yield
        return
    _flush(before)
    outer = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    _kept.append(_Stdout(own, getattr(before, "encoding", None) or "utf-8"))
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        if restored:
            _flush(sys.__stdout__)
            _flush_c()
            os.dup2(outer, STDOUT)
            sys.stdout = before
            _kept.pop()
            os.close(own)
        os.close(outer)


def write_result(text: str) -> None:
    """``text`` is on stdout. Raises: ReaderGone; BadInput where it cannot be written."""
    try:
        if not _kept:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        stdout = _kept[-1]
        left = memoryview(text.encode(stdout.encoding, "replace"))
        while left:
            left = left[os.write(stdout.descriptor, left) :]
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        raise BadInput(
            f"stdout cannot be written ({error.strerror or error}); give it a file or a disk with room"
        ) from None


def write_note(text: str) -> None:
    """``text`` is on stderr, as far as that can show and take it."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stderr.flush()


def _flush(stream: TextIO | None) -> None:
    with suppress(OSError, ValueError, AttributeError):
        stream.flush()  # type: ignore[union-attr]


def _flush_c() -> None:
    """What C code printed and the C library still holds is written."""
    with suppress(Exception):
        import ctypes

        ctypes.CDLL(None).fflush(None)
