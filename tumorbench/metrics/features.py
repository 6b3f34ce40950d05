"""Deep features of images: what FID, KID, Inception Score and precision/recall compare. Computed once a set and shared by the four."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["Features", "extract"]


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What one extractor makes of one set of images, in the images' order.

    features: float32 ``(n, dimensions)``. logits: float32 ``(n, categories)``, None where the extractor has no classifier on top.
    extractor: its id; features of different extractors cannot be compared.
    """

    features: NDArray[np.float32]
    logits: NDArray[np.float32] | None
    extractor: str

    def __len__(self) -> int:
        return len(self.features)


def extract(images: NDArray[np.uint8], extractor: Any, device: torch.device | str = "cpu", batch_size: int = 64) -> Features:
    """The features of grey ``images``, uint8 ``(n, height, width)``, by a ``torch_fidelity.FeatureExtractorBase``; ``n`` at least 1.

    The grey channel is repeated three times; resizing and normalisation are the extractor's own. Features are the layer that the extractor names for FID,
    logits the one that it names for the Inception Score (None where that is no other layer, or was not requested). The extractor is left on ``device``.
    The batch size changes nothing but rounding.

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
