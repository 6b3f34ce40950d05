"""The card of the baseline classifier of M. Robles, J. Rodríguez and D. Aguirre (report ``robles``)."""

from __future__ import annotations

from collections.abc import Iterator
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
    Search,
    SplitRule,
)
from tumorbench_classifiers.cards.tables import FOUR_CLASSES

__all__ = ["ROBLES_BASELINE"]

KAGGLE = "kaggle3264"


def _row(
    part: Literal["train", "test"], accuracy: float, recall: float, precision: float, f1: float, difference: str
) -> Iterator[Reported]:
    """One row of the report's table. Its micro means are all the accuracy, as they are for every single-label problem."""
    yield Reported(dataset=KAGGLE, metric="accuracy", value=accuracy, part=part, difference=difference)
    for name, macro in (("recall", recall), ("precision", precision), ("f1", f1)):
        yield Reported(dataset=KAGGLE, metric=f"{name}_micro", value=accuracy, part=part, difference=difference)
        yield Reported(dataset=KAGGLE, metric=f"{name}_macro", value=macro, part=part, difference=difference)


ROBLES_BASELINE = ModelSpec(
    id="robles-baseline",
    title="robles baseline (EfficientNet-Lite0 transfer)",
    version="1",
    task="classification",
    licence="MIT",
    paper=Paper(
        title="M. Robles, J. Rodríguez, D. Aguirre, Data augmentation para imágenes médicas",
        report="robles",
        splits={KAGGLE: SplitRule(kind="sizes", test=327, val=0.0)},  # 2,937 / 327
        reported=(
            *_row(
                "test",
                accuracy=0.963303,  # 315 of 327
                recall=0.968498,
                precision=0.965427,
                f1=0.966452,
                difference="The report names neither its network nor which of its layers train: ours is EfficientNet-Lite0 with only the last layer trained.",
            ),
            *_row(
                "train",
                accuracy=0.993531,  # 2,918 of 2,937
                recall=0.994334,
                precision=0.994046,
                f1=0.994170,
                difference="A network that trains whole fits its training part better than one new layer on frozen features.",
            ),
        ),
        notes=(
            (
                "The report says 'transfer learning' and does not name the network. EfficientNet-Lite0 was chosen because its real ImageNet weights install as a "
                "Python package, without a model hub, so that one transfer model runs everywhere."
            ),
            (
                "Only the last layer trains; features of each slice are computed once. The network's own normalisation, (pixel - 127) / 128, is 'symmetric' to "
                "within half a grey level."
            ),
            (
                "The test part is a random tenth of all 3,264 slices, whatever their folder (327; 2,937 are left for training, derived). The set is full of "
                "identical and near-identical slices, so that many test slices have a twin in training, in the report's split and in ours."
            ),
            "The report retrains this classifier on generated images too; those figures are not this card's.",
            "Not in the report, chosen here: 224 x 224, no augmentation, Adam at a rate of 0.001, 20 epochs of batches of 32, dropout 0.2, no selection.",
        ),
    ),
    recipe=Recipe(
        preprocessing=Preprocessing(size=224, channels=3, normalisation="symmetric"),
        epochs=20,
        batch_size=32,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        pretrained="timm/tf_efficientnet_lite0",
        monitor=None,
        keep="last",
        quick=Quick(epochs=20, steps_per_epoch=92, batch_size=32, size=128),
        params={"dropout": 0.2},
    ),
    parameters=ParameterCount(
        total=3_418_148, trainable=5_124, problem=Problem("classification", FOUR_CLASSES, channels=3, size=224)
    ),
    ranges={"dropout": Range(ge=0, lt=1)},
    search={
        "learning_rate": Search(low=1e-4, high=3e-2, log=True),
        "weight_decay": Search(one_of=(0.0, 1e-5, 1e-4, 1e-3)),
        "batch_size": Search(one_of=(16, 32, 64)),
        "dropout": Search(low=0, high=0.9, step=0.05),
    },
    judges=True,
    factory="tumorbench_classifiers.robles_baseline:RoblesBaseline",
)
