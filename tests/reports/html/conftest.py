"""Records of three classifiers, a segmenter and a generator with all a report shows, and the elements of a page."""

from __future__ import annotations

import hashlib
import html.parser
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from tumorbench.contracts.cards import MetricSpec
from tumorbench.contracts.cell import CellIdentity, cell_key
from tumorbench.contracts.recipe import Preprocessing, Quick, Recipe
from tumorbench.contracts.record import Artifact, Leakage, MetricValue, Record, Timing
from tumorbench.reports.html import Material, render_report
from tumorbench.tables.inputs import BoardCards, LocatedRecord

CLASSES = ("glioma", "pituitary")
RECIPE = Recipe(
    preprocessing=Preprocessing(size=32),
    epochs=3,
    batch_size=4,
    quick=Quick(epochs=2, steps_per_epoch=2, batch_size=4),
)
NO_LEAK = Leakage(test_samples=20, groups_on_both_sides=0, test_samples_of_shared_groups=0, identical_test_images=0)
LEAK = Leakage(test_samples=20, groups_on_both_sides=7, test_samples_of_shared_groups=9, identical_test_images=2)
PNG = b"\x89PNG\r\n\x1a\n and the rest of a picture"
VOID = {"meta", "link", "img", "input", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parents: tuple[Element, ...] = ()
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def inside(self, tag: str) -> Element | None:
        return next((each for each in reversed(self.parents) if each.tag == tag), None)


class Page(html.parser.HTMLParser):
    """The elements of a page in their order, each with all the text in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.elements, self.stack = text, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self.stack))
        self.elements.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_endtag(self, tag):
        assert self.stack[-1].tag == tag, f"</{tag}> closes <{self.stack[-1].tag}>"
        self.stack.pop()

    def handle_data(self, data):
        for element in self.stack:
            element.pieces.append(data)

    def all(self, *tags: str) -> list[Element]:
        return [each for each in self.elements if each.tag in tags]

    def lines(self, table: Element) -> list[list[str]]:
        """The texts of the table's lines, its headings first."""
        rows = [each for each in self.all("tr") if table in each.parents]
        return [[each.text for each in self.all("td", "th") if row in each.parents] for row in rows]


@pytest.fixture
def cell(tmp_path):
    """A record of net-a on figs that lies in the folder of the test, with its pictures."""

    def make(
        metrics=None,
        *,
        model="net-a",
        task="classification",
        dataset="figs",
        protocol="grouped",
        budget="quick",
        fold=0,
        seed=0,
        spread=0.05,
        pictures=(),
        origin="trained",
        **more,
    ):
        identity = CellIdentity(
            dataset=dataset,
            dataset_fingerprint="d" * 64,
            protocol=protocol,
            split_fingerprint="s" * 64,
            fold=fold,
            task=task,
            model=model,
            model_version="1",
            recipe=RECIPE.for_budget(budget),
            seed=seed,
            budget=budget,
            origin=origin,
        )
        path = f"cells/{dataset}/{model}/{protocol}-f{fold}-s{seed}-{budget}/record.json"
        artifacts = []
        for title in pictures:
            file = tmp_path / path.replace("record.json", f"figures/{title.replace(' ', '-')}.png")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(PNG + title.encode())
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            artifacts.append(Artifact(kind="figure", path=f"figures/{file.name}", sha256=sha256, title=title))
        values = tuple(
            MetricValue(
                name=name,
                value=value,
                n=20,
                higher_is_better=True,
                interval=None if value is None else (value - spread, value + spread),
            )
            for name, value in ({"accuracy": 0.8} if metrics is None else metrics).items()
        )
        fields = {
            "status": "ok",
            "dataset_title": f"The {dataset} slices",
            "model_title": f"Network {model}",
            "synthetic": False,
            "sizes": {"train": 60, "val": 20, "test": 20},
            "leakage": NO_LEAK if protocol == "grouped" else LEAK,
            "hardware": {"device": "cpu", "name": "a cpu of ours"},
            "parameters": {"total": 1000 + len(model), "trainable": 1000},
            "timing": Timing(train_s=12.5, predict_all_s=0.5),
            "history": ({"epoch": 1.0, "loss": 2.0, "val_loss": 3.0}, {"epoch": 2.0, "loss": 1.0, "val_loss": 2.5}),
            "best_epoch": 2,
            "started_at": "2026-11-25T12:03:00+00:00",
            "artifacts": tuple(artifacts),
        } | more
        record = Record(cell_key=cell_key(identity), identity=identity, metrics=values, **fields)
        return LocatedRecord(record, path)

    return make


@pytest.fixture
def given(figs, tmp_path):
    """The cards and tables of a report. tables: by the path of their record."""

    def make(tables=None, **more):
        ranking = {"classification": "accuracy", "segmentation": "dice"}
        metrics = tuple(
            MetricSpec(
                id=name,
                title=name,
                task=task,
                version="1",
                higher_is_better=True,
                value_range=(0, 1),
                ranks=True,
                factory="m:m",
            )
            for task, name in ranking.items()
        )
        cards = BoardCards({}, {"figs": figs()}, metrics)
        return Material(cards, lambda located: (tables or {}).get(located.path), tmp_path, **more)

    return make


@pytest.fixture
def rendered(given):
    """The page of these records."""

    def make(records, **more):
        return Page(render_report(records, given(**more)))

    return make


@pytest.fixture
def predictions():
    """A table of six test slices: the chance of the second class, the label, and what of the slice was seen."""

    def make(chances=(0.1, 0.9, 0.2, 0.95, 0.4, 0.3), labels=(0, 1, 1, 0, 0, 1), **more):
        second = np.array(chances)
        table = {"sample_id": [f"slice-{number}" for number in range(len(second))], "group": "", "label": labels}
        table |= {"predicted": (second > 0.5).astype(int), "p/glioma": 1 - second, "p/pituitary": second, "leaked": ""}
        return pd.DataFrame(table | more)

    return make
