"""A published data set comes onto this machine whole or not at all, and what is on disk is checked against its card."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.data.fetch.counts import shortfall
from tumorbench.data.fetch.download import fetch_file
from tumorbench.data.fetch.kaggle import fetch_kaggle
from tumorbench.data.fetch.verification import Verification, verify
from tumorbench.errors import BadInput

__all__ = ["Verification", "fetch", "verify"]


def fetch(spec: DatasetSpec, root: Path, *, progress: bool) -> Path:
    """The data set is complete in ``root/ID``; the folder is returned. What is already there and valid is not downloaded again.

    What another process fetches is waited for.
    Raises: BadInput, one line, where the source cannot be reached or gives something else than the card says. Nothing unfinished bears a final name.
    """
    folder, source = root / spec.id, spec.source
    if not source.files and source.kaggle is None:
        raise BadInput(_how_else(spec, folder))
    root.mkdir(parents=True, exist_ok=True)
    lock = root / f".{spec.id}.lock"
    with FileLock(lock):
        try:
            _complete(spec, folder, progress=progress)
        finally:
            with suppress(OSError):  # Windows keeps an open file
                lock.unlink(
                    missing_ok=True
                )  # while it is held: whoever waits sees that it has no name left, and makes a new one
    return folder


def _how_else(spec: DatasetSpec, folder: Path) -> str:
    """What is to be done for a data set that no command downloads."""
    lacking = shortfall(spec, folder)
    if spec.synthetic or lacking is None:
        return f"{spec.id} is not downloaded: it is {'computed by its plugin' if spec.synthetic else 'there'}; use it as it is"
    return f"{spec.id} cannot be downloaded: ask for it at {spec.source.homepage} and lay it into {folder} ({lacking})"


def _complete(spec: DatasetSpec, folder: Path, *, progress: bool) -> None:
    source = spec.source
    if not any((folder / file.name).exists() for file in source.files) and shortfall(spec, folder) is None:
        return
    if source.kaggle is None:
        for file in source.files:
            fetch_file(file, folder, progress=progress)
    elif folder.exists() and any(folder.iterdir()):
        raise BadInput(
            f"{shortfall(spec, folder)}; or move {folder} away and run again: tumorbench data fetch {spec.id}"
        )
    else:
        fetch_kaggle(spec, source.kaggle, folder, progress=progress)
