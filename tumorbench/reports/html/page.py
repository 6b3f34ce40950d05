"""The report: every record of a store, or every published one, as one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, get_args

from tumorbench.boards.protocols import protocols_in_words
from tumorbench.contracts.budget import in_order
from tumorbench.contracts.problem import Protocol
from tumorbench.reports.html import script
from tumorbench.reports.html.found import summary_of
from tumorbench.reports.html.material import Material
from tumorbench.reports.html.sections import TASKS, sections_of
from tumorbench.reports.html.views import Section
from tumorbench.tables.inputs import LocatedRecord
from tumorbench.tables.rows import without_outdated_failures

__all__ = ["render_report"]

ABOUT = {
    "classification": "Which class a slice shows.",
    "segmentation": "Which pixels of a slice are tumour.",
    "generation": "How close generated slices come to real ones.",
}


def render_report(records: Sequence[LocatedRecord], given: Material) -> str:
    """The HTML. Equal records, cards and files beside them give equal bytes."""
    located = without_outdated_failures(records)
    sections = sections_of(located, given)
    scripts = {"library": script.library(), "page": script.page_script()}
    text: str = (
        _environment()
        .get_template("report.html.jinja")
        .render(
            policy=script.policy(*scripts.values()),
            style=script.style(),
            tasks=[
                (task, ABOUT[task], own) for task in TASKS if (own := [each for each in sections if each.task == task])
            ],
            sections=sections,
            choices=_choices(sections, located),
            summary=_summary(located),
            found=summary_of(located, given.cards),
            protocols={task: protocols_in_words(task, _protocols(located, task)) for task in TASKS},
            published=given.published,
            shows_patients=any(picture.real for each in sections for row in each.details for picture in row.pictures),
            scripts=scripts,
            serial=count(1).__next__,
        )
    )
    return script.without_addresses(text)


def _choices(sections: Sequence[Section], located: Sequence[LocatedRecord]) -> dict[str, list[str]]:
    """What the page can be filtered by, with the values that are there."""
    present = {cell.record.identity.protocol for cell in located}
    return {
        "datasets": sorted({each.dataset for each in sections}),
        "protocols": [name for name in get_args(Protocol) if name in present],
        "budgets": in_order(each.budget for each in sections),
    }


def _summary(located: Sequence[LocatedRecord]) -> dict[str, Any]:
    finished = [cell.record for cell in located if cell.record.status == "ok"]
    newest = max((record.started_at for record in finished), default="")
    return {
        "finished": len(finished),
        "without": len(located) - len(finished),
        "datasets": len({record.identity.dataset for record in finished}),
        "models": len({record.identity.model for record in finished}),
        "newest": f"{newest[:16].replace('T', ' ')} UTC" if newest else "",
    }


def _protocols(located: Sequence[LocatedRecord], task: str) -> set[Protocol]:
    return {cell.record.identity.protocol for cell in located if cell.record.identity.task == task}


def _environment() -> Any:
    """Jinja's, in which everything is escaped that is no Markdown of ours."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markdown_it import MarkdownIt
    from markupsafe import Markup

    markdown = MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink"])
    found = Environment(
        loader=PackageLoader("tumorbench.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["line"] = lambda text: Markup(markdown.renderInline(str(text)))  # noqa: S704 - it escapes HTML itself
    found.filters["paragraphs"] = lambda text: Markup(markdown.render(str(text)))  # noqa: S704 - as above
    return found
