"""The cards: what each segmenter is, where it comes from and how it is trained."""

from __future__ import annotations

from typing import Literal

from tumorbench import (
    ModelSpec,
    Optimizer,
    Paper,
    ParameterCount,
    Preprocessing,
    Problem,
    Quick,
    Range,
    Recipe,
    Reported,
    SplitRule,
)

__all__ = ["ALL", "POSE_UNET", "POSE_UNET_JOINT"]

PAPER = (
    "F. E. Pose, Trabajo practico integrador: redes neuronales artificiales (IA aplicada a ingenieria con Python), 2023"
)
SPLITS = {"figshare3064": SplitRule(kind="sizes", test=123, val=488)}
BY_SLICE = "The report's split is by slice: slices of most patients are on both sides."
OPEN = "Not in the report, chosen here: images in [0, 1], Adam at Keras' default rate of 0.001, dropout 0.3, He-normal weights."
NORMS = "The norms' epsilon is Keras' 0.001; their running statistics move by 0.1 a batch (Keras: 0.01), so that a quick training is not scored with stale ones."
BEST_EPOCH = "The report's figures are those of its last epoch, ours those of the epoch with the highest validation Dice; which slices it drew is not known."
BACKGROUND = (
    "It depends on the true masks alone and never on the model: on which slices are drawn, and on how masks were "
    "resized."
)
COLLAPSED = (
    "The reported IoU of .49 says nothing about the tumour: read Dice and foreground IoU. Keras' MeanIoU casts "
    "probabilities to integer labels, so that all below 1 are background, whatever the network. On the test part of "
    "the published quick cell the network's labels have a mean IoU of .7211 (pixel accuracy .9886), and labels that "
    "are all background .4916 (.9833). The report's pixel accuracies of .9977 and .9941 are above that: its network "
    "had learned, its metric had collapsed."
)
RESIZED = (
    "The .4921 of its training part is not of the set's own masks: those, and masks of nearest neighbours, give .4916 "
    "of all slices, and in 4,000 draws of 2,453 at most .4918. Masks that lose pixels at their edges in a resize come "
    "near it: cast to integers after a bilinear one they give .4918 of all slices, and .4921 at most in such draws; "
    "after an area one .4924. The report does not say how it resized. Experiment: "
    "plugins/tumorbench-segmenters/experiments/mean_iou.py."
)


def reported(
    metric: str, part: Literal["train", "val"], value: float, note: str, difference: str = BEST_EPOCH
) -> Reported:
    """A figure of section 8.0.3 on a part of the report's split."""
    return Reported(dataset="figshare3064", metric=metric, part=part, value=value, note=note, difference=difference)


POSE_UNET = ModelSpec(
    id="pose-unet",
    title="pose U-Net",
    version="1",
    task="segmentation",
    licence="MIT",
    paper=Paper(
        title=PAPER,
        report="pose",
        splits=SPLITS,
        reported=(
            reported("cross_entropy", "train", 0.0056, "loss, mean over pixels"),
            reported("keras_meaniou_bug", "train", 0.4921, "called IoU; (background IoU + 0) / 2", BACKGROUND),
            reported("pixel_accuracy", "train", 0.9977, "called accuracy; all background gives .983"),
            reported("cross_entropy", "val", 0.0206, "loss, mean over pixels"),
            reported("keras_meaniou_bug", "val", 0.4923, "called IoU; (background IoU + 0) / 2", BACKGROUND),
            reported("pixel_accuracy", "val", 0.9941, "called accuracy; all background gives .983"),
            Reported(
                dataset="figshare3064",
                metric="train_s",
                part="train",
                value=605.82,
                note="40 epochs on Google Colab",
                difference="The report names Google Colab and no device.",
            ),
            Reported(
                dataset="figshare3064",
                metric="predict_one_s",
                value=0.063,
                note='"a mean time of 0.063 s for these four predictions", read as the mean of one; .016 an image if it is of all four',
                difference="Ours is the median of fifteen single predictions after a warm-up; the report does not say whether its first call is counted.",
            ),
        ),
        notes=(
            BY_SLICE,
            COLLAPSED,
            RESIZED,
            "The report holds out 123 test slices and gives its figures for the training and the validation part only.",
            OPEN,
            "The epoch of the highest validation Dice is kept (the lowest loss comes early, when hardly a tumour is found); the report's figures are those of its last epoch.",
            NORMS,
        ),
    ),
    recipe=Recipe(
        preprocessing=Preprocessing(size=128, channels=1, normalisation="unit"),
        epochs=40,
        batch_size=32,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        monitor="val_dice",
        quick=Quick(epochs=7, steps_per_epoch=75, batch_size=8, size=64),
        params={"dropout": 0.3},
    ),
    parameters=ParameterCount(
        total=8_643_170,
        trainable=8_641_186,
        problem=Problem(
            "segmentation", ("meningioma", "glioma", "pituitary"), channels=1, size=128, mask_classes=("tumour",)
        ),
    ),
    ranges={"dropout": Range(ge=0, lt=1)},
    factory="tumorbench_segmenters.pose_unet:PoseUNet",
)

POSE_UNET_JOINT = ModelSpec(
    id="pose-unet-joint",
    in_all="real",
    title="pose joint U-Net",
    version="1",
    task="segmentation",
    licence="MIT",
    paper=Paper(
        title=PAPER,
        report="pose",
        splits=SPLITS,
        notes=(
            "Future work of the report (8.2, item 4), which neither trains it nor gives a figure: the pose U-Net with the background and each type of tumour as a class of pixels.",
            "Its split is that of the report's U-Net. " + BY_SLICE,
            OPEN,
            "The epoch of the highest validation Dice is kept, of tumour against background whatever the type.",
            NORMS,
        ),
    ),
    recipe=POSE_UNET.recipe.model_copy(
        update={"masks": "classes", "quick": Quick(epochs=8, steps_per_epoch=75, batch_size=8, size=64)}
    ),
    parameters=ParameterCount(
        total=8_643_236,
        trainable=8_641_252,
        problem=Problem(
            "segmentation",
            ("meningioma", "glioma", "pituitary"),
            channels=1,
            size=128,
            mask_classes=("meningioma", "glioma", "pituitary"),
        ),
    ),
    ranges={"dropout": Range(ge=0, lt=1)},
    factory="tumorbench_segmenters.pose_unet:PoseUNet",
)

ALL = (POSE_UNET, POSE_UNET_JOINT)
