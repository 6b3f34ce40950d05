"""Which metrics stand in which table of a task's board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tumorbench.tables.inputs import BoardCards, metric_id
from tumorbench.tables.markdown import plain
from tumorbench.tables.rows import Row

__all__ = ["HEADLINES", "Block", "Ranking", "blocks"]

HEADLINES = {
    "classification": (
        "accuracy", "accuracy_clean", "accuracy_leaked", "balanced_accuracy", "f1_macro", "cross_entropy",
    ),
    "segmentation": (
        "dice", "iou", "dice_image_mean", "dice_small_lesions", "lesion_free_specificity", "pixel_accuracy", "keras_meaniou_bug",
    ),
    "generation": (
        "kid", "coverage", "fid", "density", "manifold_precision", "manifold_recall", "inception_score",
        "memorisation", "nearest_ratio", "ks_d", "wasserstein_1", "ks_d_foreground", "diversity",
    ),
}  # fmt: skip
TSTR = ("tstr_real", "tstr_generated", "tstr_mixed", "tstr_augmented", "tstr_generated_train")
TSTR_NOTE = (
    "Accuracy on the same real test images of a classifier that learned from the real training images (`tstr_real`), "
    "from as many generated ones of the same classes (`tstr_generated`), from both (`tstr_mixed`), and from the real "
    "ones with a rotated, zoomed, shifted or mirrored copy of each (`tstr_augmented`, which costs what the mix does). "
    "A generator that knows no class is trained once for each. Values are means over the classifier's seeds."
)
ARROWS = {True: " ↑", False: " ↓", None: ""}


@dataclass(frozen=True, slots=True)
class Ranking:
    """A metric by which rows rank, by its name in the records."""

    metric: str
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class Block:
    """One table: its metrics in column order with their headings, and those that rank; the first of these orders it."""

    metrics: dict[str, str]
    rankings: tuple[Ranking, ...]
    title: str = ""  # "" where the task has one table only
    comparable: bool = True  # False: the extractor's values are not those of the literature
    note: str = ""  # what a reader has to know of this table


def blocks(task: str, rows: Sequence[Row], cards: BoardCards) -> list[Block]:
    """The tables of ``rows``: one, or for generation one for each feature extractor and one of the intensities."""
    present = {name for row in rows for name in row.metric_names}
    if task != "generation":
        return [_block([name for name in HEADLINES[task] if name in present], task, rows, cards)]
    extractors = sorted({name.partition("[")[2].rstrip("]") for name in present if "[" in name})
    tables = []
    for extractor in extractors:
        names = [f"{name}[{extractor}]" for name in HEADLINES[task] if f"{name}[{extractor}]" in present]
        if names:
            tables.append(_block(names, task, rows, cards, f"Features of `{extractor}`"))
    intensities = [name for name in HEADLINES[task] if name in present]
    judged = [name for name in TSTR if name in present]
    if intensities or not (tables or judged):
        tables.append(_block(intensities, task, rows, cards, "Intensities"))
    if judged:
        tables.append(
            replace(
                _block(judged, task, rows, cards, "Train on synthetic, test on real: accuracy of one fixed classifier"),
                note=TSTR_NOTE,
            )
        )
    return tables


def _block(names: Sequence[str], task: str, rows: Sequence[Row], cards: BoardCards, title: str = "") -> Block:
    found = {name: [statistic for row in rows if (statistic := row.statistic(name))] for name in names}
    comparable = all(statistic.comparable for statistics in found.values() for statistic in statistics)
    return Block(
        metrics={
            name: f"{plain(name)}{ARROWS[found[name][0].higher_is_better]}{'' if comparable else ' †'}"
            for name in names
        },
        rankings=tuple(
            Ranking(name, bool(card.higher_is_better))
            for card in cards.rankings(task)
            for name in names
            if metric_id(name) == card.id
        ),
        title=title,
        comparable=comparable,
    )
