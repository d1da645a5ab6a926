"""Rows to record batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.keyed import key
from pipeline.schema import REASONS
from pipeline.shards import BATCH_ROWS, cut

Row = dict[str, Any]
"""Values by column, strings also as UTF-8; a missing one is null. `reasons`: why the row is no document."""
HELD_BYTES = 8 << 20
"""Bytes of text in a batch: so few that the memory of the one before is used anew, which is far faster."""


def batches(rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """`rows` in batches with the columns of `schema` and `reasons`."""
    schema = schema.append(REASONS)
    held: list[Row] = []
    n_bytes = 0
    for row in rows:
        held.append(row)
        n_bytes += sum(len(v) for v in row.values() if isinstance(v, (str, bytes)))
        if len(held) == BATCH_ROWS or n_bytes >= HELD_BYTES:
            batch, held, n_bytes = _batch(held, schema), [], 0
            yield from cut(batch)
    if held:
        yield from cut(_batch(held, schema))


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    columns = [[row.get(name) for row in rows] for name in schema.names]
    arrays = [
        _strings(values) if pa.types.is_string(field.type) else pa.array(values, field.type)
        for field, values in zip(schema, columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _strings(values: list[str | bytes | None]) -> pa.StringArray:
    """As `pa.array(values, pa.string())`, without a second copy of their bytes."""
    parts = [v.encode() if isinstance(v, str) else v or b"" for v in values]
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)), out=offsets[1:])
    if offsets[-1] >= 1 << 31:
        raise OverflowError(f"{offsets[-1]} bytes in one string column: at most 2 GiB can be held")
    valid = np.packbits([v is not None for v in values], bitorder="little")
    buffers = [pa.py_buffer(b) for b in (valid, offsets.astype(np.int32), b"".join(parts))]
    return pa.Array.from_buffers(pa.string(), len(parts), buffers)


def location_id(file: str, offset: int, *more: object) -> str:
    """The id of a document that has none of its own: 16 hex digits of a hash of file and offset."""
    return f"{key(file, offset, *more):016x}"


def valid_text(text: str) -> str:
    """`text` that any engine can hold: U+FFFD for NUL and for surrogates that stand alone."""
    if text.isascii() and "\0" not in text:
        return text
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
