"""The columns every document has, and how a stage declares the ones it adds."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def column(name: str, type: pa.DataType, meaning: str, unit: str = "", nullable: bool = True) -> pa.Field:
    """A declared column: its meaning and unit travel with it and are printed by `pipeline stages`."""
    metadata = {"meaning": meaning} | ({"unit": unit} if unit else {})
    return pa.field(name, type, nullable=nullable, metadata=metadata)


MADE_BY = b"made_by"
"""Key in the metadata of a column: how it was made, where that can differ (a profile, a model's digest)."""


def made(column: pa.Field, by: str) -> pa.Field:
    """The column with how it was made. What `Step.needs` declares so must be what `Step.makes` made so."""
    return column.with_metadata({**(column.metadata or {}), MADE_BY: by.encode()})


def made_by(column: pa.Field) -> str:
    """How the column was made; '' if it does not say, as in files of others."""
    by: bytes = (column.metadata or {}).get(MADE_BY, b"")
    return by.decode()


ID = column("id", pa.string(), "WARC record id, or a hash of file and offset")
URL = column("url", pa.string(), "address the document was fetched from; null if it has none")
TEXT = column("text", pa.string(), "plain text; null where extraction found none")
HTML = column("html", pa.string(), "decoded markup")
SOURCE = column("source", pa.string(), "where documents come from: the unit of a mixture")
DATE = column("date", pa.string(), "when it was fetched or written, ISO 8601; null if unknown")
FILE = column("file", pa.string(), "file it was read from")
OFFSET = column("offset", pa.int64(), "where in the file it starts", "bytes")
LENGTH = column("length", pa.int64(), "how much of the file it takes", "bytes")

N_BYTES = column("n_bytes", pa.int64(), "size of the text in UTF-8; null if there is none", "bytes")
REASONS = column("reasons", pa.list_(pa.string()), "every rule that failed; empty or null keeps")
DROPPED_BY = column("dropped_by", pa.string(), "the step that dropped the document")
DOC = column("doc", pa.int64(), "document number: shard * 2^32 + row, fixed by the input's order")

ROW_BITS = 32
"""A document number is `shard << ROW_BITS | row`; SQL compares and joins it as one BIGINT."""


def document_schema(body: pa.Field, *more: pa.Field) -> pa.Schema:
    """What a source provides: `body` is TEXT or HTML; `more` are columns of its own."""
    return pa.schema([ID, URL, body, SOURCE, DATE, FILE, OFFSET, LENGTH, *more])


def put(batch: pa.RecordBatch, column: pa.Field, values: pa.Array) -> pa.RecordBatch:
    """`batch` with a column of these values: in the place of the one of that name, else behind the others."""
    at = batch.schema.get_field_index(column.name)
    return batch.append_column(column, values) if at < 0 else batch.set_column(at, column, values)


def written(schema: pa.Schema) -> pa.Schema:
    """Columns of a shard of documents on disk: those of the step, and N_BYTES.

    Meanings and units stay behind: what is said of a column must not change the bytes of a shard.
    """
    return pa.schema([*(_unexplained(f) for f in schema if f.name != N_BYTES.name), _unexplained(N_BYTES)])


def _unexplained(field: pa.Field) -> pa.Field:
    kept = {k: v for k, v in (field.metadata or {}).items() if k not in (b"meaning", b"unit")}
    type_ = field.type
    if pa.types.is_struct(type_):
        type_ = pa.struct([_unexplained(f) for f in type_])
    elif pa.types.is_list(type_):
        type_ = pa.list_(_unexplained(type_.value_field))
    return pa.field(field.name, type_, field.nullable, metadata=kept or None)


def sized(batch: pa.RecordBatch) -> pa.RecordBatch:
    """`batch` with N_BYTES, so that the size of documents is known without reading them."""
    text = batch.schema.get_field_index(TEXT.name)
    sizes = pc.binary_length(batch.column(text)) if text >= 0 else pa.nulls(len(batch))
    return put(batch, N_BYTES, sizes.cast(pa.int64()))


def conform(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """`batch` with exactly the columns of `schema`, by name; columns it lacks are null.

    Engines match columns by position and ignore names (Spark does), so nothing leaves a task unconformed.
    """
    have = {name: i for i, name in enumerate(batch.schema.names)}
    arrays = [
        batch.column(have[f.name]).cast(f.type) if f.name in have else pa.nulls(len(batch), f.type)
        for f in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
