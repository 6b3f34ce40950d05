"""What several pages say of a data set, in the same words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tumorbench.boards.blocks import Block
from tumorbench.contracts.budget import Budget, share_of
from tumorbench.contracts.cards import DatasetSpec
from tumorbench.tables.inputs import LocatedRecord
from tumorbench.tables.markdown import code, plain
from tumorbench.tables.memorised import MEMORISED, memorises
from tumorbench.tables.rows import Row

__all__ = [
    "NOT_COMPARABLE",
    "SYNTHETIC",
    "about_budget",
    "anchor",
    "detail_page",
    "heading",
    "memorised_note",
    "opening",
    "patients_in_words",
]

SYNTHETIC = (
    "These images are computed, not taken of patients: the numbers show that the benchmark works, and say nothing "
    "about brain tumours."
)
QUICK = (
    "Quick results are runs of a bounded number of steps, for a CPU or CI, some at a smaller image size. They are not "
    "comparable with full ones, which never stand in this table."
)
FULL = "Every model trained for its recipe's epochs."
SHARE = (
    "Every model trained for {share} of its full recipe's epochs, at least one; all else is as in full. These results "
    "are not comparable with full ones, nor with those of another share, which never stand in this table."
)
NOT_COMPARABLE = "† not comparable with published values: the literature's are computed with another feature extractor."
PAGES = ("readme", "classification", "segmentation", "generation", "throughput", "what-a-split-is-worth")


def opening(block: Block, level: int) -> Iterator[str]:
    """What stands above a block's tables: its heading, of that level, its note, and how far its values compare."""
    if block.title:
        yield f"{'#' * level} {block.title}{'' if block.comparable else ' †'}"
    if block.note:
        yield block.note
    if not block.comparable:
        yield NOT_COMPARABLE


def heading(cell: LocatedRecord) -> str:
    """The data set's title and id; of synthetic data it says so first."""
    name = f"{plain(cell.record.dataset_title)} ({code(cell.record.identity.dataset)})"
    return f"SYNTHETIC: {name}" if cell.record.synthetic else name


def detail_page(dataset: str) -> str:
    """The name of the data set's own page; never that of another page.

    >>> detail_page("figshare3064"), detail_page("lab/throughput"), detail_page("throughput")
    ('figshare3064.md', 'lab--throughput.md', 'data-set-throughput.md')
    """
    name = dataset.replace("/", "--")
    return f"data-set-{name}.md" if name.lower() in PAGES else f"{name}.md"


def about_budget(budget: Budget) -> str:
    """What the budget means for the results that stand below."""
    share = share_of(budget)
    return SHARE.format(share=share) if share else {"full": FULL, "quick": QUICK}[budget]


def anchor(task: str, budget: Budget) -> str:
    """Where on a data set's page the task and the budget stand."""
    return f"{task}-{budget}-budget"


def patients_in_words(card: DatasetSpec) -> str:
    """Whether the data set says whose its slices are."""
    if card.patients_known:
        return "known."
    return (
        "not known to the set; `grouped` keeps near-copies together, and the patients that a match with another set "
        "told."
    )


def memorised_note(rows: Sequence[Row]) -> str:
    """The generators that repeat their training images; "" where none does."""
    copied = sorted({row.identity.model for row in rows if any(memorises(cell.record) for cell in row.cells)})
    if not copied:
        return ""
    return (
        f"Memorised: more than {MEMORISED:.0%} of the images of {', '.join(map(code, copied))} are nearer to a training "
        "image than nearly all held-out ones."
    )
