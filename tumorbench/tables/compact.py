"""A stored table of predictions in its compact form, which says exactly the same."""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tumorbench.tables.stored import FACTS, FORM, MASK, ROW, RUNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Compact", "compacted"]

LENGTHS = "mask_lengths"
LEVEL = 19  # of zstd: files are written once and read often


class Compact(NamedTuple):
    """Two files: the table, and the facts that it names by their SHA-256."""

    table: bytes
    facts: bytes

    @property
    def facts_sha256(self) -> str:
        """By which the table names the facts."""
        return hashlib.sha256(self.facts).hexdigest()


def compacted(table: pd.DataFrame) -> Compact | None:
    """The table's compact form, equal bytes for equal tables; None where it has none, as without sample ids."""
    facts = [name for name in FACTS if name in table]
    if "sample_id" not in facts or {ROW, *RUNS} & set(table) or table.columns.has_duplicates:
        return None
    pairs = table[facts]
    distinct = pairs.drop_duplicates(ignore_index=True)
    place = {each: index for index, each in enumerate(distinct.itertuples(index=False, name=None))}
    rows = np.array([place[each] for each in pairs.itertuples(index=False, name=None)], np.int32)
    columns: dict[str, Any] = {ROW: rows}
    columns |= {str(name): table[name] for name in table if name not in (*FACTS, MASK)}
    if MASK in table:
        columns |= dict(zip(RUNS, _runs(table[MASK]), strict=True))
    written = _parquet(distinct, {})
    form = {"columns": list(table.columns), "tested": hashlib.sha256(written).hexdigest()}
    return Compact(_parquet(columns, {FORM: json.dumps(form, separators=(",", ":"))}), written)


def _parquet(columns: Any, metadata: dict[str, str]) -> bytes:
    """The columns as the bytes of a file, without what only says where it comes from."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.Table.from_pandas(pd.DataFrame(columns), preserve_index=False).replace_schema_metadata()
    of_lists = {field.name for field in table.schema if pa.types.is_list(field.type)}
    leaves = {
        f"{field.name}.list.element" if field.name in of_lists else field.name: _leaf(field.type)
        for field in table.schema
    }
    split = {name for name, kind in leaves.items() if pa.types.is_floating(kind) or name.startswith(LENGTHS)}
    buffer = io.BytesIO()
    with parquet.ParquetWriter(
        buffer,
        table.schema,
        compression="zstd",
        compression_level=LEVEL,
        use_dictionary=sorted(leaves.keys() - split - {ROW}),
        use_byte_stream_split=sorted(split),
        column_encoding={ROW: "DELTA_BINARY_PACKED"} if ROW in leaves else None,
        write_statistics=False,
        store_schema=False,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(metadata)
    return buffer.getvalue()


def _leaf(kind: Any) -> Any:
    """The type of a column's values, of those in its lists where it has lists."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_list(kind) else kind


def _runs(masks: pd.Series) -> tuple[list[int], list[int], list[NDArray[np.int32]], list[NDArray[np.uint8]]]:
    """Height, width, lengths and values of each mask, as ``RUNS``."""
    from PIL import Image

    heights, widths, lengths, values = [], [], [], []
    for png in masks:
        with Image.open(io.BytesIO(png)) as picture:
            mask = np.asarray(picture, np.uint8)
        flat = mask.ravel()
        starts = np.flatnonzero(np.diff(flat)) + 1
        heights.append(mask.shape[0])
        widths.append(mask.shape[1])
        lengths.append(np.diff(starts, prepend=0, append=len(flat)).astype(np.int32))
        values.append(flat[np.concatenate([[0], starts])])
    return heights, widths, lengths, values
