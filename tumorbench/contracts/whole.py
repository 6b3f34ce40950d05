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
    """A file to write. At the end it stands in ``path``, with a new file's permissions; where that fails, ``path`` is what it was and nothing else is left."""
    partial = path.with_name(f"{uuid.uuid4().hex}.tmp")
    try:
        with partial.open(mode) as file:
            yield file
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
