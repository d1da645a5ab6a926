"""Rows to record batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from pipeline.keyed import key
from pipeline.schema import REASONS
from pipeline.shards import BATCH_BYTES, BATCH_ROWS, cut

Row = dict[str, Any]
"""Values by column; a column that is missing is null. `reasons` says why the row is no document."""


def batches(rows: Iterable[Row], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """`rows` in batches with the columns of `schema` and `reasons`."""
    schema = schema.append(REASONS)
    held: list[Row] = []
    n_chars = 0
    for row in rows:
        held.append(row)
        n_chars += sum(len(v) for v in row.values() if isinstance(v, str))
        if len(held) == BATCH_ROWS or n_chars >= BATCH_BYTES:
            yield from cut(pa.RecordBatch.from_pylist(held, schema))
            held, n_chars = [], 0
    if held:
        yield from cut(pa.RecordBatch.from_pylist(held, schema))


def place_id(file: str, offset: int, *more: object) -> str:
    """The id of a document that has none of its own: 16 hex digits of a hash of where it lies."""
    return f"{key(file, offset, *more):016x}"


def valid_text(text: str) -> str:
    """`text` that any engine can hold: U+FFFD for NUL and for surrogates that stand alone."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
