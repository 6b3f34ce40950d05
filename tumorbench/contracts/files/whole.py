"""Files that are written as a whole or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["written_whole"]


@contextmanager
def written_whole(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """A file to write. At the end it stands in ``path``, with a new file's permissions.

    Where that fails, ``path`` is what it was, nothing else is left, and an OSError names ``path``: a full disk does not
    say by itself what was being written.
    """
    partial = path.with_name(f"{uuid.uuid4().hex}.tmp")
    try:
        with partial.open(mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
        partial.replace(path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(partial)):
            error.filename = str(path)
            del error.filename2  # None would be told as "-> None"
        raise
