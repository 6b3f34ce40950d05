"""The cards: what each segmenter is, where it comes from and how it is trained."""

from __future__ import annotations

from tumorbench import ModelSpec, Optimizer, Paper, ParameterCount, Preprocessing, Problem, Quick, Recipe, Reported, SplitRule

__all__ = ["ALL", "POSE_UNET"]

POSE_UNET = ModelSpec(
    id="pose-unet",
    title="pose U-Net",
    version="1",
    task="segmentation",
    licence="MIT",
    paper=Paper(
        title="F. E. Pose, Trabajo practico integrador: redes neuronales artificiales (IA aplicada a ingenieria con Python), 2023",
        report="pose",
        splits={"figshare3064": SplitRule(kind="sizes", test=123, val=488)},
        reported=(
            Reported(dataset="figshare3064", metric="keras_meaniou_bug", value=0.4923, note="validation part; called IoU; (background IoU + 0) / 2"),
            Reported(dataset="figshare3064", metric="pixel_accuracy", value=0.9941, note="validation part"),
            Reported(dataset="figshare3064", metric="cross_entropy", value=0.0206, note="validation part, mean over pixels"),
        ),
        notes=(
            "The report's split is by slice: slices of most patients are on both sides.",
            "The reported IoU of .49 comes from labels that collapsed to background, and says nothing about the tumour: read Dice and foreground IoU.",
            "The report holds out 123 test slices and gives its figures for the training and the validation part only.",
            "Not in the report, chosen here: images in [0, 1], Adam at Keras' default rate of 0.001, dropout 0.3, He-normal weights.",
            "The epoch of the highest validation Dice is kept (the lowest loss comes early, when hardly a tumour is found); the report's figures are those of its last epoch.",
            "The norms' epsilon is Keras' 0.001; their running statistics move by 0.1 a batch (Keras: 0.01), so that a quick training is not scored with stale ones.",
        ),
    ),
    recipe=Recipe(
        preprocessing=Preprocessing(size=128, channels=1, normalisation="unit"),
        epochs=40,
        batch_size=32,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        monitor="val_dice",
        quick=Quick(epochs=4, steps_per_epoch=75, batch_size=8, size=64),
        params={"dropout": 0.3},
    ),
    parameters=ParameterCount(
        total=8_643_170,
        trainable=8_641_186,
        problem=Problem("segmentation", ("meningioma", "glioma", "pituitary"), channels=1, size=128, mask_classes=("tumour",)),
    ),
    factory="tumorbench_segmenters.pose_unet:PoseUNet",
)

ALL = (POSE_UNET,)
