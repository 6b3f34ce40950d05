"""What a network is asked to solve: everything it may learn about the data before it sees any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "FOLDED",
    "FOLDS",
    "JUDGE_ARMS",
    "JUDGE_PROCEDURE",
    "JUDGE_SEEDS",
    "TSTR_SPLITS",
    "Problem",
    "Protocol",
    "Task",
]

Task = Literal["classification", "segmentation", "generation"]
Protocol = Literal["paper", "official", "grouped", "external", "tstr", "tstr-paper"]

TSTR_SPLITS: dict[Protocol, Protocol] = {"tstr": "grouped", "tstr-paper": "paper"}
"""Train on synthetic, test on real: the protocol -> the one whose split it takes."""
JUDGE_ARMS = ("real", "generated", "mixed", "augmented")
"""What the classifier of ``tstr`` learns from. mixed: real and as many generated; augmented: real and a randomly changed copy of each."""
JUDGE_SEEDS = 3  # of that classifier
JUDGE_PROCEDURE = (
    2  # raised when training on synthetic images would go otherwise; 2: real images are at the judge's size
)
FOLDS = 5  # of a protocol with folds
FOLDED: tuple[Protocol, ...] = ("grouped", "external", "tstr")
"""Protocols whose test part is a fold of ``grouped``."""
NAMED: tuple[Protocol, ...] = ("external", *TSTR_SPLITS)
"""Protocols that run only where they are named."""


@dataclass(frozen=True, slots=True)
class Problem:
    """The shape of one task on one data set, as a model's constructor receives it.

    classes: class names in label order (label i is ``classes[i]``).
    mask_classes: names of the foreground classes of the masks; mask value 0 is the background, value i is ``mask_classes[i - 1]``.
    channels, size: images are ``(batch, channels, size, size)``.
    """

    task: Task
    classes: tuple[str, ...]
    channels: int
    size: int
    mask_classes: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """Channels of the network's output: one a class, or background plus one a foreground class."""
        return 1 + len(self.mask_classes) if self.task == "segmentation" else len(self.classes)
