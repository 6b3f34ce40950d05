"""Any timm classifier and any segmentation-models-pytorch architecture, by name. Importing this module imports neither torch, nor timm, nor smp."""

from __future__ import annotations

from collections.abc import Iterable

import tumorbench as tb
from tumorbench_zoo import cards

__all__ = ["tumorbench_model_patterns", "tumorbench_models", "tumorbench_weights"]


@tb.hookimpl
def tumorbench_models() -> Iterable[tb.ModelSpec]:
    """The few of the zoo that ``run --all`` includes."""
    return cards.CURATED


@tb.hookimpl
def tumorbench_model_patterns() -> Iterable[tb.ModelPattern]:
    """``timm/NAME`` and ``smp/ARCHITECTURE-ENCODER``."""
    return [
        tb.ModelPattern(
            id="timm/*",
            title="any classifier of timm, fine-tuned from its pretrained weights; timm/NAME[frozen=true] trains a linear "
            "head on its features; NAME without a tag is NAME with timm's default tag",
            task="classification",
            examples=(
                "timm/resnet18.a1_in1k",
                "timm/convnext_tiny.fb_in1k",
                "timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
            ),
            factory="tumorbench_zoo.by_name:timm_card",
        ),
        tb.ModelPattern(
            id="smp/*",
            title="any architecture of segmentation-models-pytorch on any of its encoders; an encoder tu-NAME is timm's NAME",
            task="segmentation",
            examples=("smp/unet-resnet34", "smp/fpn-tu-tf_efficientnet_lite0", "smp/segformer-mit_b0"),
            factory="tumorbench_zoo.by_name:smp_card",
        ),
    ]


@tb.hookimpl
def tumorbench_weights() -> Iterable[tb.WeightsSpec]:
    """What timm and segmentation-models-pytorch publish: from their caches, else downloaded into them."""
    return [
        tb.WeightsSpec(
            id="timm/*",
            title="the weights that timm publishes for NAME",
            licence="that of each: see huggingface.co/timm/NAME",
            citation="R. Wightman, PyTorch Image Models, 2019, and the publication of each",
            factory="tumorbench_zoo.weights:timm_weights",
        ),
        tb.WeightsSpec(
            id="smp/*",
            title="the weights that segmentation-models-pytorch publishes for its own encoders, as smp/ENCODER.SETTING",
            licence="that of each: see huggingface.co/smp-hub",
            citation="P. Iakubovskii, Segmentation Models PyTorch, 2019, and the publication of each",
            factory="tumorbench_zoo.weights:smp_weights",
        ),
    ]
