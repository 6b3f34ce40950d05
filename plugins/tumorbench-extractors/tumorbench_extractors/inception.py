"""The literature's extractor: torch-fidelity's rebuilding of the Inception v3 of 2015 with which FID was defined."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import urllib.request
from pathlib import Path

import torch
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3

from tumorbench import Unavailable

__all__ = ["inception_v3_compat"]

PATIENCE_S = 5.0  # for the connection and for each read: a machine without network must learn it quickly


def inception_v3_compat(url: str = URL_INCEPTION_V3) -> FeatureExtractorInceptionV3:
    """The extractor with its weights: from the torch hub cache, else downloaded into it once. Raises: Unavailable, in one line."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    digits = path.stem.rpartition("-")[2]  # torch hub's custom: the name ends in the first digits of the SHA-256
    if not path.exists():
        if os.environ.get("TUMORBENCH_OFFLINE"):
            raise Unavailable(
                f"the Inception v3 weights are not in {path.parent}, and TUMORBENCH_OFFLINE forbids to download them"
            )
        _download(url, path, digits)
    elif not _sha256(path).startswith(digits):
        raise Unavailable(
            f"{path} is damaged (its SHA-256 does not begin with {digits}); delete it and it is downloaded again"
        )
    extractor = FeatureExtractorInceptionV3(
        "inception-v3-compat", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(path)
    )
    return extractor.to(memory_format=torch.channels_last)  # faster on a CPU, in the same precision


def _download(url: str, path: Path, digits: str) -> None:
    """The file at ``url`` is at ``path``, whole and as published, also where two processes download at once."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder, path.name)
            with urllib.request.urlopen(url, timeout=PATIENCE_S) as source, part.open("wb") as target:  # noqa: S310 - a constant address
                shutil.copyfileobj(source, target)
            if not _sha256(part).startswith(digits):
                raise OSError("what came is not the published file")  # noqa: TRY301 - told as any other failed download
            part.replace(path)
    except OSError as error:
        raise Unavailable(
            f"the Inception v3 weights cannot be downloaded ({error}); fetch {url} elsewhere and put it into {path.parent}"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as weights:
        return hashlib.file_digest(weights, "sha256").hexdigest()
