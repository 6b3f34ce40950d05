"""The cards: one recipe for the classifier and one for the segmenter, each on three backbones."""

from __future__ import annotations

from tumorbench import ModelSpec, Optimizer, Paper, Preprocessing, Quick, Range, Recipe, Schedule, Search, Transform

__all__ = ["ALL"]

LITE = (
    "backbone: M. Tan, Q. V. Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019; "
    "Lite variant: R. Liu, TensorFlow blog, March 2020"
)
WEIGHTS = "Weights: ImageNet-1k, Google's; Apache-2.0. They come with the installation."
TRAINING_ALONE = "Masks are seen in training alone: a prediction is made from the slice."
SIZES = {"lite0": 224, "lite1": 240, "lite2": 260}  # pixels, at which ImageNet's weights were trained
LEARNING_RATES = Search(low=1e-4, high=4e-3, log=True)

AUGMENTATION = (
    Transform(name="affine", arguments={"rotation_degrees": 20, "zoom": 0.2, "shift": 0.05, "shear_degrees": 5}),
    Transform(name="horizontal_flip"),
    Transform(name="elastic", chance=0.5, arguments={"displacement": 0.015, "points": 6}),
    Transform(name="brightness", arguments={"reach": 0.1}),
    Transform(name="contrast", arguments={"reach": 0.25}),
    Transform(name="gamma", arguments={"reach": 0.3}),
    Transform(name="bias_field", chance=0.3, arguments={"reach": 0.15, "points": 3}),
    Transform(name="noise", chance=0.3, arguments={"deviation": 0.03}),
)


def _common(name: str) -> dict[str, object]:
    return {
        "preprocessing": Preprocessing(size=SIZES[name], channels=3, normalisation="symmetric"),
        "epochs": 30,
        "batch_size": 32,
        "optimizer": Optimizer(name="adamw", learning_rate=1e-3, weight_decay=0.02),
        "schedule": Schedule(name="CosineAnnealingLR", warm_up=0.1),
        "gradient_clip_norm": 5.0,
        "augmentation": AUGMENTATION,
        "ema_decay": 0.995,
        "test_time_flips": "horizontal",
        "pretrained": f"timm/tf_efficientnet_{name}",
    }


def _classifier(name: str) -> ModelSpec:
    return ModelSpec(
        id="reference-classifier" if name == "lite0" else f"reference-classifier-{name}",
        title=f"Reference classifier (EfficientNet-{name.capitalize()}, lesion attention)",
        version="1",
        task="classification",
        licence="MIT; weights: Apache-2.0",
        paper=Paper(title=f"none; {LITE}", notes=(WEIGHTS, TRAINING_ALONE)),
        recipe=Recipe(
            **_common(name),
            label_smoothing=0.05,
            mask_supervision=True,
            monitor="val_loss",
            quick=Quick(epochs=2, steps_per_epoch=40, batch_size=32, size=96),
            params={
                "architecture": f"tf_efficientnet_{name}", "attention": True, "mask_weight": 1.0, "dropout": 0.3,
            },
        ),
        ranges={
            "architecture": Range(one_of=(f"tf_efficientnet_{name}",)),
            "mask_weight": Range(ge=0),
            "dropout": Range(ge=0, lt=1),
        },
        search={
            "learning_rate": LEARNING_RATES,
            "mask_weight": Search(low=0, high=2, step=0.25),
            "dropout": Search(low=0, high=0.6, step=0.1),
        },
        in_all="real" if name == "lite0" else "never",
        factory="tumorbench_reference.classifier:ReferenceClassifier",
    )  # fmt: skip


def _segmenter(name: str) -> ModelSpec:
    return ModelSpec(
        id="reference-segmenter" if name == "lite0" else f"reference-segmenter-{name}",
        title=f"Reference segmenter (U-Net on EfficientNet-{name.capitalize()})",
        version="1",
        task="segmentation",
        licence="MIT; weights: Apache-2.0",
        paper=Paper(
            title="O. Ronneberger et al., U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI "
            f"2015; {LITE}",
            url="https://arxiv.org/abs/1505.04597",
            notes=(WEIGHTS,),
        ),
        recipe=Recipe(
            **_common(name),
            monitor="val_dice",
            quick=Quick(epochs=4, steps_per_epoch=40, batch_size=16, size=96),
            params={"architecture": f"tf_efficientnet_{name}", "dice_weight": 1.0, "squeeze": False},
        ),
        ranges={"architecture": Range(one_of=(f"tf_efficientnet_{name}",)), "dice_weight": Range(ge=0)},
        search={"learning_rate": LEARNING_RATES, "dice_weight": Search(low=0.25, high=2, step=0.25)},
        in_all="real" if name == "lite0" else "never",
        factory="tumorbench_reference.segmenter:ReferenceSegmenter",
    )


ALL = tuple(card(name) for card in (_classifier, _segmenter) for name in SIZES)
