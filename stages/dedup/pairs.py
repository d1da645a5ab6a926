"""From bands to edges: which documents are compared, and which of these pairs are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Relation, Sql
from stages.dedup.shingles import jaccard

HEADS = 16
"""A document is compared with so many of those that share a band with it, at most: the first ones."""

Look: TypeAlias = Callable[[Relation], Relation]
"""(doc) -> (doc, features): what the documents are compared by."""

EDGES = pa.schema([("u", pa.int64()), ("v", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class Alike:
    """(u, v, a, b) -> (u, v) of those alike."""

    at_least: float
    signatures: bool
    """Features are minima, of which an equal share is the estimate; else they are sets of shingles."""

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            a, b = batch.column("a"), batch.column("b")
            similar = _agreement(a, b) if self.signatures else jaccard(a, b).jaccard
            yield batch.select(["u", "v"]).filter(pa.array(similar >= self.at_least))


def _agreement(a: pa.ListArray, b: pa.ListArray) -> npt.NDArray[np.float64]:
    """float64 [rows]: the share of minima that are equal; all rows have as many."""
    equal = a.flatten().to_numpy() == b.flatten().to_numpy()
    return np.asarray(equal.reshape(len(a), -1).mean(axis=1) if len(a) else np.empty(0))


def banded(keys: Relation, sql: Sql) -> Relation:
    """(doc, band) of all documents that have bands."""
    return sql.view("SELECT doc, unnest(bands) AS band FROM {keys} WHERE bands IS NOT NULL", keys=keys)


def stars(keys: Relation, sql: Sql, new: bool = False) -> Relation:
    """Edges (u, v), u > v, that join all documents of a band to its first; `new` as in `compared`.

    A star and not all pairs: a hundred thousand copies of a page are as many edges.
    """
    bands = banded(keys, sql)
    shared = sql("SELECT band, min(doc) AS head FROM {bands} GROUP BY band HAVING count(*) > 1", bands=bands)
    return sql(
        "SELECT DISTINCT b.doc AS u, s.head AS v FROM {bands} b JOIN {shared} s ON b.band = s.band "
        f"WHERE b.doc > s.head{' AND b.doc >= 0' if new else ''}",
        bands=bands,
        shared=shared,
    )


def compared(keys: Relation, sql: Sql, new: bool = False) -> tuple[Relation, Relation]:
    """(copies, pairs), both (u, v) with u > v: documents of one signature, and the pairs to compare.

    Of the documents with one signature only the first goes on. Of the documents that share a band each is
    paired with the first HEADS: as documents are numbered in the order in which they come, what comes later
    adds pairs and changes none. With `new`, only pairs whose later document is the run's own (u >= 0).
    """
    own = "AND m.doc >= 0" if new else ""
    first = sql(
        "SELECT signature, min(doc) AS doc FROM {keys} WHERE bands IS NOT NULL GROUP BY signature", keys=keys
    )
    copies = sql(
        "SELECT m.doc AS u, f.doc AS v FROM {keys} m JOIN {first} f ON m.signature = f.signature "
        f"WHERE m.doc > f.doc {own}",
        keys=keys,
        first=first,
    )
    members = _members(keys, first, sql)
    pairs = sql(
        "SELECT DISTINCT m.doc AS u, h.doc AS v FROM {members} m JOIN {members} h ON m.band = h.band "
        f"WHERE h.place <= {HEADS} AND h.place < m.place {own}",
        members=members,
    )
    beyond = sql(
        f"SELECT CAST(sum(place - {HEADS} - 1) AS BIGINT) AS pairs FROM {{m}} WHERE place > {HEADS}",
        m=members,
    )
    sql.note("documents_of_one_signature", copies.count())
    sql.note("pairs_compared", pairs.count())
    sql.note("pairs_beyond_the_first_of_a_band", beyond.rows()[0]["pairs"] or 0)
    return copies, pairs


def _members(keys: Relation, documents: Relation, sql: Sql) -> Relation:
    """(doc, band, place): in each band that several of the documents share, which place each has, from 1."""
    bands = sql.view(
        "SELECT k.doc, unnest(k.bands) AS band FROM {keys} k SEMI JOIN {documents} d ON k.doc = d.doc",
        keys=keys,
        documents=documents,
    )
    shared = sql("SELECT band FROM {bands} GROUP BY band HAVING count(*) > 1", bands=bands)
    return sql(
        "SELECT b.doc, b.band, row_number() OVER (PARTITION BY b.band ORDER BY b.doc) AS place "
        "FROM {bands} b JOIN {shared} s ON b.band = s.band",
        bands=bands,
        shared=shared,
    )


def edges(keys: Relation, look: Look, sql: Sql, test: Alike, new: bool = False) -> Relation:
    """Edges (u, v): documents of one signature, and pairs that were compared and found alike."""
    copies, pairs = compared(keys, sql, new)
    docs = sql("SELECT u AS doc FROM {pairs} UNION SELECT v AS doc FROM {pairs}", pairs=pairs)
    like = alike(pairs, look(docs), sql, test)
    sql.note("pairs_alike", like.count())
    return sql("SELECT u, v FROM {copies} UNION ALL SELECT u, v FROM {like}", copies=copies, like=like)


def alike(pairs: Relation, features: Relation, sql: Sql, test: Alike) -> Relation:
    """The pairs (u, v) whose features pass the test."""
    beside = sql.view(
        "SELECT p.u, p.v, a.features AS a, b.features AS b FROM {pairs} p "
        "JOIN {features} a ON p.u = a.doc JOIN {features} b ON p.v = b.doc",
        pairs=pairs,
        features=features,
    )
    return sql.apply(test, beside, EDGES)
