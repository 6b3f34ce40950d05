"""Where data and caches lie. Light: ``tumorbench info`` asks it without importing torch."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from tumorbench.errors import BadInput

__all__ = ["cache_root", "data_root"]


def cache_root() -> Path:
    """The user's cache folder for tumorbench, or ``TUMORBENCH_CACHE``."""
    return Path(os.environ.get("TUMORBENCH_CACHE") or platformdirs.user_cache_path("tumorbench"))


def data_root(given: Path | None) -> Path:
    """``given`` (an option or ``TUMORBENCH_DATA``), else a folder in the user's cache. Raises: BadInput where one was named and is not there."""
    if given is None:
        return cache_root() / "data"
    if not given.is_dir():
        raise BadInput(
            f"the data root {given} (--data-root or TUMORBENCH_DATA) is not a folder; name the folder that holds one folder per data set"
        )
    return given
