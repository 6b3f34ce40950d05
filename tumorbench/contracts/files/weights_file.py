"""What a file of weights is by its first bytes, before anything in it is read. Light: importing this never imports torch."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path
from typing import Literal

from tumorbench.errors import BadInput

__all__ = ["EXPECTED", "Kind", "kind_of", "refused", "shown"]

EXPECTED = "give a state dict (name -> tensor), saved with torch.save(network.state_dict(), FILE) or as safetensors"
ZIP, PICKLE = b"PK\x03\x04", b"\x80"  # torch.save since 1.6, and before
LONGEST_HEADER = 100_000_000  # bytes of a safetensors file's header, at most
Kind = Literal["zip", "pickle", "safetensors"]


def kind_of(file: Path) -> Kind:
    """How ``file`` holds its weights. Raises: BadInput where it is no regular file, or nothing that holds weights."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            raise refused(file, f"it is {_what_else(status.st_mode)}, not a file")
        with file.open("rb") as opened:
            start = opened.read(9)
        if start.startswith(ZIP) and not zipfile.is_zipfile(file):
            raise refused(file, "it is cut off: the end of its zip archive is missing")
    except OSError as error:
        raise refused(file, error.strerror or type(error).__name__) from None
    if start.startswith(ZIP):
        return "zip"
    if start.startswith(PICKLE):
        return "pickle"
    if start[8:] == b"{" and 0 < int.from_bytes(start[:8], "little") < LONGEST_HEADER:
        return "safetensors"
    raise refused(file, "it is empty" if not status.st_size else "neither torch.save nor safetensors wrote it")


def refused(file: Path, reason: str) -> BadInput:
    """The error that says why ``file`` is not taken, and what is expected, in one line that can be printed."""
    return BadInput(f"the weights file {shown(str(file), 1000)} cannot be used: {reason}; {EXPECTED}")


def shown(text: str, length: int = 120) -> str:
    """``text`` as one line of at most ``length`` characters, without control characters."""
    return (text if text.isprintable() else ascii(text))[:length]


def _what_else(mode: int) -> str:
    kinds = {stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe", stat.S_ISSOCK: "a socket"}
    return next((name for test, name in kinds.items() if test(mode)), "a device")
