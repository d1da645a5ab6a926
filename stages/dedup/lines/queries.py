"""Which units go from which documents: queries over (document, hash), each of which can spill."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from pipeline.schema import DOC, column
from pipeline.stage import Relation, Sql

PART = 4096
"""Documents whose hashes are put into lists at a time."""
MILLION = 1_000_000

REMOVED = column(
    "line_dedup_removed", pa.list_(pa.int64()), "hashes of the units that go; null if nothing does"
)
PACKED = pa.schema([DOC, REMOVED, pa.field("n_removed", pa.int64())])

_UNITS = "(SELECT doc, unnest(hashes) AS hash FROM {keys})"
_SCOPED = "(SELECT scope, unnest(hashes) AS hash FROM {keys})"


def copies(keys: Relation, sql: Sql) -> Relation:
    """(doc, hash) of all documents but the first that has the hash. A document has it once in its list."""
    shared = sql(
        f"SELECT hash, min(doc) AS first_doc FROM {_UNITS} AS u GROUP BY hash HAVING count(*) > 1", keys=keys
    )
    return sql(
        f"SELECT u.doc, u.hash FROM {_UNITS} AS u JOIN {{shared}} AS s ON u.hash = s.hash "
        "WHERE u.doc > s.first_doc",
        keys=keys,
        shared=shared,
    )


def frequent(keys: Relation, sql: Sql, min_documents: int, min_frac_documents: float) -> Relation:
    """(doc, hash) where so many documents have the hash, and so large a share of the scope's documents."""
    if not min_frac_documents:
        shared = sql(
            f"SELECT hash FROM {_UNITS} AS u GROUP BY hash HAVING count(*) >= {min_documents}", keys=keys
        )
    else:
        counted = sql(
            f"SELECT hash, min(scope) AS scope, CAST(count(*) AS BIGINT) AS n FROM {_SCOPED} AS u "
            f"GROUP BY hash HAVING count(*) >= {min_documents}",
            keys=keys,
        )
        shared = sql(
            "SELECT c.hash FROM {counted} AS c JOIN (SELECT scope, CAST(count(*) AS BIGINT) AS n FROM {keys} "
            "WHERE hashes IS NOT NULL GROUP BY scope) AS s ON c.scope = s.scope "
            f"WHERE c.n * {MILLION} >= s.n * {round(min_frac_documents * MILLION)}",
            counted=counted,
            keys=keys,
        )
    return sql(
        f"SELECT u.doc, u.hash FROM {_UNITS} AS u JOIN {{shared}} AS s ON u.hash = s.hash",
        keys=keys,
        shared=shared,
    )


def packed(removed: Relation, sql: Sql) -> Relation:
    """(doc, the hashes it loses in ascending order, n_removed), one row a document."""
    parted = sql(f"SELECT doc // {PART} AS part, doc, hash FROM {{removed}}", removed=removed)
    return sql.apply(pack, parted, PACKED, by=("part", "doc", "hash"))


def pack(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Rows (part, doc, hash), sorted, as lists."""
    for batch in batches:
        docs = batch.column(batch.schema.get_field_index("doc")).to_numpy()
        hashes = batch.column(batch.schema.get_field_index("hash"))
        firsts = np.flatnonzero(np.concatenate([[True], docs[1:] != docs[:-1]])) if len(docs) else docs[:0]
        ends = np.concatenate([firsts, [len(docs)]])
        lists = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), hashes)
        yield pa.RecordBatch.from_arrays(
            [pa.array(docs[firsts]), lists, pa.array(np.diff(ends))], schema=PACKED
        )


def touched(keys: Relation, lists: Relation, sql: Sql) -> Relation:
    """(doc, hashes, is_empty) of documents that lose anything: to others, or as they say a thing again.

    `is_empty` where all that a document says goes, if a unit is compared for itself.
    """
    return sql(
        f"SELECT k.doc, coalesce(p.{REMOVED.name}, []) AS {REMOVED.name}, "
        "coalesce(p.n_removed = k.n_hashes AND k.n_fixed = 0, FALSE) AS is_empty "
        "FROM {keys} AS k LEFT JOIN {lists} AS p ON k.doc = p.doc "
        "WHERE p.doc IS NOT NULL OR k.n_repeated > 0",
        keys=keys,
        lists=lists,
    )
