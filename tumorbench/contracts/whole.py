"""Files that are written as a whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["written_whole"]


@contextmanager
def written_whole(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """A file to write. At the end it stands in ``path``; where that fails, ``path`` is what it was and nothing else is left."""
    partial = tempfile.NamedTemporaryFile(mode, dir=path.parent, suffix=".tmp", delete=False)  # noqa: SIM115 - closed before it is renamed
    try:
        with partial:
            yield partial
        Path(partial.name).chmod(0o644)
        Path(partial.name).replace(path)
    except BaseException:
        Path(partial.name).unlink(missing_ok=True)
        raise
