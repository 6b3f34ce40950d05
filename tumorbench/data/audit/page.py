"""The audit as one HTML page without outside files, the offending pairs side by side. It holds patients' images: for local use only."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tumorbench.data.audit.alike import Alike
from tumorbench.data.audit.report import Audit
from tumorbench.data.decode import Decoded

__all__ = ["page", "random_pairs"]

MOST_CONFLICTS = 200  # pairs shown of a section
MOST_PAIRS = 48
SIDE = 150  # pixels of a picture's longer side
SEED = 20220101
STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1b1b1b }
.pairs { display: flex; flex-wrap: wrap; gap: .8rem }
figure { margin: 0; padding: .4rem; border: 1px solid #ccc; width: 320px } figure.conflict { border-color: #c62828 }
figure img { width: 150px; height: 150px; object-fit: contain; background: #333 }
figcaption { font-size: 12px; overflow-wrap: anywhere }
table { border-collapse: collapse } td, th { border: 1px solid #ccc; padding: .15rem .5rem; text-align: left }
.warning { background: #fff3cd; padding: .5rem .8rem }
"""
WARNING = "This page contains images of patients. Keep it on this machine: do not publish it and do not commit it."


def page(result: Audit) -> str:
    """The HTML of the audit: for each data set and each two of them the counts, and pictures of what was found."""
    paragraphs = [f"<h1>Audit of {', '.join(html.escape(each['dataset']) for each in result.report['datasets'])}</h1>"]
    paragraphs.append(f'<p class="warning">{WARNING}</p>')
    for report, alike in zip(result.datasets, result.within, strict=True):
        paragraphs.append(f"<h2>{html.escape(report['dataset'])}</h2>{_counts(report)}{_table(report['splits'])}")
        paragraphs += _of_set(result, alike)
    for name, images in result.unread.items():
        lines = "".join(f"<li>{html.escape(reason)}</li>" for reason in images.values())
        paragraphs.append(f"<h2>{html.escape(name)}</h2><p>Not audited: these cannot be read.</p><ul>{lines}</ul>")
    for report, alike in zip(result.between, result.across, strict=True):
        title = f"{html.escape(report['datasets'][0])} and {html.escape(report['datasets'][1])}"
        paragraphs.append(f"<h2>{title}</h2>{_counts(report)}")
        paragraphs += _section("Labels that disagree", alike.near.conflicts, MOST_CONFLICTS, "conflict")
        paragraphs += _section("Near-identical pairs", alike.near, MOST_PAIRS)
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Data audit</title><style>{STYLE}</style>'
    return "\n".join([head, *paragraphs, "</html>\n"])


def random_pairs(result: Audit, most: int) -> list[tuple[Alike, int]]:
    """At most so many of the near-identical pairs, within the sets and between them, each equally likely; the same each time."""
    every = [(alike.near, index) for alike in (*result.within, *result.across) for index in range(len(alike.near))]
    order = np.random.default_rng(SEED).permutation(len(every))[:most]
    return [every[index] for index in order]


def _of_set(result: Audit, alike: Alike) -> Iterator[str]:
    near, decoded = alike.near, alike.first
    yield from _section("Labels in conflict", near.conflicts, MOST_CONFLICTS, "conflict")
    folders = np.array([sample.split or "" for sample in decoded.samples], object)[alike.near.pairs]
    straddling = near.where((folders == "train").any(1) & (folders == "test").any(1))
    yield from _section("Near-identical pairs in its own training and test folders", straddling, MOST_PAIRS)
    others = alike.of_other_patients(result.kin[decoded.spec.id])[1]
    yield from _section("Pairs of different patients", others, MOST_PAIRS)
    yield from _section("Near-identical pairs", near, MOST_PAIRS)
    flawed = [(index, words) for own, index, words in result.flawed if own is decoded]
    if flawed:
        pictures = "".join(_figure([(decoded, index)], words) for index, words in flawed[:MOST_CONFLICTS])
        yield f'<h3>Pictures that cannot be slices ({len(flawed)})</h3><div class="pairs">{pictures}</div>'


def _section(title: str, alike: Alike, most: int, kind: str = "") -> Iterator[str]:
    """The heading and at most so many of the pairs, drawn at random; nothing where there is none."""
    if not len(alike):
        return
    order = np.random.default_rng(SEED).permutation(len(alike))[:most]
    shown = alike.where(np.sort(order))
    of = f"{len(shown)} of {len(alike)}, drawn at random" if len(shown) < len(alike) else f"{len(alike)}"
    figures = [
        _figure(
            [(alike.first, pair[0]), (alike.second, pair[1])],
            f"{'identical' if row['identical'] else row['correlation']}: {_words(row)}",
            kind,
        )
        for pair, row in zip(shown.pairs.tolist(), shown.rows(), strict=True)
    ]
    yield f'<h3>{html.escape(title)} ({of})</h3><div class="pairs">{"".join(figures)}</div>'


def _words(row: dict[str, Any]) -> str:
    return " | ".join(f"{sample} ({name})" for sample, name in zip(row["samples"], row["classes"], strict=True))


def _figure(pictures: Sequence[tuple[Decoded, int]], words: str, kind: str = "") -> str:
    images = "".join(f'<img alt="" src="{_picture(decoded, index)}">' for decoded, index in pictures)
    return f'<figure class="{kind}">{images}<figcaption>{html.escape(words)}</figcaption></figure>'


def _picture(decoded: Decoded, index: int) -> str:
    """The picture as a data URL, at most 150 pixels a side."""
    from PIL import Image

    buffer, picture = io.BytesIO(), Image.fromarray(np.asarray(decoded.image(index)))
    picture.thumbnail((SIDE, SIDE))
    picture.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _counts(report: dict[str, Any]) -> str:
    """The numbers of a report as a table; what is long has a section of its own."""
    rows = {name: value for name, value in report.items() if not isinstance(value, list) or len(str(value)) < SIDE}
    cells = (
        f"<tr><th>{html.escape(name.replace('_', ' '))}</th><td>{html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
        if name not in ("splits", "label_conflicts")
    )
    return f"<table>{''.join(cells)}</table>"


def _table(rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return ""
    heads = "".join(f"<th>{html.escape(name.replace('_', ' '))}</th>" for name in rows[0])
    lines = ("".join(f"<td>{html.escape(str(value))}</td>" for value in row.values()) for row in rows)
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
