"""Pairs of documents compared by their features: which are alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.stage import Look, Relation, Sql
from stages.dedup.components import components
from stages.dedup.minhash.pairs import Banded
from stages.dedup.minhash.shingles import jaccard

EDGES = pa.schema([("u", pa.int64()), ("v", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class Graph:
    """What joins documents."""

    edges: Relation
    """(u, v), u > v."""
    features: Relation | None = None
    """(doc, features) of the documents that were compared; None where none were."""


@dataclass(frozen=True, kw_only=True)
class Alike:
    """(u, v, a, b) -> (u, v): the pairs whose features a and b are alike."""

    at_least: float
    """Similarity from which they are."""
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


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Documents that share bands, and how to find out which of them are alike."""

    documents: Banded
    look: Look
    alike: Alike

    @property
    def sql(self) -> Sql:
        return self.documents.sql

    def graph(self) -> Graph:
        """Documents of one signature, and pairs that were compared and found alike, joined.

        First each document is compared with the first of its bands; of the other pairs only those need be
        that are not joined by then, for a pair inside a component adds nothing to it.
        """
        copies, pairs, n_beyond = self.documents.candidates()
        self.look.metric("documents_of_one_signature", copies.count())
        self.look.metric("pairs_beyond_the_first_of_a_band", n_beyond)
        self.look.metric("pairs_sharing_a_band", pairs.count())
        features = self.look.second_pass(
            self.sql("SELECT u AS doc FROM {pairs} UNION SELECT v AS doc FROM {pairs}", pairs=pairs)
        )
        first = self.sql("SELECT u, v FROM {pairs} WHERE place = 1", pairs=pairs)
        near = self.passing(first, features)
        rest = self.sql(
            "SELECT p.u, p.v FROM {pairs} p LEFT JOIN {labels} a ON p.u = a.doc "
            "LEFT JOIN {labels} b ON p.v = b.doc "
            "WHERE p.place > 1 AND coalesce(a.label, p.u) <> coalesce(b.label, p.v)",
            pairs=pairs,
            labels=components(near, self.sql),
        )
        more = self.passing(rest, features)
        self.look.metric("pairs_compared", first.count() + rest.count())
        self.look.metric("pairs_alike", near.count() + more.count())
        edges = self.sql(
            "SELECT u, v FROM {copies} UNION ALL SELECT u, v FROM {near} UNION ALL SELECT u, v FROM {more}",
            copies=copies,
            near=near,
            more=more,
        )
        return Graph(edges=edges, features=features)

    def passing(self, pairs: Relation, features: Relation) -> Relation:
        """The pairs (u, v) whose features are alike."""
        beside = self.sql.view(
            "SELECT p.u, p.v, a.features AS a, b.features AS b FROM {pairs} p "
            "JOIN {features} a ON p.u = a.doc JOIN {features} b ON p.v = b.doc",
            pairs=pairs,
            features=features,
        )
        return self.sql.apply(self.alike, beside, EDGES)
