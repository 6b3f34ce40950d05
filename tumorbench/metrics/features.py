"""Features of images: what FID, KID, Inception Score, precision/recall, density/coverage and memorisation compare.

Computed once a set and shared by all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["PIXELS", "Features", "Nearest", "comparable", "distances", "distances_between", "extract", "pixel_features"]

PIXELS = "pixels"
PIXEL_SIDE = 32


class Nearest(NamedTuple):
    """The training image that is most like each image: its position, int64 ``(n,)``, and the distance to it, ``(n,)``.

    A distance is 1 - the correlation of the two pictures: 0 for the same one, up to 2.
    """

    positions: NDArray[np.int64]
    distances: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Features:
    """What one extractor makes of one set of images, in the images' order.

    features: float32 ``(n, dimensions)``. logits: float32 ``(n, categories)``, None where the extractor has no
    classifier on top. extractor: its id; features of different extractors cannot be compared. nearest: of pictures that
    were compared with the training images one by one; None where the features alone tell what is near.
    """

    features: NDArray[np.float32]
    logits: NDArray[np.float32] | None
    extractor: str
    nearest: Nearest | None = None

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: Any) -> Features:
        """The chosen images, by an array of positions or a slice."""
        logits = None if self.logits is None else self.logits[index]
        nearest = None if self.nearest is None else Nearest(*(each[index] for each in self.nearest))
        return Features(self.features[index], logits, self.extractor, nearest)


def extract(
    images: NDArray[np.uint8], extractor: Any, device: torch.device | str = "cpu", batch_size: int = 64
) -> Features:
    """The features of grey ``images``, uint8 ``(n, height, width)``, by a torch-fidelity extractor; ``n`` at least 1.

    The grey channel is repeated three times; resizing and normalisation are the extractor's own. Features are the layer
    that the extractor names for FID, logits the one that it names for the Inception Score (None where that is no other
    layer, or was not requested). The extractor is left on ``device``. The batch size changes nothing but rounding.

    Raises: ValueError for an empty set; TypeError for anything but uint8.
    """
    if images.dtype != np.uint8:
        raise TypeError(f"images are {images.dtype}, not uint8")
    if images.ndim != 3 or not len(images):  # noqa: PLR2004 - (n, height, width)
        raise ValueError(f"images are {images.shape}, not (n, height, width) with n at least 1")
    requested = list(extractor.get_requested_features_list())
    feature_layer = requested.index(extractor.get_default_feature_layer_for_metric("fid"))
    logit_name = extractor.get_default_feature_layer_for_metric("isc")
    logit_layer = requested.index(logit_name) if logit_name in requested else feature_layer
    extractor = extractor.to(device).eval()
    features, logits = [], []
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            grey = torch.from_numpy(np.array(images[start : start + batch_size])).to(device)
            layers = extractor(grey[:, None].expand(-1, 3, -1, -1))
            features.append(layers[feature_layer].float().cpu().numpy())
            logits.append(layers[logit_layer].float().cpu().numpy())
    has_logits = logit_layer != feature_layer
    return Features(np.concatenate(features), np.concatenate(logits) if has_logits else None, extractor.get_name())


def pixel_features(images: NDArray[np.uint8]) -> Features:
    """The pixels of ``images``, uint8 ``(n, height, width)``, averaged down to 32 x 32.

    Features are ``(n, 1024)``, their extractor is ``pixels``, and there are no logits.

    At full size the distance of two slices is made of noise and of edges that a shift by one pixel displaces: a copy
    with a little of either would look as far away as another patient. Means of blocks keep anatomy and drop both.
    Features are in units of the grey range over 32, so that the Euclidean distance of two images is the root mean
    square difference of their block means, black 0 and white 1.

    Raises: TypeError for anything but uint8.
    """
    if images.dtype != np.uint8:
        raise TypeError(f"images are {images.dtype}, not uint8")
    if not len(images):
        return Features(np.zeros((0, PIXEL_SIDE**2), np.float32), None, PIXELS)
    pools = [
        torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(np.array(image))[None].double(), PIXEL_SIDE)
        for image in images
    ]
    return Features((torch.cat(pools).flatten(1) / (255 * PIXEL_SIDE)).float().numpy(), None, PIXELS)


def comparable(first: Features, *others: Features) -> tuple[NDArray[np.float64], ...]:
    """The sets' features in float64.

    Raises: ValueError for features of different extractors or with a NaN or an infinity.
    """
    for other in others:
        if other.extractor != first.extractor:
            raise ValueError(f"features of {first.extractor} cannot be compared with features of {other.extractor}")
    if not all(np.isfinite(side.features).all() for side in (first, *others)):
        raise ValueError("features contain NaN or infinity")
    return tuple(side.features.astype(np.float64) for side in (first, *others))


def distances(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean distances ``(n, m)``, from the differences themselves.

    So equal images are exactly 0 apart, and near ones lose no digits.
    """
    exact = torch.cdist(torch.from_numpy(first), torch.from_numpy(second), compute_mode="donot_use_mm_for_euclid_dist")
    return np.asarray(exact.numpy())


_BETWEEN: WeakKeyDictionary[Features, WeakKeyDictionary[Features, NDArray[np.float64]]] = WeakKeyDictionary()


def distances_between(first: Features, second: Features) -> NDArray[np.float64]:
    """The ``distances`` of two sets, read-only; those of the same two objects are computed once, while both are there.

    Four metrics and their replicates ask for them. Raises: ValueError, as ``comparable``.
    """
    known = _BETWEEN.setdefault(first, WeakKeyDictionary())
    if second not in known:
        known[second] = distances(*comparable(first, second))
        known[second].flags.writeable = False
    return known[second]
