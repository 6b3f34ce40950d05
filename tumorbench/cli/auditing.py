"""What ``data audit`` prints and writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tumorbench import registry
from tumorbench.cli.output import Reporter, fail, print_json, print_table, reporter, say
from tumorbench.contracts.files.whole import written_whole
from tumorbench.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from tumorbench.data.audit import Audit
    from tumorbench.data.decode import Decoded

__all__ = ["audit_datasets"]

SHEET_PAIRS = 50
NAMED = 10  # images or conflicts that a line names; --json and --html have all


def audit_datasets(
    names: Sequence[str], root: Path | None, html: Path | None, sheet: Path | None, *, as_json: bool
) -> int:
    """The data sets are audited and compared, the report is printed, and the page and the sheet are written.

    names: of data sets; none of them: every one on disk. Returns the exit code: 1 where a picture cannot be read.
    Raises: Unavailable for a named set that is not on disk; BadInput where none is.
    """
    from tumorbench.data.audit import audit, page

    with reporter(silent=as_json) as told:
        found, unread = _decoded(names, root, told)
        result = audit(found, registry.find(), told.progress)
    result.unread |= unread
    if html:
        _write(html, page(result).encode())
    if sheet:
        _draw_pairs(result, sheet)
    if as_json:
        print_json(result.report)
    else:
        for report in result.report["datasets"]:
            _say_set(report)
        _say_between(result.between)
        for path in (html, sheet):
            if path:
                say(f"{path} holds images of patients: keep it on this machine")
    return 1 if unread else 0


def _decoded(
    names: Sequence[str], root: Path | None, told: Reporter
) -> tuple[list[Decoded], dict[str, dict[str, str]]]:
    """(the sets that could be decoded, for each other one its pictures that cannot be read, with the reason)."""
    from tumorbench.data.audit import unreadable
    from tumorbench.data.decode import decode
    from tumorbench.data.locations import cache_root, data_root

    known, place = registry.find(), data_root(root)
    specs = [known.dataset(name) for name in dict.fromkeys(names)] or [
        spec for spec in known.datasets.values() if not spec.synthetic
    ]
    found: list[Decoded] = []
    unread: dict[str, dict[str, str]] = {}
    for spec in specs:
        try:
            found.append(decode(spec, place, cache_root() / "decoded", told.progress))
        except Unavailable:
            if names:
                raise
        except BadInput:
            unread[spec.id] = unreadable(spec, place)
            if not unread[spec.id]:
                raise
    if not (found or unread):
        raise BadInput(f"no data set is in {place}; fetch one with: tumorbench data fetch DATASET, or name --data-root")
    return found, unread


def _say_set(report: dict[str, Any]) -> None:
    """The numbers of one set, one a line, and its splits as a table."""
    say(f"{report['dataset']}:")
    for name, value in report.items():
        if name not in ("dataset", "splits", "splits_not_possible", "trivial_descriptors"):
            say(f"  {name.replace('_', ' ')}: {_text(value)}")
    for sample, reason in report["unreadable_images"].items():
        fail(f"{report['dataset']}: {sample}: {reason}")
    if "splits" not in report:
        return
    say(f"  trivial descriptors: {_descriptors(report['trivial_descriptors'])}")
    for name, reason in report["splits_not_possible"].items():
        say(f"  not possible: {name}: {reason}")
    print_table(_over_folds(report["splits"]))
    say()


def _say_between(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        say(f"{' and '.join(row['datasets'])}:")
        for name, value in row.items():
            if name != "datasets":
                say(f"  {name.replace('_', ' ')}: {_text(value)}")
        say()


def _text(value: Any) -> str:
    if value is None:
        return "not compared"
    if isinstance(value, bool):
        return "yes" if value else "no: the sets have no class in common, by name or by their cards"
    if not isinstance(value, list | dict):
        return str(value)
    shown = [_conflict(each) if isinstance(each, dict) else str(each) for each in value]
    more = [f"and {len(shown) - NAMED} more"] if len(shown) > NAMED else []
    return ", ".join(shown[:NAMED] + more) or "none"


def _conflict(row: dict[str, Any]) -> str:
    return " is ".join(f"{sample} ({name})" for sample, name in zip(row["samples"], row["classes"], strict=True))


def _descriptors(found: dict[str, Any]) -> str:
    if "reason" in found:
        return f"not measured: {found['reason']}"
    alone = ", ".join(f"{name} {value:.3f}" for name, value in found["alone"].items())
    lowest, highest = found["folds"]
    return (
        f"balanced accuracy {found['together']:.3f} (folds {lowest:.3f} to {highest:.3f}), by chance "
        f"{found['chance']:.3f}; each alone: {alone}"
    )


def _over_folds(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each split and comparison, its numbers from the lowest to the highest fold; empty parts are left out."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if row["images"]:
            groups.setdefault((row["split"], row["parts"]), []).append(row)

    def extent(values: list[int]) -> str:
        return str(min(values)) if min(values) == max(values) else f"{min(values)}-{max(values)}"

    return [
        {"split": split, "folds": len(own), "parts": parts}
        | {
            name.removesuffix("_images").replace("_", " "): extent([row[name] for row in own])
            for name in own[0]
            if name not in ("split", "fold", "parts")
        }
        for (split, parts), own in groups.items()
    ]


def _draw_pairs(result: Audit, path: Path) -> None:
    """A sheet of fifty near-identical pairs, drawn at random, lies at ``path``: whether they are copies a person sees."""
    import numpy as np

    from tumorbench.data.audit import random_pairs
    from tumorbench.figures import pair_sheet

    pairs = []
    for alike, index in random_pairs(result, SHEET_PAIRS):
        one, other = alike.pairs[index].tolist()
        images = np.asarray(alike.first.image(one)), np.asarray(alike.second.image(other))
        names = f"{alike.first.samples[one].id}\n{alike.second.samples[other].id}"
        pairs.append((*images, f"{alike.correlations[index]:.4f} {names}"))
    pair_sheet(pairs, path)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(content)
