"""Which member of a cluster stays, and what the others are told."""

from __future__ import annotations

from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.schema import column
from pipeline.stage import Relation, Sql

Keep: TypeAlias = Literal["first", "longest"]
"""The first in the input's order, or the one with most bytes of text; of equal ones, the first."""

N_BYTES = column("n_bytes", pa.int64(), "UTF-8 bytes of text, -1 for null; null unless the longest is kept")


def columns(prefix: str) -> pa.Schema:
    """What `verdicts` adds to documents."""
    return pa.schema(
        [
            column(f"{prefix}_duplicate_of", pa.string(), "id of the document kept in place of this one"),
            column(f"{prefix}_cluster_size", pa.int64(), "documents like this one, with it; null if alone"),
        ]
    )


def text_bytes(batch: pa.RecordBatch, keep: Keep) -> pa.Array:
    """The column N_BYTES."""
    if keep == "first":
        return pa.nulls(len(batch), N_BYTES.type)
    return pc.fill_null(pc.binary_length(batch.column("text")).cast(N_BYTES.type), -1)


def verdicts(
    clusters: Relation, keys: Relation, sql: Sql, *, keep: Keep, reason: str, prefix: str
) -> Relation:
    """One row for each document of `clusters` (doc, label), where all clusters have two or more.

    `keys` has doc, id and n_bytes.
    """
    if keep == "longest":
        longest = sql(
            "SELECT c.label, max(k.n_bytes) AS n_bytes "
            "FROM {clusters} AS c JOIN {keys} AS k ON c.doc = k.doc GROUP BY c.label",
            clusters=clusters,
            keys=keys,
        )
        candidates = sql(
            "SELECT c.doc, c.label FROM {clusters} AS c JOIN {keys} AS k ON c.doc = k.doc "
            "JOIN {longest} AS l ON c.label = l.label AND k.n_bytes = l.n_bytes",
            clusters=clusters,
            keys=keys,
            longest=longest,
        )
    else:
        candidates = clusters
    chosen = sql(
        "SELECT c.label, CAST(count(*) AS BIGINT) AS n_docs, min(w.kept) AS kept "
        "FROM {clusters} AS c JOIN (SELECT label, min(doc) AS kept FROM {candidates} GROUP BY label) AS w "
        "ON c.label = w.label GROUP BY c.label",
        clusters=clusters,
        candidates=candidates,
    )
    return sql(
        f"SELECT c.doc, CASE WHEN c.doc <> w.kept THEN '{reason}' END AS reason, "
        f"CASE WHEN c.doc <> w.kept THEN k.id END AS {prefix}_duplicate_of, "
        f"w.n_docs AS {prefix}_cluster_size "
        "FROM {clusters} AS c JOIN {chosen} AS w ON c.label = w.label JOIN {keys} AS k ON w.kept = k.doc",
        clusters=clusters,
        chosen=chosen,
        keys=keys,
    )
