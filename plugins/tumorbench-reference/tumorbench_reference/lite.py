"""EfficientNet-Lite as a source of feature maps.

Source: Tan and Le, EfficientNet, ICML 2019; Lite variant: Liu, TensorFlow blog, March 2020. By timm; ImageNet weights.
"""

from __future__ import annotations

from collections.abc import Mapping

import timm
import torch
from torch import Tensor, nn

from tumorbench import load_backbone

__all__ = ["FEATURES", "Lite"]

TAPS = (0, 1, 2, 4, 6)  # of the seven blocks, the last at each of the strides 2, 4, 8, 16 and 32
FEATURES = 1280


class Lite(nn.Module):
    """``forward``: images -> maps at strides 2, 4, 8, 16 and 32. ``deepest``: the last -> 1,280 features a place.

    widths: channels of the five maps.
    """

    def __init__(self, architecture: str, channels: int) -> None:
        super().__init__()
        self.architecture = architecture
        self.network = timm.create_model(architecture, num_classes=0, in_chans=channels)
        self.widths = tuple(each["num_chs"] for each in self.network.feature_info)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Each map ``(batch, channels, height, width)``, sides halved and rounded up from one to the next."""
        found = self.network.bn1(self.network.conv_stem(images))
        maps = []
        for number, block in enumerate(self.network.blocks):
            found = block(found)
            if number in TAPS:
                maps.append(found)
        return maps

    def deepest(self, coarsest: Tensor) -> Tensor:
        """``(batch, 1280, height, width)``."""
        return self.network.bn2(self.network.conv_head(coarsest))

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """The network holds timm's ``weights`` of the whole network. Raises: BadInput where they do not fit."""
        load_backbone(self.network, weights)


def names_of(architecture: str) -> list[str]:
    """What timm calls the tensors of the whole network."""
    with torch.device("meta"):
        return list(timm.create_model(architecture).state_dict())
