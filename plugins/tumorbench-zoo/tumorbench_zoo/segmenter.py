"""Any architecture of segmentation-models-pytorch on any of its encoders.

Train one: ``tumorbench run -m smp/unet-resnet34``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it
from torch.overrides import TorchFunctionMode

from tumorbench import BadInput, Problem, Segmenter, load_backbone
from tumorbench_zoo.by_name import timm_config

__all__ = ["SmpSegmenter"]

STRIDE = 32  # the coarsest features of any of smp's encoders


class SmpSegmenter(Segmenter):
    """The ``architecture`` of smp on ``encoder``; images of any size are padded to the next multiple of 32, and the logits cropped."""

    def __init__(self, problem: Problem, architecture: str, encoder: str) -> None:
        super().__init__(problem)
        self.encoder_name = encoder
        self.network = _smp_network(problem, architecture, encoder)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, 1 + foreground classes, size, size)``."""
        height, width = images.shape[-2:]
        if missing := (-height % STRIDE, -width % STRIDE) != (0, 0):
            images = F.pad(
                images, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate"
            )  # the border of a slice is background
        logits = self.network(images)
        return logits[..., :height, :width] if missing else logits

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """The encoder holds ``weights``: timm's of its name for ``tu-NAME``, smp's otherwise. Raises: BadInput where they do not fit."""
        encoder = self.network.encoder
        load_backbone(
            encoder, _encoder_names(weights, encoder.state_dict()) if self.encoder_name.startswith("tu-") else weights
        )


def _encoder_names(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of timm under the names that its network has inside smp's encoder.

    smp puts ``model.`` before each (twice for some), and timm's feature extractor flattens the upper levels: ``stages.0.blocks.1`` becomes ``stages_0.blocks.1``.
    """
    flat = {name.replace(".", "_"): tensor for name, tensor in weights.items()}
    found = {}
    for name in wanted:
        inner = name
        while inner.startswith("model."):
            inner = inner.removeprefix("model.")
        if (key := inner.replace(".", "_")) in flat:
            found[name] = flat[key]
    return found


def _smp_network(problem: Problem, architecture: str, encoder: str) -> nn.Module:
    """The network by smp, without weights. Raises: BadInput where it has no such architecture on that encoder."""
    size = {}
    if (
        encoder.startswith("tu-")
        and architecture != "dpt"
        and timm_config(encoder.removeprefix("tu-")).fixed_input_size
    ):
        size["img_size"] = problem.size + -problem.size % STRIDE
    try:
        with _NumbersOnCpu():
            return smp.create_model(
                architecture,
                encoder_name=encoder,
                encoder_weights=None,
                in_channels=problem.channels,
                classes=problem.outputs,
                **size,
            )
    except (AssertionError, AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            f"segmentation-models-pytorch builds no {architecture} on {encoder} ({reason}); take another encoder, such as resnet34"
        ) from error


class _NumbersOnCpu(TorchFunctionMode):
    """``linspace`` gives real numbers also where parameters are counted without memory: the mit encoders read their drop rates from it."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        return func(*args, **{**named, "device": "cpu"} if func is torch.linspace else named)
