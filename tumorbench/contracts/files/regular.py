"""A file of a data set is looked at before it is opened, and its name is shown safely."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TypeGuard

from tumorbench.errors import BadInput

__all__ = ["check_file", "is_sha256", "is_unicode", "shown"]

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def check_file(path: Path) -> None:
    """True after the call: ``path`` is a regular file with content, so that opening it cannot hang. Raises: BadInput."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise BadInput(f"{shown(path)} is missing; fetch the data set again") from None
    except (OSError, ValueError) as error:  # a loop of links, a name that is too long, a zero byte in it
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{shown(path)} cannot be opened ({reason}); remove or replace it") from None
    if not stat.S_ISREG(found.st_mode):
        kind = KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise BadInput(f"{shown(path)} is {kind}, not a file; remove it, or replace it by the file")
    if not found.st_size:
        raise BadInput(f"{shown(path)} is empty (0 bytes); fetch the data set again or replace the file")


def shown(name: object) -> str:
    r"""The name as it can be printed anywhere: what is not UTF-8 and what is no printable character is escaped.

    >>> shown("T1\udce9.jpg"), shown("a\x1b[2J.jpg"), shown("Zürich.jpg")
    ('T1\\udce9.jpg', 'a\\x1b[2J.jpg', 'Zürich.jpg')
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(name))


def is_unicode(name: str) -> bool:
    """Whether the name can be written into a record: a file name that is not UTF-8 cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_sha256(said: object) -> TypeGuard[str]:
    """Whether this is text of 64 hexadecimal digits."""
    return isinstance(said, str) and re.fullmatch(r"[0-9a-f]{64}", said) is not None
