"""Which metrics stand in which table of a task's board, and on the data sets' own pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tumorbench.tables.columns import is_judged
from tumorbench.tables.inputs import BoardCards, metric_id
from tumorbench.tables.markdown import plain
from tumorbench.tables.rows import Row

__all__ = ["ARROWS", "HEADLINES", "TSTR", "Block", "Ranking", "blocks"]

HEADLINES = {
    "classification": (
        "accuracy", "accuracy_clean", "accuracy_leaked", "balanced_accuracy", "f1_macro", "cross_entropy",
    ),
    "segmentation": (
        "dice", "iou", "dice_image_mean", "hd95", "dice_small_lesions", "lesion_free_specificity", "pixel_accuracy",
        "keras_meaniou_bug",
    ),
    "generation": (
        "kid", "coverage", "fid", "density", "manifold_precision", "manifold_recall", "inception_score",
        "memorisation", "nearest_ratio", "ks_d", "wasserstein_1", "ks_d_foreground", "diversity",
    ),
}  # fmt: skip
TSTR = ("tstr_real", "tstr_generated", "tstr_mixed", "tstr_augmented", "tstr_generated_train")
TSTR_MAIN = ("tstr_generated", "tstr_real", "tstr_mixed")
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
    """One table: its metrics in column order with their headings, and those that rank; the first of these orders it.

    main: the names of those on the board, the one that orders it first. every: the names of all values that its rows
    have, of classes too, in the order of the cards.
    """

    metrics: dict[str, str]
    rankings: tuple[Ranking, ...]
    title: str = ""  # "" where the task has one table only
    comparable: bool = True  # False: the extractor's values are not those of the literature
    note: str = ""  # what a reader has to know of this table
    main: tuple[str, ...] = ()
    every: tuple[str, ...] = ()


def blocks(task: str, rows: Sequence[Row], cards: BoardCards) -> list[Block]:
    """The tables of ``rows``: one, or for generation one for each feature extractor and one of the intensities.

    A metric of a plugin whose card says ``headline`` is among ``metrics`` and ``main`` as the built-in ones are.
    """
    present = _in_order({name for row in rows for name in row.metric_names}, cards)
    if task != "generation":
        return [_block(present, task, rows, cards)]
    tables = []
    for extractor in sorted({_extractor(name) for name in present} - {""}):
        names = [name for name in present if _extractor(name) == extractor]
        block = _block(names, task, rows, cards, f"Features of `{extractor}`")
        if block.metrics:
            tables.append(block)
    judged = [name for name in TSTR if name in present]
    others = [name for name in present if not (_extractor(name) or is_judged(name))]
    intensities = _block(others, task, rows, cards, "Intensities")
    if intensities.metrics or not (tables or judged):
        tables.append(intensities)
    if judged:
        title = "Train on synthetic, test on real: accuracy of one fixed classifier"
        headings = {name: _heading(name, rows) for name in judged}
        main = tuple(name for name in TSTR_MAIN if name in judged)
        every = dict.fromkeys([*judged, *(name for name in present if is_judged(name))])
        tables.append(Block(headings, (), title, note=TSTR_NOTE, main=main, every=tuple(every)))
    return tables


def _block(names: Sequence[str], task: str, rows: Sequence[Row], cards: BoardCards, title: str = "") -> Block:
    """names: of all values that belong to it."""
    whole = {metric_id(name): name for name in names if "/" not in name}
    chosen = [card.id for card in cards.metrics if card.task == task and card.headline]
    shown = [whole[each] for each in dict.fromkeys((*HEADLINES[task], *chosen)) if each in whole]
    rankings = tuple(
        Ranking(whole[card.id], bool(card.higher_is_better)) for card in cards.rankings(task) if card.id in whole
    )
    shown += [each.metric for each in rankings if each.metric not in shown]
    main = dict.fromkeys([*(each.metric for each in rankings), *(whole[each] for each in chosen if each in whole)])
    block = Block({}, rankings, title, main=tuple(main or shown[:3]), every=tuple(names))
    comparable = all(row.statistic(name).comparable for name in shown for row in rows if name in row.metric_names)  # type: ignore[union-attr]
    mark = "" if comparable else " †"
    return replace(block, metrics={name: f"{_heading(name, rows)}{mark}" for name in shown}, comparable=comparable)


def _heading(name: str, rows: Iterable[Row]) -> str:
    """The metric's name and its direction."""
    found = next(statistic for row in rows if (statistic := row.statistic(name)))
    return f"{plain(name)}{ARROWS[found.higher_is_better]}"


def _extractor(name: str) -> str:
    """``e`` of ``kid[e]/CLASS``; "" where the name has none."""
    return name.partition("[")[2].partition("]")[0]


def _in_order(names: Iterable[str], cards: BoardCards) -> list[str]:
    """By the cards' order, then what has no card; a metric's own value before those of classes."""
    place = {card.id: number for number, card in enumerate(cards.metrics)}
    return sorted(names, key=lambda name: (place.get(metric_id(name), len(place)), metric_id(name), "/" in name, name))
