"""The cards: what each classifier is, where it comes from and how it is trained. One file a report."""

from __future__ import annotations

from tumorbench_classifiers.cards.pose import POSE_CNN
from tumorbench_classifiers.cards.robles import ROBLES_BASELINE
from tumorbench_classifiers.cards.unam import UNAM_CNN
from tumorbench_classifiers.cards.villegas import (
    VILLEGAS_CNN1,
    VILLEGAS_CNN1_AUGMENTED,
    VILLEGAS_CNN2,
    VILLEGAS_VGG16,
    VILLEGAS_VGG16_IMAGENET,
)

__all__ = [
    "ALL",
    "POSE_CNN",
    "ROBLES_BASELINE",
    "UNAM_CNN",
    "VILLEGAS_CNN1",
    "VILLEGAS_CNN1_AUGMENTED",
    "VILLEGAS_CNN2",
    "VILLEGAS_VGG16",
    "VILLEGAS_VGG16_IMAGENET",
]

ALL = (
    POSE_CNN,
    VILLEGAS_CNN1,
    VILLEGAS_CNN1_AUGMENTED,
    VILLEGAS_CNN2,
    VILLEGAS_VGG16,
    VILLEGAS_VGG16_IMAGENET,
    UNAM_CNN,
    ROBLES_BASELINE,
)
