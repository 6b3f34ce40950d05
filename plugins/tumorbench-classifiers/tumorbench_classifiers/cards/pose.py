"""The card of F. E. Pose's classifier (report ``pose``)."""

from __future__ import annotations

from tumorbench import (
    EarlyStopping,
    ModelSpec,
    Optimizer,
    Paper,
    ParameterCount,
    Preprocessing,
    Problem,
    Quick,
    Range,
    Recipe,
    ReduceOnPlateau,
    Reported,
    Search,
    SplitRule,
)
from tumorbench_classifiers.cards.tables import classification_report

__all__ = ["POSE_CNN"]

FIGSHARE = "figshare3064"
STOPPED = "The report stopped on the part that it reports; ours stops on a tenth of the training part, which it therefore does not train on."
SLICE_SPLIT = (
    "The .94 is what the slice split gives, by experiment (the package's experiments/slice_split.py: 128 x 128 pixels, "
    "batches of 32, 15 epochs, one seed): .932 (.905 to .952) on the report's split and .819 (.727 to .891) on a fold with "
    "patients apart; without dropout .917 (.888 to .940) and .774 (.666 to .860)."
)

POSE_CNN = ModelSpec(
    id="pose-cnn",
    title="pose CNN",
    version="1",
    task="classification",
    licence="MIT",
    paper=Paper(
        title="F. E. Pose, Trabajo practico integrador: redes neuronales artificiales (IA aplicada a ingenieria con Python), 2023",
        report="pose",
        splits={FIGSHARE: SplitRule(kind="counts", test={"meningioma": 142, "glioma": 286, "pituitary": 186}, val=0.1)},
        reported=(
            Reported(
                dataset=FIGSHARE,
                metric="accuracy",
                value=0.94,
                note="table 4; the text says 0.93; 575 of 614 (39 wrong) is 0.936",
                difference=STOPPED,
            ),
            Reported(
                dataset=FIGSHARE,
                metric="cross_entropy",
                value=0.17,
                note="epoch 15; 0.19 with accuracy 0.93 at epoch 7",
                difference=STOPPED,
            ),
            Reported(
                dataset=FIGSHARE,
                metric="cross_entropy",
                value=0.1717,
                part="val",
                note="epoch 15, the last",
                difference="The report's validation part is its test part; ours is a tenth of the training part.",
            ),
            *classification_report(
                FIGSHARE,
                {"glioma": (0.94, 0.96, 0.95), "meningioma": (0.88, 0.84, 0.86), "pituitary": (0.97, 0.98, 0.97)},
                macro=(0.93, 0.92, 0.93),
                weighted=(0.94, 0.94, 0.94),
                note="table 4; 23 meningiomas wrong, mostly taken for gliomas",
                difference=STOPPED,
            ),
            Reported(
                dataset=FIGSHARE,
                metric="predict_all_s",
                value=6.0,
                note="614 slices",
                difference="The report's hardware is not named (its U-Net ran on Google Colab).",
            ),
            Reported(
                dataset=FIGSHARE,
                metric="predict_one_s",
                value=0.295,
                difference="One Keras call, whose fixed cost is most of it.",
            ),
        ),
        notes=(
            "The report's split is by slice: slices of most patients are on both sides.",
            "The report names two parts only, so its epoch was chosen on the part it reports. Here a tenth of the training part is held out for that choice.",
            "The report's training stopped after 15 of 20 epochs.",
            "Not in the report, chosen here: images in [-1, 1], Adam at Keras' default rate of 0.001, ReLU, dropout rates, Glorot-uniform weights.",
            "A batch of 300 is computed in ten parts, whose gradients are summed: at once it would take some 26 GB.",
            SLICE_SPLIT,
            "At 512 pixels 20 epochs of batches of 300 are 160 steps, at whose end the training loss still falls (0.24).",
        ),
    ),
    recipe=Recipe(
        preprocessing=Preprocessing(size=512, channels=3, normalisation="symmetric"),
        epochs=20,
        batch_size=300,
        gradient_accumulation=10,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        early_stopping=EarlyStopping(patience=5),
        reduce_on_plateau=ReduceOnPlateau(patience=2),
        quick=Quick(epochs=6, steps_per_epoch=40, batch_size=32, size=128),
        params={"dropout": 0.25, "dense_dropout": 0.5},
    ),
    parameters=ParameterCount(
        total=475_779,
        trainable=475_779,
        problem=Problem("classification", ("meningioma", "glioma", "pituitary"), channels=3, size=512),
    ),
    ranges={"dropout": Range(ge=0, lt=1), "dense_dropout": Range(ge=0, lt=1)},
    search={
        "learning_rate": Search(low=1e-4, high=1e-2, log=True),
        "weight_decay": Search(one_of=(0.0, 1e-5, 1e-4, 1e-3)),
        "dropout": Search(low=0, high=0.5, step=0.05),
        "dense_dropout": Search(low=0, high=0.8, step=0.05),
    },
    factory="tumorbench_classifiers.pose_cnn:PoseCNN",
)
