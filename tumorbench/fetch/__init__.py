"""A published data set comes onto this machine whole or not at all, and what is on disk is checked against its card."""

from __future__ import annotations

from pathlib import Path

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.errors import BadInput
from tumorbench.fetch.counts import shortfall
from tumorbench.fetch.download import fetch_file
from tumorbench.fetch.kaggle import fetch_kaggle
from tumorbench.fetch.verification import Verification, verify

__all__ = ["Verification", "fetch", "verify"]


def fetch(spec: DatasetSpec, root: Path, *, progress: bool) -> Path:
    """The data set is complete in ``root/ID``; the folder is returned. What is already there and valid is not downloaded again.

    Raises: BadInput, one line, where the source cannot be reached or gives something else than the card says. Nothing unfinished bears a final name.
    """
    folder, source = root / spec.id, spec.source
    if not source.files and source.kaggle is None:
        raise BadInput(f"{spec.id} is computed, not downloaded; use it as it is")
    if not any((folder / file.name).exists() for file in source.files) and shortfall(spec, folder) is None:
        return folder
    if source.kaggle is None:
        for file in source.files:
            fetch_file(file, folder, progress=progress)
    elif folder.exists() and any(folder.iterdir()):
        raise BadInput(f"{shortfall(spec, folder)}; move {folder} away and run again: tumorbench data fetch {spec.id}")
    else:
        fetch_kaggle(spec, source.kaggle, folder, progress=progress)
    return folder
