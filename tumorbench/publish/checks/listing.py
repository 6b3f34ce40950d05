"""The splits of a data set as its card lists them: made from the data, for a plugin to ship."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from tumorbench.contracts.cards import DatasetSpec, ModelSpec
from tumorbench.contracts.dataset import Sample
from tumorbench.contracts.files.json_file import json_content
from tumorbench.contracts.files.regular import shown
from tumorbench.contracts.files.whole import written_whole
from tumorbench.contracts.known import KnownCopy, KnownSplit, column_digest, split_name
from tumorbench.contracts.problem import Protocol
from tumorbench.data.split import Split, measure_leakage
from tumorbench.errors import BadInput, one_line
from tumorbench.run.context import Context
from tumorbench.tasks.predictions import columns_of

__all__ = ["known_copy", "known_split", "read_copies", "write_copies"]

COPIES = TypeAdapter(tuple[KnownCopy, ...])
ID = "sample_id"  # the column of which the split's own fingerprint speaks


def known_split(split: Split, samples: Sequence[Sample]) -> KnownSplit:
    """What a record of the split has to say of it."""
    columns = {name: column_digest(values) for name, values in columns_of(split, samples).items() if name != ID}
    columns["label"] = column_digest(samples[index].label for index in split.test)
    return KnownSplit(fingerprint=split.fingerprint(samples), leakage=measure_leakage(split), columns=columns)


def known_copy(spec: DatasetSpec, context: Context) -> tuple[KnownCopy, dict[str, str]]:
    """(the copy that is here with every split of it, the splits that it cannot be given and why).

    Raises: Unavailable or BadInput where the data set is not here, or not whole.
    """
    dataset = context.decode(spec)
    splits, impossible = {}, {}
    for model, protocol, fold in _every_split(spec, context):
        name = split_name(protocol, fold, model.id)
        try:
            splits[name] = known_split(context.split(dataset, model, protocol, fold), dataset.samples)
        except BadInput as error:
            impossible[name] = str(error)
    return KnownCopy(fingerprint=dataset.fingerprint, splits=splits), impossible


def write_copies(path: Path, copy: KnownCopy) -> None:
    """The copy is in the list at ``path``, beside other copies of its data set. Raises: BadInput for a file of something else."""
    there = read_copies(path) if path.exists() else ()
    every = [copy, *(each for each in there if each.fingerprint != copy.fingerprint)]
    with written_whole(path, "w") as file:
        json.dump([each.model_dump(mode="json", exclude_defaults=True) for each in every], file, indent=1)
        file.write("\n")


def read_copies(path: Path) -> tuple[KnownCopy, ...]:
    """The copies that a list names. Raises: BadInput."""
    try:
        return COPIES.validate_python(json_content(path))
    except ValueError as error:
        raise BadInput(f"{path} lists no splits ({shown(one_line(error))}); name another file with --out") from None


def _every_split(spec: DatasetSpec, context: Context) -> Iterator[tuple[ModelSpec, Protocol, int]]:
    """(a model, protocol, fold) of each split; only ``paper`` is another one for each model."""
    models = list(context.registry.models.values())
    protocols: list[Protocol] = ["grouped", "official"] if spec.has_official else ["grouped"]
    for protocol in protocols if models else ():
        yield from ((models[0], protocol, fold) for fold in range(spec.folds(protocol)))
    yield from ((model, "paper", 0) for model in models if spec.id in model.paper.splits)
