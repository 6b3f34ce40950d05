"""From a store to the folder of a pull request: records, predictions, cards, and how all of it will be checked."""

from __future__ import annotations

import json
import shlex
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tumorbench.contracts.record import Record, Throughput
from tumorbench.errors import BadInput, TumorbenchError
from tumorbench.publish.publish import publish
from tumorbench.publish.verify import check_records
from tumorbench.registry import Registry
from tumorbench.store import Store, file_name, write_json
from tumorbench.tables.markdown import NOTHING, code, number, plain, plural, table

__all__ = ["CARDS", "RESULTS", "TEXT", "Submission", "opening_commands", "submit"]

RESULTS = Path("leaderboards", "results")  # below the folder, as in the repository
CARDS = Path("leaderboards", "cards")
TEXT = "PULL_REQUEST.md"
SHOWN = 40  # cells in the table of the text
KINDS = ("models", "datasets")  # whose cards are part of a submission
CHECKS = """## How it will be checked

1. **In CI, without data**: `tumorbench verify`. Every number that the predictions give is computed again; splits, labels and leakage are held against the list on the data set's card, and every record against all that are published.
2. **Where the data sets are**: `tumorbench verify --data --store runs --mark`. Labels, patients, splits and leakage are made anew, and generated images are scored again where their store is.
3. **By running cells again**: `tumorbench replay --sample 3 --seed SEED --store leaderboards/results --mark`. The seed is chosen after the pull request was opened. A cell that gives other numbers ends the review.

A record without predictions that can be published (a generator's are images) is only settled by 2 or 3. All of it needs the models' packages: the cards in `leaderboards/cards` name them, and they must be installable."""


@dataclass(slots=True)
class Submission:
    """What was put into the folder, and what was not.

    records: by their new place. refused: by its place in the store, with the reasons. left_open: what a check without
    data cannot tell, with the number of records.
    """

    folder: Path
    records: list[tuple[Path, Record]] = field(default_factory=list)
    refused: dict[Path, list[str]] = field(default_factory=dict)
    left_open: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Chosen(Store):
    """A store of which only the records of some models and data sets are seen; of every one where none is named."""

    models: Sequence[str] = ()
    datasets: Sequence[str] = ()

    def records(self) -> Iterator[tuple[Path, Record]]:
        """As of the store."""
        return (each for each in Store.records(self) if self._has(each[1].identity.model, each[1].identity.dataset))

    def throughputs(self) -> Iterator[tuple[Path, Throughput]]:
        """As of the store."""
        return (each for each in Store.throughputs(self) if self._has(each[1].model, each[1].dataset))

    def _has(self, model: str, dataset: str) -> bool:
        named = not self.models or {model, model.partition("[")[0]} & set(self.models)
        return bool(named) and (not self.datasets or dataset in self.datasets)


