"""Documents that share a band: joined as they are, or as pairs to be compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pipeline.stage import Relation, Sql

N_REPRESENTATIVES = 16
"""Number of documents, the first of those that share a band, with which each of the others is compared."""
BAND_ROWS = 1 << 24
"""Rows of bands that a query groups at once: a table of them stays in memory."""


class Candidates(NamedTuple):
    """Documents that may be near-duplicates of each other; u > v in all pairs."""

    copies: Relation
    """(u, v): v is the first document with the signature of u."""
    pairs: Relation
    """(u, v, place) of first documents of a signature that share a band, in which v has this place or a
    higher one, from 1."""
    n_beyond: int
    """Number of pairs that share a band and are left out, as v is not among its N_REPRESENTATIVES."""


@dataclass(frozen=True, kw_only=True)
class Banded:
    """Documents by their keys: `doc`, `signature` (null without shingles), and a hash for each band."""

    keys: Relation
    bands: Sequence[str]
    """Columns of `keys`."""
    sql: Sql
    own_only: bool = False
    """Ask only for pairs whose later document is the run's own (doc >= 0): an index knows the others."""

    def among(self, docs: Relation) -> Banded:
        """The same of some documents, and all their pairs."""
        keys = self.sql(
            "SELECT k.* FROM {keys} k SEMI JOIN {docs} d ON k.doc = d.doc", keys=self.keys, docs=docs
        )
        return Banded(keys=keys, bands=self.bands, sql=self.sql)

    @cached_property
    def firsts(self) -> Relation:
        """(signature, doc): the first document of each signature."""
        return self.sql(
            "SELECT signature, min(doc) AS doc FROM {keys} WHERE signature IS NOT NULL GROUP BY signature",
            keys=self.keys,
        )

    def stars(self) -> Relation:
        """(u, v), u > v: all documents of a band joined to its first, and nothing compared.

        A star and not all pairs: a hundred thousand copies of a page are as many edges.
        """
        stars = []
        for rows in self._by_band(self.keys):
            firsts = self.sql(
                "SELECT band, min(doc) AS first_doc FROM {rows} GROUP BY band HAVING count(*) > 1", rows=rows
            )
            stars.append(
                self.sql(
                    "SELECT DISTINCT b.doc AS u, f.first_doc AS v "
                    "FROM {rows} b JOIN {firsts} f ON b.band = f.band "
                    f"WHERE b.doc > f.first_doc {self._and_own('b')}",
                    rows=rows,
                    firsts=firsts,
                )
            )
        return self.sql("SELECT DISTINCT u, v FROM {stars}", stars=self._union(stars))

    def candidates(self) -> Candidates:
        """The pairs to compare.

        Of the documents with one signature only the first goes on. Of the documents that share a band each is
        paired with the first N_REPRESENTATIVES: as documents are numbered in the order in which they come,
        what comes later adds pairs and changes none.
        """
        copies = self.sql(
            "SELECT m.doc AS u, f.doc AS v FROM {keys} m JOIN {firsts} f ON m.signature = f.signature "
            f"WHERE m.doc > f.doc {self._and_own('m')}",
            keys=self.keys,
            firsts=self.firsts,
        )
        narrow = ", ".join(f"k.{band}" for band in self.bands)
        once = self.sql(
            f"SELECT k.doc, k.signature, {narrow} FROM {{keys}} k SEMI JOIN {{firsts}} f ON k.doc = f.doc",
            keys=self.keys,
            firsts=self.firsts,
        )
        pairs, n_beyond = [], 0
        for rows in self._by_band(once):
            members = self._placed(rows)
            pairs.append(self._paired(members))
            n_beyond += self._beyond(members)
        joined = self.sql(
            "SELECT u, v, min(place) AS place FROM {pairs} GROUP BY u, v", pairs=self._union(pairs)
        )
        return Candidates(copies, joined, n_beyond)

    def _by_band(self, keys: Relation) -> Iterator[Relation]:
        """(doc, band) of all documents that have bands, some bands at a time."""
        n = max(1, BAND_ROWS // max(1, keys.count()))
        for i in range(0, len(self.bands), n):
            some = self.bands[i : i + n]
            band = some[0] if len(some) == 1 else f"unnest([{', '.join(some)}])"
            yield self.sql.view(
                f"SELECT doc, {band} AS band FROM {{keys}} WHERE signature IS NOT NULL", keys=keys
            )

    def _placed(self, rows: Relation) -> Relation:
        """(doc, band, place): in each band that several documents share, which place each has, from 1."""
        shared = self.sql("SELECT band FROM {rows} GROUP BY band HAVING count(*) > 1", rows=rows)
        return self.sql(
            "SELECT b.doc, b.band, row_number() OVER (PARTITION BY b.band ORDER BY b.doc) AS place "
            "FROM {rows} b JOIN {shared} s ON b.band = s.band",
            rows=rows,
            shared=shared,
        )

    def _paired(self, members: Relation) -> Relation:
        """(u, v, place): each member of a band with those before it, of its N_REPRESENTATIVES."""
        return self.sql(
            "SELECT m.doc AS u, r.doc AS v, min(r.place) AS place FROM {members} m "
            "JOIN {members} r ON m.band = r.band "
            f"WHERE r.place <= {N_REPRESENTATIVES} AND r.place < m.place {self._and_own('m')} "
            "GROUP BY m.doc, r.doc",
            members=members,
        )

    def _beyond(self, members: Relation) -> int:
        """Number of pairs that `_paired` leaves out."""
        sums = self.sql(
            f"SELECT CAST(sum(place - {N_REPRESENTATIVES} - 1) AS BIGINT) AS n FROM {{members}} "
            f"WHERE place > {N_REPRESENTATIVES}",
            members=members,
        )
        return int(sums.rows()[0]["n"] or 0)

    def _and_own(self, name: str) -> str:
        return f"AND {name}.doc >= 0" if self.own_only else ""

    def _union(self, relations: Sequence[Relation]) -> Relation:
        named = {f"part_{i}": relation for i, relation in enumerate(relations)}
        return self.sql.view(" UNION ALL ".join(f"SELECT * FROM {{{name}}}" for name in named), **named)
