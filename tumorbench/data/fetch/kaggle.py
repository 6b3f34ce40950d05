"""A data set from Kaggle, its version pinned by its card."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tumorbench.contracts.cards import DatasetSpec
from tumorbench.data.fetch.counts import shortfall
from tumorbench.data.fetch.download import one_line
from tumorbench.errors import BadInput

__all__ = ["fetch_kaggle"]


def fetch_kaggle(spec: DatasetSpec, handle: str, folder: Path, *, progress: bool) -> None:
    """Through kagglehub into ``ID.part`` beside the folder, counted there, and renamed. A broken connection's part is continued by the next call."""
    import requests

    part = folder.with_name(f"{spec.id}.part")
    try:
        with _kagglehub_in(part, progress=progress) as kagglehub:
            arrived = Path(kagglehub.dataset_download(handle))
    except Exception as error:
        broken = isinstance(
            error, (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)
        )
        if not broken or not any(path.is_file() for path in part.rglob("*")):
            shutil.rmtree(part, ignore_errors=True)  # nothing, or an archive that kagglehub would take for whole
        raise BadInput(
            f"{spec.id} from Kaggle ({handle}): {one_line(error)}; run again, or unpack a manual download of {spec.source.homepage} into {folder}"
        ) from error
    if part.resolve() not in arrived.resolve().parents:  # a Kaggle notebook mounts data sets
        arrived = Path(shutil.copytree(arrived, part / "copy"))
    lacking = shortfall(spec, arrived)
    if lacking is None:
        arrived.rename(folder)
    shutil.rmtree(part, ignore_errors=True)
    if lacking is not None:
        raise BadInput(f"{spec.id} from Kaggle ({handle}) is not what its card says and was deleted: {lacking}")


@contextlib.contextmanager
def _kagglehub_in(cache: Path, *, progress: bool) -> Iterator[Any]:
    """kagglehub, with ``cache`` as its cache (its own output folder cannot be continued), and nothing of it on stdout."""
    import kagglehub

    logging.getLogger("kagglehub").setLevel(logging.ERROR)
    before = os.environ.get("KAGGLEHUB_CACHE")
    os.environ["KAGGLEHUB_CACHE"] = str(cache)
    shown = sys.stderr if progress else io.StringIO()
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            yield kagglehub
    finally:
        del os.environ["KAGGLEHUB_CACHE"]
        if before is not None:
            os.environ["KAGGLEHUB_CACHE"] = before