def submit(
    store: Store,
    folder: Path,
    registry: Registry,
    models: Sequence[str] = (),
    datasets: Sequence[str] = (),
    key: Path | None = None,
) -> Submission:
    """``folder`` holds what a pull request adds to the repository, and its text.

    Every sound finished record of the store, with predictions, split and figures as ``publish`` would have them, and
    the cards of their models and data sets. models, datasets: ids of those that are wanted; all of the store without
    any. key: the SSH key that signs each record. Raises: BadInput where ``folder`` holds something, or cannot be
    written; it is then as it was, so that the same call can be made again.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} exists already; give another folder with --out")
    place = Store(folder / RESULTS)
    with _whole_or_nothing(folder):
        found = publish(_Chosen(store.root, store.damaged, models, datasets), place, registry, None, key)
        result = Submission(folder, list(place.records()), found.refused)
        if not result.records:
            return result
        checked = check_records(result.records, registry)
        result.left_open = dict(Counter(reason for each in checked.values() for reason in each.left_open))
        try:
            _write_cards(result, registry)
            (folder / TEXT).write_text(_text(result, registry), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{folder} cannot be written ({error.strerror}); give another folder with --out") from None
    return result


def opening_commands(folder: Path) -> list[str]:
    """What to type in a clone of the repository, wherever that is, to open the pull request. Each is one line."""
    return [
        f"cp -r {shlex.quote(str(folder.resolve() / RESULTS.parent))} .",
        f"tumorbench leaderboard --published {RESULTS.parent}",
        "tumorbench verify",
        f"git add {RESULTS.parent} && git commit",
    ]


@contextmanager
def _whole_or_nothing(folder: Path) -> Iterator[None]:
    """Where the block is left by an exception the folder, which held nothing, holds nothing again."""
    was_there = folder.exists()
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if was_there:
            folder.mkdir(exist_ok=True)
        raise


def _write_cards(result: Submission, registry: Registry) -> None:
    """Each model's and data set's card lies in the folder, with the package that provides it."""
    for kind, name in _items(result):
        card = _card(registry, kind, name)
        if card is None:
            continue
        content = json.loads(card.model_dump_json(exclude={"known"}, exclude_defaults=True))
        distribution, version = _package(registry, kind, name)
        written = {"kind": kind, "package": distribution, "package_version": version, "card": content}
        write_json(result.folder / CARDS / kind / f"{file_name(name)}.json", written)


def _items(result: Submission) -> list[tuple[str, str]]:
    """(kind, id) of every card that the records speak of, each once."""
    identities = [record.identity for _, record in result.records]
    return sorted({pair for each in identities for pair in zip(KINDS, (each.model, each.dataset), strict=True)})


def _card(registry: Registry, kind: str, name: str) -> Any:
    try:
        return registry.model(name) if kind == "models" else registry.datasets[name]
    except (TumorbenchError, KeyError):
        return None


def _package(registry: Registry, kind: str, name: str) -> tuple[str, str]:
    """The distribution that provides the item, and its version.

    Of a model by name or with parameters, that of its family.
    """
    base = name.partition("[")[0]
    for plugin in registry.plugins:
        families = tuple(each.removesuffix("*") for each in plugin.provides.get("patterns", ()))
        if base in plugin.provides.get(kind, ()) or (kind == "models" and base.startswith(families)):
            return plugin.distribution, plugin.version
    return "", ""


def _text(result: Submission, registry: Registry) -> str:
    """The pull request's text."""
    models = sorted({record.identity.model for _, record in result.records})
    packages = sorted({" ".join(_package(registry, *item)) for item in _items(result)})
    about = (
        f"{plural(len(result.records), 'record')}. Their models and data sets come from {', '.join(map(plain, packages))}; say here "
        "where these packages can be installed from, what is new, and anything that a reader of the rows should know."
    )
    paragraphs = [
        f"# Results of {', '.join(map(code, models))}",
        about,
        table([_row(record, registry) for _, record in result.records[:SHOWN]]),
        *([f"and {more} others."] if (more := len(result.records) - SHOWN) > 0 else []),
        "## What a check without data leaves open",
        "\n".join(f"- in {plural(count, 'record')}: {plain(reason)}" for reason, count in result.left_open.items())
        or "Nothing.",
        CHECKS,
    ]
    return "\n\n".join(paragraphs) + "\n"


def _row(record: Record, registry: Registry) -> dict[str, str]:
    identity = record.identity
    ranking = [card.id for card in registry.metrics.values() if card.task == identity.task and card.ranks]
    metric = next((each for each in record.metrics if each.name.partition("[")[0] in ranking), None)
    ends = metric and metric.interval and f" ({number(metric.interval[0])} to {number(metric.interval[1])})"
    value = f"{metric.name} {number(metric.value)}{ends or ''}" if metric and metric.value is not None else NOTHING
    return {
        "data set": code(identity.dataset) + (", synthetic" if record.synthetic else ""),
        "model": f"{code(identity.model)} {plain(identity.model_version)}",
        "protocol": code(identity.protocol),
        "fold": str(identity.fold),
        "seed": str(identity.seed),
        "budget": identity.budget,
        "value": value,
        "cell": record.cell_key[:12],
    }
