"""What the cards of the report robles have in common: its data and split, and its table of the classifier that learns from generated images."""

from __future__ import annotations

from collections.abc import Mapping

from tumorbench import Paper, Problem, Reported, SplitRule

__all__ = ["KAGGLE", "PROBLEM", "SPLITS", "judged", "paper"]

KAGGLE = "kaggle3264"
PROBLEM = Problem("generation", ("glioma", "meningioma", "notumor", "pituitary"), channels=1, size=128)
SPLITS = {KAGGLE: SplitRule(kind="sizes", test=327, val=0.0)}  # 2,937 / 327
COLUMNS = (
    "",
    "_train",
    "_f1_macro",
)  # accuracy in test and in training, macro F1 in test: of the report's columns those that our records hold
REAL = (0.963303, 0.993531, 0.966452)  # 315 of 327, 2,918 of 2,937: the row "baseline", one for all generators
JUDGE = (
    "The report does not name the classifier that judges: ours is robles-baseline (a new last layer on EfficientNet-Lite0), to which every image, real ones too, "
    "comes from the generator's size"
)


def paper(*notes: str, splits: Mapping[str, SplitRule] = SPLITS, reported: tuple[Reported, ...] = ()) -> Paper:
    """The report, as a generator's card cites it."""
    title = "M. Robles, J. Rodríguez, D. Aguirre, Data augmentation para imágenes médicas"
    return Paper(title=title, report="robles", splits=dict(splits), reported=reported, notes=notes)


def judged(
    *, generated: tuple[float, float, float], mixed: tuple[float, float, float], unnamed: str
) -> tuple[Reported, ...]:
    """The report's table of one generator: its classifier learnt from real images, from generated ones and from both.

    generated, mixed: accuracy on the real test images, accuracy on what it learnt from, macro F1 on the real test images.
    unnamed: what the report does not say of the network that made the images.
    """
    why = f"{JUDGE}; nor does it say {unnamed}."
    arms = {"real": (REAL, f"{JUDGE}."), "generated": (generated, why), "mixed": (mixed, why)}
    return tuple(
        Reported(dataset=KAGGLE, metric=f"tstr_{arm}{column}", value=value, difference=difference)
        for arm, (values, difference) in arms.items()
        for column, value in zip(COLUMNS, values, strict=True)
    )
