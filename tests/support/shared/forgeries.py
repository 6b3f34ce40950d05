"""Published records that somebody rewrites, as carefully as a forger would."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from tumorbench import registry, tasks
from tumorbench.contracts.cell import CellIdentity, cell_key
from tumorbench.contracts.record import Record
from tumorbench.tables.compact import compacted
from tumorbench.tables.stored import facts_file, read_stored
from tumorbench.tasks.base import ScoringInput

__all__ = ["all_right", "cell_of", "copied", "rewritten", "with_metric"]


def cell_of(published: Path, model: str = "tiny-classifier", seed: int = 0, protocol: str = "grouped") -> Path:
    (path,) = published.glob(f"cells/tiny-shapes/{model}/{protocol}-fold0-seed{seed}-*/record.json")
    return path


def written_compact(table: pd.DataFrame, file: Path) -> None:
    """The table stands in the file in the form in which it is published, with its facts beside the splits."""
    found = compacted(table)
    assert found is not None
    file.write_bytes(found.table)
    facts_file(file, found.facts_sha256).write_bytes(found.facts)


def rewritten(path: Path, change=None, *, compact: bool = True, **fields) -> Path:
    """Predictions, their hash and every number that they give are written anew; the record too, as ``fields`` say.

    compact: in the published form; otherwise as a cell writes it, which is read as well. Returns the record's place,
    which is another one where its identity is.
    """
    record = Record.model_validate(json.loads(path.read_text()) | fields)
    file = path.parent / "predictions.parquet"
    if change:
        table = change(read_stored(file))
        written_compact(table, file) if compact else table.to_parquet(file, index=False)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    artifacts = tuple(
        each.model_copy(update={"sha256": sha256}) if each.kind == "predictions" else each for each in record.artifacts
    )
    record = record.model_copy(update={"artifacts": artifacts, "cell_key": cell_key(record.identity)})
    scores = tasks.of(record.identity).score(
        read_stored(file), ScoringInput.of_record(record, registry.find(), only=None)
    )
    path.write_text(scores.added_to(record).model_dump_json())
    return moved(path, record.identity)


def moved(path: Path, identity: CellIdentity) -> Path:
    """The record's place, after its folder was moved to where a cell of that identity lies."""
    name = f"{identity.protocol}-fold{identity.fold}-seed{identity.seed}-{identity.budget}-{cell_key(identity)[:12]}"
    folder = path.parents[2] / identity.model / name
    folder.parent.mkdir(exist_ok=True)
    if folder != path.parent:
        path.parent.rename(folder)
    return folder / path.name


def copied(path: Path, **changes) -> Path:
    """The record published once more as a cell of another identity, in place of that cell's own record."""
    content = json.loads(path.read_text())
    identity = CellIdentity.model_validate(content["identity"] | changes)
    name = f"{identity.protocol}-fold{identity.fold}-seed{identity.seed}-{identity.budget}-{cell_key(identity)[:12]}"
    folder = path.parents[2] / identity.model / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(path.parent, folder)
    content |= {"identity": identity.model_dump(mode="json"), "cell_key": cell_key(identity)}
    (folder / path.name).write_text(json.dumps(content))
    return folder / path.name


def all_right(table: pd.DataFrame) -> pd.DataFrame:
    """Every slice is given its class, with the probability of the most probable one."""
    names = [name for name in table if name.startswith("p/")]
    probabilities = np.sort(table[names].to_numpy(), axis=1)[:, ::-1]
    order = [[label, *(other for other in range(len(names)) if other != label)] for label in table["label"]]
    for row, places in enumerate(order):
        table.loc[row, [names[place] for place in places]] = probabilities[row]
    return table.assign(predicted=table["label"])


def with_metric(path: Path, metric: str, **fields) -> None:
    """The record says so of that metric."""
    record = json.loads(path.read_text())
    metrics = [each | fields if each["name"] == metric else each for each in record["metrics"]]
    path.write_text(json.dumps(record | {"metrics": metrics}))
