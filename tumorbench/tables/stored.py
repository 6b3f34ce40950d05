"""Stored tables of predictions: as a cell writes them, and in the compact form in which they are published.

In the compact form what a table says of the slices whatever the network says (``FACTS``) stands once for all records
that test the same slices, in a file ``tested-...`` among the store's splits. The table names that file by its SHA-256
and its lines by their numbers; masks are run lengths. Nothing is rounded: both forms are read as the same table.
"""

from __future__ import annotations

import io
import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorbench.contracts.files.regular import is_sha256
from tumorbench.errors import BadInput, one_line
from tumorbench.store import file_sha256

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FACTS", "FORM", "MASK", "RUNS", "column_names", "facts_file", "facts_sha256", "read_stored"]

FACTS = ("sample_id", "label", "group", "cluster", "leaked")
MASK = "mask_png"
RUNS = ("mask_height", "mask_width", "mask_lengths", "mask_values")  # of a mask, row by row from its first pixel
ROW = "row"
FORM = "tumorbench"  # in the metadata of a compact file: its columns when it is read, and the SHA-256 of its facts
LARGEST_MASK = 2**25  # pixels


def column_names(path: Path) -> list[str]:
    """The columns of the stored table. Raises: BadInput where there is none that can be read."""
    return list(_form(path)["columns"])


def facts_sha256(path: Path) -> str | None:
    """The SHA-256 of the file of facts that a compact table names; None for another. Raises: BadInput."""
    return _form(path).get("tested")


def facts_file(path: Path, sha256: str) -> Path:
    """Where the facts of the compact table in ``path`` lie: a cell's table is four folders below its store.

    Raises: BadInput where it lies in none.
    """
    folder = next((each for each in path.absolute().parents if each.name == "cells"), None)
    if folder is None:
        raise BadInput(
            f"{path} is compact and lies in no store, so that its slices are not known; give the store's own"
        )
    return folder.parent / "splits" / path.absolute().relative_to(folder).parts[0] / f"tested-{sha256[:12]}.parquet"


def read_stored(path: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """The table in ``path`` in either form, or those of the columns that it has.

    Raises: BadInput where it cannot be read, or where the facts that it names are not there or were changed.
    """
    import pandas as pd

    form = _form(path)
    wanted = [name for name in form["columns"] if columns is None or name in columns]
    sha256 = form.get("tested")
    try:
        if sha256 is None:
            return pd.read_parquet(path, columns=wanted)
        return _expanded(path, sha256, wanted)
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes its reader raise
        raise BadInput(f"{path} cannot be read ({one_line(error)})") from None


def _metadata(path: Path) -> Any:
    """The file's own description. Raises: BadInput."""
    from pyarrow import parquet

    try:
        return parquet.read_metadata(path)
    except Exception as error:  # noqa: BLE001 - whatever a damaged file makes its reader raise
        raise BadInput(f"{path} cannot be read ({one_line(error)})") from None


def _form(path: Path) -> Mapping[str, Any]:
    """What the file says of its form: of one as a cell writes it the columns alone. Raises: BadInput."""
    found = _metadata(path)
    said = (found.metadata or {}).get(FORM.encode())
    if said is None:
        return {"columns": [str(name) for name in found.schema.to_arrow_schema().names]}
    try:
        form = json.loads(said)
        columns, tested = form["columns"], form["tested"]
    except (ValueError, TypeError, KeyError, RecursionError):
        columns, tested = None, None
    named = isinstance(columns, list) and all(isinstance(name, str) for name in columns)
    if not (named and is_sha256(tested)):
        raise BadInput(f"{path} does not say which columns it has, and of which slices")
    return {"columns": columns, "tested": tested}


def _expanded(path: Path, sha256: str, wanted: list[str]) -> pd.DataFrame:
    import pandas as pd

    own = [name for name in wanted if name not in (*FACTS, MASK)]
    masks = list(RUNS) if MASK in wanted else []
    table = pd.read_parquet(path, columns=[ROW, *own, *masks])
    place = facts_file(path, sha256)
    facts, rows = _facts(place, sha256), table[ROW].to_numpy()
    if rows.dtype.kind not in "iu" or (len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < len(facts)):
        raise BadInput(f"{path} names lines that {place.name} does not have")
    found = {name: facts[name].take(rows).reset_index(drop=True) for name in wanted if name in FACTS}
    found |= {name: table[name] for name in own}
    if masks:
        found[MASK] = pd.Series(
            [_png(*each) for each in zip(*(table[name] for name in RUNS), strict=True)], dtype=object
        )
    return pd.DataFrame({name: found[name] for name in wanted})


def _facts(place: Path, sha256: str) -> pd.DataFrame:
    """The file of facts, which is the one that is named. Raises: BadInput."""
    try:
        status = place.stat()
    except OSError:
        raise BadInput(f"{place} is missing, which says what was tested; publish the record again") from None
    there, facts = _read_facts(place, status.st_mtime_ns, status.st_size)
    if there != sha256:
        raise BadInput(f"{place} was changed after the tables that name it were written")
    return facts


@lru_cache(maxsize=64)
def _read_facts(place: Path, _mtime_ns: int, _size: int) -> tuple[str, pd.DataFrame]:
    import pandas as pd

    return file_sha256(place), pd.read_parquet(place)


def _png(height: int, width: int, lengths: NDArray[np.int32], values: NDArray[np.uint8]) -> bytes:
    """The mask that the run lengths give, as a PNG. Raises: ValueError where they give none."""
    from PIL import Image

    if (
        min(height, width) < 1
        or height * width > LARGEST_MASK
        or (lengths < 0).any()
        or lengths.sum() != height * width
    ):
        raise ValueError(f"its run lengths give no mask of {height} x {width} pixels")
    buffer = io.BytesIO()
    Image.fromarray(np.repeat(values, lengths).reshape(height, width)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
