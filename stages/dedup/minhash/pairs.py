"""From bands to edges: which documents are compared, and which of these pairs are alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Relation, Sql
from stages.dedup.components import components
from stages.dedup.minhash.shingles import jaccard

HEADS = 16
"""A document is compared with so many of those that share a band with it, at most: the first ones."""
BAND_ROWS = 1 << 24
"""Of bands that a query groups: so that a table of them stays in memory."""

Look: TypeAlias = Callable[[Relation], Relation]
"""(doc) -> (doc, features): what the documents are compared by."""

EDGES = pa.schema([("u", pa.int64()), ("v", pa.int64())])


class Graph(NamedTuple):
    """What joins documents."""

    edges: Relation
    """(u, v), u > v."""
    features: Relation | None
    """(doc, features) of the documents that were compared; None where none were."""


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


def stars(keys: Relation, bands: Sequence[str], sql: Sql, new: bool = False) -> Graph:
    """All documents of a band joined to its first, and nothing compared; `new` as in `compared`.

    A star and not all pairs: a hundred thousand copies of a page are as many edges.
    """
    own = "AND b.doc >= 0" if new else ""
    parts = []
    for rows in _banded(keys, bands, sql):
        heads = sql("SELECT band, min(doc) AS head FROM {rows} GROUP BY band HAVING count(*) > 1", rows=rows)
        parts.append(
            sql(
                "SELECT DISTINCT b.doc AS u, s.head AS v FROM {rows} b JOIN {heads} s ON b.band = s.band "
                f"WHERE b.doc > s.head {own}",
                rows=rows,
                heads=heads,
            )
        )
    return Graph(sql("SELECT DISTINCT u, v FROM {parts}", parts=_together(parts, sql)), None)


def _together(parts: Sequence[Relation], sql: Sql) -> Relation:
    """The rows of all parts."""
    named = {f"part_{i}": part for i, part in enumerate(parts)}
    return sql.view(" UNION ALL ".join(f"SELECT * FROM {{{name}}}" for name in named), **named)


def _banded(keys: Relation, bands: Sequence[str], sql: Sql) -> Iterator[Relation]:
    """(doc, band) of all documents that have bands, some bands at a time."""
    n = max(1, BAND_ROWS // max(1, keys.count()))
    for i in range(0, len(bands), n):
        some = bands[i : i + n]
        band = some[0] if len(some) == 1 else f"unnest([{', '.join(some)}])"
        yield sql.view(f"SELECT doc, {band} AS band FROM {{keys}} WHERE signature IS NOT NULL", keys=keys)


def firsts(keys: Relation, sql: Sql) -> Relation:
    """(signature, doc): the first document of each signature."""
    return sql(
        "SELECT signature, min(doc) AS doc FROM {keys} WHERE signature IS NOT NULL GROUP BY signature",
        keys=keys,
    )


def compared(keys: Relation, bands: Sequence[str], sql: Sql, new: bool = False) -> tuple[Relation, Relation]:
    """(copies, pairs), both (u, v) with u > v: documents of one signature, and the pairs to compare.

    Of the documents with one signature only the first goes on. Of the documents that share a band each is
    paired with the first HEADS: as documents are numbered in the order in which they come, what comes later
    adds pairs and changes none. With `new`, only pairs whose later document is the run's own (u >= 0).
    `place` says of a pair which of the first it is with, at least.
    """
    own = "AND m.doc >= 0" if new else ""
    first = firsts(keys, sql)
    copies = sql(
        "SELECT m.doc AS u, f.doc AS v FROM {keys} m JOIN {first} f ON m.signature = f.signature "
        f"WHERE m.doc > f.doc {own}",
        keys=keys,
        first=first,
    )
    narrow = ", ".join(f"k.{band}" for band in bands)
    once = sql(
        f"SELECT k.doc, k.signature, {narrow} FROM {{keys}} k SEMI JOIN {{first}} f ON k.doc = f.doc",
        keys=keys,
        first=first,
    )
    pairs, beyond = _paired(once, bands, sql, own)
    sql.note("documents_of_one_signature", copies.count())
    sql.note("pairs_beyond_the_first_of_a_band", beyond)
    sql.note("pairs_sharing_a_band", pairs.count())
    return copies, pairs


def _paired(once: Relation, bands: Sequence[str], sql: Sql, own: str) -> tuple[Relation, int]:
    """(u, v, place), and how many pairs that share a band are left out."""
    parts, beyond = [], 0
    for rows in _banded(once, bands, sql):
        members = _placed(rows, sql)
        parts.append(
            sql(
                "SELECT m.doc AS u, h.doc AS v, min(h.place) AS place FROM {members} m "
                "JOIN {members} h ON m.band = h.band "
                f"WHERE h.place <= {HEADS} AND h.place < m.place {own} GROUP BY m.doc, h.doc",
                members=members,
            )
        )
        left_out = sql(
            f"SELECT CAST(sum(place - {HEADS} - 1) AS BIGINT) AS n FROM {{m}} WHERE place > {HEADS}",
            m=members,
        )
        beyond += left_out.rows()[0]["n"] or 0
    pairs = sql("SELECT u, v, min(place) AS place FROM {parts} GROUP BY u, v", parts=_together(parts, sql))
    return pairs, beyond


def _placed(rows: Relation, sql: Sql) -> Relation:
    """(doc, band, place): in each band that several documents share, which place each has, from 1."""
    shared = sql("SELECT band FROM {rows} GROUP BY band HAVING count(*) > 1", rows=rows)
    return sql(
        "SELECT b.doc, b.band, row_number() OVER (PARTITION BY b.band ORDER BY b.doc) AS place "
        "FROM {rows} b JOIN {shared} s ON b.band = s.band",
        rows=rows,
        shared=shared,
    )


def verified(
    keys: Relation, bands: Sequence[str], look: Look, sql: Sql, test: Alike, new: bool = False
) -> Graph:
    """Documents of one signature, and pairs that were compared and found alike, joined.

    First each document is compared with the first of its bands; of the other pairs only those need be that
    are not joined by then, for a pair inside a component adds nothing to it.
    """
    copies, pairs = compared(keys, bands, sql, new)
    features = look(sql("SELECT u AS doc FROM {pairs} UNION SELECT v AS doc FROM {pairs}", pairs=pairs))
    first = sql("SELECT u, v FROM {pairs} WHERE place = 1", pairs=pairs)
    like = alike(first, features, sql, test)
    rest = sql(
        "SELECT p.u, p.v FROM {pairs} p LEFT JOIN {labels} a ON p.u = a.doc "
        "LEFT JOIN {labels} b ON p.v = b.doc "
        "WHERE p.place > 1 AND coalesce(a.label, p.u) <> coalesce(b.label, p.v)",
        pairs=pairs,
        labels=components(like, sql),
    )
    more = alike(rest, features, sql, test)
    sql.note("pairs_compared", first.count() + rest.count())
    sql.note("pairs_alike", like.count() + more.count())
    edges = sql(
        "SELECT u, v FROM {copies} UNION ALL SELECT u, v FROM {like} UNION ALL SELECT u, v FROM {more}",
        copies=copies,
        like=like,
        more=more,
    )
    return Graph(edges, features)


def alike(pairs: Relation, features: Relation, sql: Sql, test: Alike) -> Relation:
    """The pairs (u, v) whose features pass the test."""
    beside = sql.view(
        "SELECT p.u, p.v, a.features AS a, b.features AS b FROM {pairs} p "
        "JOIN {features} a ON p.u = a.doc JOIN {features} b ON p.v = b.doc",
        pairs=pairs,
        features=features,
    )
    return sql.apply(test, beside, EDGES)
