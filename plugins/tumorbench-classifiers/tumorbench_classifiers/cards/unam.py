"""The card of C. A. Flores Álvarez' classifier (report ``unam``)."""

from __future__ import annotations

from tumorbench import (
    Augmentation,
    ModelSpec,
    Optimizer,
    Paper,
    ParameterCount,
    Preprocessing,
    Problem,
    Quick,
    Recipe,
    Reported,
    SplitRule,
)
from tumorbench_classifiers.cards.tables import FOUR_CLASSES

__all__ = ["UNAM_CNN"]

KAGGLE = "kaggle7023"
LEAK = "216 of the 1,311 test images have a pixel-identical twin in training, in the report's split and in ours."
READING = "Our architecture is a reading of the report's list of layers, and optimizer and batch size are not in it."
TRAINING_MODE = "The report does not say whether this is of augmented slices and of a changing network, as Keras prints it while training."

UNAM_CNN = ModelSpec(
    id="unam-cnn",
    title="unam CNN",
    version="2",
    task="classification",
    licence="MIT",
    paper=Paper(
        title=(
            "C. A. Flores Álvarez, Detección y clasificación de tumores cerebrales utilizando una red neuronal convolucional "
            "(Diplomado en Ciencia de Datos, DGTIC UNAM), 2022"
        ),
        report="unam",
        splits={KAGGLE: SplitRule(kind="official", val=0.2)},  # 4,569 / 1,143 / 1,311
        reported=(
            Reported(dataset=KAGGLE, metric="accuracy", value=0.811, note="epoch 29 of 30", difference=READING),
            Reported(dataset=KAGGLE, metric="cross_entropy", value=0.51, note="epoch 29 of 30", difference=READING),
            Reported(
                dataset=KAGGLE,
                metric="accuracy",
                value=0.894,
                part="val",
                note="1,143 images, chosen for the lowest loss",
                difference=READING,
            ),
            Reported(
                dataset=KAGGLE,
                metric="cross_entropy",
                value=0.34,
                part="val",
                note="the lowest of 30 epochs",
                difference=READING,
            ),
            Reported(
                dataset=KAGGLE,
                metric="accuracy",
                value=0.841,
                part="train",
                note="4,569 images",
                difference=TRAINING_MODE,
            ),
            Reported(
                dataset=KAGGLE,
                metric="cross_entropy",
                value=0.43,
                part="train",
                note="4,569 images",
                difference=TRAINING_MODE,
            ),
        ),
        notes=(
            (
                "A reading: the report lists a 7x7 stem, one convolution a stage with its filters, ReLU and global average pooling, and 'about 15 million' "
                "parameters. One 3x3 convolution a stage has 3.26 million; two residual blocks of two, with 1x1 shortcuts, have 14.6, and the stem is ResNet's."
            ),
            (
                "The count on this card is our reading's exact one. BatchNorm and the strides are ResNet's; the report names neither. "
                "unam-cnn[batch_norm=false] is the reading without (14,616,964 parameters)."
            ),
            "Slices are cropped to the brain as the data set's author does, then resized to 256 x 256.",
            LEAK,
            "Its validation part is a random fifth of the official training folder, and shares patients with the rest.",
            (
                "Not in the report, chosen here: Adam at Keras' default rate of 0.001, batch size 32 (Keras' default), rotation by up to 15 degrees, zoom by up to "
                "10 %, horizontal flips, images in [0, 1], Glorot-uniform weights."
            ),
        ),
    ),
    recipe=Recipe(
        preprocessing=Preprocessing(size=256, channels=1, normalisation="unit", crop="brain"),
        epochs=30,
        batch_size=32,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        augmentation=Augmentation(rotation_degrees=15, zoom=0.1, horizontal_flip=True),
        monitor="val_loss",
        keep="best",
        quick=Quick(epochs=3, steps_per_epoch=35, batch_size=32, size=32),
        params={"batch_norm": True},
    ),
    parameters=ParameterCount(
        total=14_636_420, trainable=14_626_692, problem=Problem("classification", FOUR_CLASSES, channels=1, size=256)
    ),
    factory="tumorbench_classifiers.unam_cnn:UnamCNN",
)
