"""``list``, ``info`` and ``plugins``: what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from tumorbench import registry
from tumorbench.cli.output import fail, print_json, print_table, say
from tumorbench.cli.root import AsJson, DataRoot, app
from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.errors import BadInput, TumorbenchError, Unavailable

__all__ = ["info", "list_items", "plugins"]

PROTOCOLS = [
    {"id": "paper", "title": "as the source publication split its data, leaks included", "ranks": False},
    {
        "id": "official",
        "title": "the data set's own train and test folders, or its author's folds, or folds",
        "ranks": False,
    },
    {"id": "grouped", "title": "patients and near-copies never straddle a split; 5 folds, stratified", "ranks": True},
    {
        "id": "external",
        "title": "trained on the set of --train-on without what matches a test slice, tested on the folds of grouped (only where it is named)",
        "ranks": False,
    },
    {
        "id": "tstr",
        "title": "a classifier trained on a generator's images, tested on real ones; the split of grouped (only where it is named)",
        "ranks": False,
    },
    {"id": "tstr-paper", "title": "the same on the split of paper (only where it is named)", "ranks": False},
]


@app.command("list")
def list_items(
    kind: Annotated[
        str,
        typer.Argument(
            help="datasets, models, metrics, extractors, executors, observers or protocols.", show_default="all of them"
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """What is installed, by kind."""
    found = registry.find()
    kinds = {name: _rows(getattr(found, name)) for name in registry.KINDS} | {"protocols": PROTOCOLS}
    if kind and kind not in kinds:
        raise BadInput(f"there is no list of {kind!r}; give one of {', '.join(kinds)}")
    chosen = {kind: kinds[kind]} if kind else kinds
    if as_json:
        print_json([{"kind": name, **row} for name, rows in chosen.items() for row in rows])
        return
    for name, rows in chosen.items():
        say(f"{name}:" if rows else f"{name}: none installed")
        print_table([{key: _text(value) for key, value in row.items()} for row in rows])
        say()
    for plugin in found.plugins:
        for fault in plugin.faults:
            fail(f"plugin {plugin.name} ({plugin.distribution}): {fault}")


def _rows(cards: Mapping[str, Any]) -> list[dict[str, Any]]:
    shown = (
        "id",
        "title",
        "task",
        "tasks",
        "classes",
        "version",
        "in_all",
        "ranks",
        "higher_is_better",
        "synthetic",
        "licence",
        "comparable",
    )
    return [
        {field: value for field, value in card.model_dump(mode="json").items() if field in shown}
        for _, card in sorted(cards.items())
    ]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


@app.command()
def info(
    item: Annotated[str, typer.Argument(help="The id of a data set or a model.")],
    as_json: AsJson = False,
    data_root: DataRoot = None,
) -> None:
    """One data set or model: its card, its parameter count or its samples, and how to get it."""
    found = registry.find()
    if item in found.datasets:
        content = dataset_report(found.datasets[item], data_root)
    elif found.has_model(item):
        content = _model_report(found.model(item))
    else:
        raise found.unknown("data set or model", {**found.datasets, **found.models}, item)
    if as_json:
        print_json(content)
    else:
        _say_nested(content)


def _model_report(spec: ModelSpec) -> dict[str, Any]:
    from tumorbench.training import networks

    problem = networks.problem_for(spec, None, spec.recipe)
    counted = networks.count_parameters(spec, problem)
    shape = {
        "classes": len(problem.classes),
        "channels": problem.channels,
        "size": problem.size,
        "outputs": problem.outputs,
    }
    return {**spec.model_dump(mode="json"), "parameters": {**counted, "for": shape}}


def dataset_report(spec: DatasetSpec, root: Path | None) -> dict[str, Any]:
    """The card with what is on disk: availability, how to get it, and the count of each class in each split."""
    from collections import Counter

    from tumorbench.data.locations import data_root
    from tumorbench.data.reading import data_folder, list_samples, open_dataset

    folder = data_folder(spec, data_root(root))
    card = spec.model_dump(mode="json", exclude={"known"})  # digests, for verify
    content = card | {"published_counts": spec.counts, "how_to_get": _how_to_get(spec, folder)}
    try:
        samples = list_samples(spec, open_dataset(spec, data_root(root)))
    except Unavailable as reason:
        return content | {"available": False, "reason": str(reason), "folder": str(folder)}
    except TumorbenchError as reason:
        return content | {"available": False, "reason": f"incomplete: {reason}", "folder": str(folder)}
    counts: dict[str, dict[str, int]] = {}
    for split, label in Counter((sample.split or "all", sample.label) for sample in samples).items():
        counts.setdefault(split[0], dict.fromkeys(spec.classes, 0))[spec.classes[split[1]]] = label
    patients = len({sample.patient for sample in samples if sample.patient})
    return content | {
        "available": True,
        "folder": str(folder),
        "counts": counts,
        "samples": len(samples),
        "patients": patients or None,
    }


def _how_to_get(spec: DatasetSpec, folder: Path) -> str:
    if spec.source.files or spec.source.kaggle:
        return f"tumorbench data fetch {spec.id}"
    if spec.synthetic:
        return "nothing to fetch: its plugin computes it"
    return f"ask for it at {spec.source.homepage}, and lay it into {folder}"


def _say_nested(content: Mapping[str, Any], indent: str = "") -> None:
    for name, value in content.items():
        if isinstance(value, Mapping):
            say(f"{indent}{name}:")
            _say_nested(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            say(f"{indent}{name}:")
            for item in value:
                say(f"{indent}  - {', '.join(f'{key} {each}' for key, each in item.items() if each not in (None, ''))}")
        elif value not in (None, [], ""):
            say(f"{indent}{name}: {_text(value)}")


@app.command()
def plugins(as_json: AsJson = False) -> None:
    """Every plugin, what it provides, and what is wrong with those that do not load."""
    found = registry.find()
    if as_json:
        names = ("name", "module", "distribution", "version", "provides", "faults", "notes")
        print_json([{name: getattr(plugin, name) for name in names} for plugin in found.plugins])
        return
    for plugin in found.plugins:
        provided = "; ".join(f"{kind}: {', '.join(ids)}" for kind, ids in plugin.provides.items())
        say(f"{plugin.name} ({plugin.distribution} {plugin.version}): {provided or 'provides nothing'}")
        for fault in plugin.faults:
            say(f"  BROKEN: {fault}")
        for note in plugin.notes:
            say(f"  NOTE: {note}")
