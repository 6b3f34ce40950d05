"""What the real images of a data set are compared by: computed once for all generators, and kept in the cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tumorbench.contracts.cards import ExtractorSpec
from tumorbench.contracts.cell import canonical_json
from tumorbench.contracts.files.whole import written_whole
from tumorbench.data.batches import slices_at_once
from tumorbench.data.decode import Decoded
from tumorbench.data.locations import cache_root
from tumorbench.metrics.features import Features, Nearest, extract

__all__ = ["features_of", "real_features", "real_nearest"]

EXTRACTOR_SIZE = 224  # about what extractors bring an image to, pixels a side
NEAREST_VERSION = 1  # raised when the same images would have other nearest training images


def real_features(
    dataset: Decoded, images: NDArray[np.uint8], spec: ExtractorSpec, extractor: Any, device: str
) -> Features:
    """The extractor's features of every slice of the data set; images: these, uint8 ``(n, size, size)``."""
    content = [spec.id, spec.version, dataset.fingerprint, images.shape[-1], "none", device]

    def computed() -> dict[str, Any]:
        found = features_of(images, extractor, device)
        arrays = {"features": found.features, "logits": found.logits}
        return {name: array for name, array in arrays.items() if array is not None}

    kept = _kept(_place(dataset, spec.id, content), computed)
    return Features(kept["features"], kept.get("logits"), extractor.get_name())


def features_of(images: NDArray[np.uint8], extractor: Any, device: str) -> Features:
    """The extractor's features of ``images``, uint8 ``(n, size, size)``, in batches that suit the device."""
    return extract(np.asarray(images), extractor, device, slices_at_once(EXTRACTOR_SIZE, torch.device(device).type))


def real_nearest(
    dataset: Decoded, size: int, training: NDArray[np.int64], held_out: NDArray[np.int64], find: Callable[[], Nearest]
) -> Nearest:
    """What ``find`` finds: the nearest training image of each held-out one, whatever the generator.

    size: of the images. training, held_out: positions in the data set.
    """
    content = [NEAREST_VERSION, dataset.fingerprint, size, training.tolist(), held_out.tolist()]
    return Nearest(**_kept(_place(dataset, "nearest", content), lambda: find()._asdict()))


def _place(dataset: Decoded, what: str, content: list[Any]) -> Path:
    name = f"{what}-{hashlib.sha256(canonical_json(content)).hexdigest()[:32]}.npz"
    return cache_root() / "features" / dataset.spec.id / name


def _kept(path: Path, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The arrays as the file has them; computed and written where it is not there."""
    if not path.exists():
        found = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as file:
            np.savez(file, **found)
    with np.load(path) as kept:
        return dict(kept)
