"""Any architecture of segmentation-models-pytorch on any of its encoders.

Train one: ``tumorbench run -m smp/unet-resnet34``.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import segmentation_models_pytorch as smp
import timm
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from tumorbench import Problem, Segmenter, load_backbone
from tumorbench_zoo.names import timm_config
from tumorbench_zoo.trial import Misfit, NumbersOnCpu, one_line, shapes_only

__all__ = ["STRIDE", "SmpSegmenter"]

STRIDE = 32  # the coarsest features of any of smp's encoders
TIMM = "tu-"


class SmpSegmenter(Segmenter):
    """The ``architecture`` of smp on ``encoder``.

    Images of any size are padded to the next multiple of 32, and the logits cropped; an encoder that takes one size only
    gets its images as they are. Where the decoder gives maps of another size than its images (on encoders that do not pad,
    such as tu-inception_v3), the logits are resized to them.
    """

    def __init__(self, problem: Problem, architecture: str, encoder: str) -> None:
        super().__init__(problem)
        self.encoder_name = encoder
        config = timm_config(encoder.removeprefix(TIMM)) if encoder.startswith(TIMM) else None
        self.stride = 1 if config and config.fixed_input_size else STRIDE
        self.network = _smp_network(problem, architecture, encoder, config)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(batch, 1 + foreground classes, size, size)``."""
        height, width = images.shape[-2:]
        right, below = -width % self.stride, -height % self.stride
        if right or below:
            images = F.pad(images, (0, right, 0, below), mode="replicate")  # the border of a slice is background
        logits = self.network(images)
        if logits.shape[-2:] != images.shape[-2:]:
            logits = F.interpolate(logits, images.shape[-2:], mode="bilinear")
        return logits[..., :height, :width]

    def load_pretrained(self, weights: Mapping[str, Tensor]) -> None:
        """The encoder holds ``weights``: timm's of its name for ``tu-NAME``, smp's otherwise. Raises: BadInput where they do not fit."""
        encoder = self.network.encoder
        if not self.encoder_name.startswith(TIMM):
            load_backbone(encoder, weights)
            return
        with shapes_only():
            whole = timm.create_model(self.encoder_name.removeprefix(TIMM)).state_dict()
        load_backbone(encoder, weights, names=_timm_names(encoder.state_dict(), whole), unused=whole)


def _timm_names(encoder: Mapping[str, Tensor], whole: Mapping[str, Tensor]) -> dict[str, str]:
    """What timm's whole network calls the tensors of smp's encoder.

    smp puts ``model.`` before each (twice for some), and timm's feature extractor flattens the upper levels: ``stages.0.blocks.1`` becomes ``stages_0.blocks.1``.
    """
    flat = {name.replace(".", "_"): name for name in whole}
    found = {}
    for name in encoder:
        inner = name
        while inner.startswith("model."):
            inner = inner.removeprefix("model.")
        if (key := inner.replace(".", "_")) in flat:
            found[name] = flat[key]
    return found


def _smp_network(problem: Problem, architecture: str, encoder: str, config: Any) -> nn.Module:
    """The network by smp, without weights. config: timm's of the encoder. Raises: Misfit where it has no such architecture on that encoder."""
    options: dict[str, Any] = {}
    if config and config.fixed_input_size and problem.size not in config.input_size[1:]:
        options["img_size"] = problem.size
    if architecture == "dpt":
        options["num_classes"] = 0  # its encoder is the whole network of timm, whose own head would stay unused
    try:
        with warnings.catch_warnings(action="ignore"), NumbersOnCpu():
            return smp.create_model(
                architecture,
                encoder_name=encoder,
                encoder_weights=None,
                in_channels=problem.channels,
                classes=problem.outputs,
                **options,
            )
    except Exception as error:  # a pair that does not fit fails in either library, with any error
        raise Misfit(
            f"segmentation-models-pytorch builds no {architecture} on {encoder} ({one_line(error)})"
        ) from error
