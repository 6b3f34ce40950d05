"""The cards: one recipe a task for the whole zoo, and the few models that ``run --all`` includes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tumorbench import (
    Augmentation,
    EarlyStopping,
    ModelSpec,
    Optimizer,
    Paper,
    Preprocessing,
    Quick,
    Range,
    Recipe,
    ReduceOnPlateau,
)

__all__ = [
    "CLASSIFIER_SIZES",
    "CURATED",
    "SEGMENTER_SIZES",
    "Normalisation",
    "Sizes",
    "classifier_card",
    "segmenter_card",
]

Normalisation = Literal["symmetric", "unit", "imagenet"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pixels a side of the images: under the full budget, and under the quick one."""

    full: int
    quick: int


CLASSIFIER_SIZES, SEGMENTER_SIZES = Sizes(224, 96), Sizes(256, 96)  # of networks that take any
CLASSIFIER_QUICK = {"epochs": 2, "steps_per_epoch": 40, "batch_size": 32}
SEGMENTER_QUICK = {"epochs": 4, "steps_per_epoch": 40, "batch_size": 16}

LITE0 = Paper(
    title="M. Tan, Q. V. Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019; Lite variant: R. Liu, TensorFlow blog, March 2020",
    url="https://arxiv.org/abs/1905.11946",
    notes=("Weights: ImageNet-1k, Google's, which timm calls tf_efficientnet_lite0.in1k; Apache-2.0.",),
)
RESNET18 = Paper(
    title="K. He et al., Deep Residual Learning for Image Recognition, CVPR 2016; "
    "weights: R. Wightman et al., ResNet Strikes Back: An Improved Training Procedure in timm, 2021",
    url="https://arxiv.org/abs/2110.00476",
    notes=("Weights: ImageNet-1k, timm's recipe a1; Apache-2.0.",),
)
UNET = "O. Ronneberger et al., U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI 2015"
PAPERS = {  # of the curated models; the others' cards name the library's page
    "timm/tf_efficientnet_lite0": LITE0,
    "timm/resnet18.a1_in1k": RESNET18,
    "smp/unet-tu-tf_efficientnet_lite0": Paper(
        title=f"{UNET}; encoder: {LITE0.title}", url="https://arxiv.org/abs/1505.04597", notes=LITE0.notes
    ),
    "smp/unet-resnet34": Paper(
        title=f"{UNET}; encoder: K. He et al., Deep Residual Learning for Image Recognition, CVPR 2016",
        url="https://arxiv.org/abs/1505.04597",
        notes=("Encoder's weights: ImageNet-1k, torchvision's; BSD-3-Clause.",),
    ),
}


def classifier_card(
    name: str,
    normalisation: Normalisation,
    weights: str | None,
    weights_licence: str,
    sizes: Sizes = CLASSIFIER_SIZES,
) -> ModelSpec:
    """The card ``timm/NAME``. weights: what it starts from, or None. sizes: that the network takes."""
    preprocessing, size = _images(sizes, normalisation)
    quick = Quick(**CLASSIFIER_QUICK, size=size)
    return ModelSpec(
        id=f"timm/{name}",
        title=f"{name} (timm), {'fine-tuned' if weights else 'from scratch'}",
        version="1",
        task="classification",
        licence=f"Apache-2.0; weights: {weights_licence}" if weights else "Apache-2.0",
        paper=PAPERS.get(f"timm/{name}")
        or Paper(
            title=f"see the page of {name} in timm (R. Wightman, PyTorch Image Models, 2019)",
            url="https://huggingface.co/timm",
        ),
        recipe=_recipe(preprocessing, quick, "val_loss", weights, {"architecture": name, "frozen": False}),
        ranges={"architecture": Range(one_of=(name,))},
        factory="tumorbench_zoo.classifier:timm_classifier",
    )


def segmenter_card(
    architecture: str,
    encoder: str,
    normalisation: Normalisation,
    weights: str | None,
    weights_licence: str,
    sizes: Sizes = SEGMENTER_SIZES,
) -> ModelSpec:
    """The card ``smp/ARCHITECTURE-ENCODER``; arguments as ``classifier_card`` takes them."""
    preprocessing, size = _images(sizes, normalisation)
    quick = Quick(**SEGMENTER_QUICK, size=size)
    name = f"smp/{architecture}-{encoder}"
    return ModelSpec(
        id=name,
        title=f"{architecture} on {encoder} (segmentation-models-pytorch), {'encoder pretrained' if weights else 'from scratch'}",
        version="1",
        task="segmentation",
        licence=f"MIT; encoder's weights: {weights_licence}" if weights else "MIT",
        paper=PAPERS.get(name)
        or Paper(
            title=f"see {architecture} in segmentation-models-pytorch (P. Iakubovskii, 2019), and its encoder {encoder}",
            url="https://smp.readthedocs.io/en/latest/models.html",
        ),
        recipe=_recipe(preprocessing, quick, "val_dice", weights, {"architecture": architecture, "encoder": encoder}),
        ranges={"architecture": Range(one_of=(architecture,)), "encoder": Range(one_of=(encoder,))},
        factory="tumorbench_zoo.segmenter:SmpSegmenter",
    )


def _images(sizes: Sizes, normalisation: Normalisation) -> tuple[Preprocessing, int | None]:
    """The preprocessing, and the quick budget's size where it is another.

    A network that does not take small images keeps its sizes on data sets that ask for small ones.
    """
    keep = sizes.quick > CLASSIFIER_SIZES.quick
    preprocessing = Preprocessing(size=sizes.full, channels=3, normalisation=normalisation, keep_size=keep)
    return preprocessing, None if sizes.quick == sizes.full else sizes.quick


def _recipe(
    preprocessing: Preprocessing,
    quick: Quick,
    monitor: Literal["val_loss", "val_dice"],
    weights: str | None,
    params: dict[str, str | bool],
) -> Recipe:
    """One treatment for every competitor: only size, normalisation and weights are a network's own."""
    return Recipe(
        preprocessing=preprocessing,
        epochs=30,
        batch_size=32,
        optimizer=Optimizer(name="adamw", learning_rate=3e-4, weight_decay=0.01),
        augmentation=Augmentation(rotation_degrees=10, zoom=0.1, shift=0.05, horizontal_flip=True),
        monitor=monitor,
        early_stopping=EarlyStopping(patience=10),
        reduce_on_plateau=ReduceOnPlateau(patience=4, factor=0.3),
        feature_views=4,
        pretrained=weights,
        quick=quick,
        params=dict(params),
    )


CURATED = (
    classifier_card("tf_efficientnet_lite0", "symmetric", "timm/tf_efficientnet_lite0", "apache-2.0"),
    classifier_card("resnet18.a1_in1k", "imagenet", "timm/resnet18.a1_in1k", "apache-2.0"),
    segmenter_card("unet", "tu-tf_efficientnet_lite0", "symmetric", "timm/tf_efficientnet_lite0", "apache-2.0"),
    segmenter_card("unet", "resnet34", "imagenet", "smp/resnet34.imagenet", "see huggingface.co/smp-hub"),
)
