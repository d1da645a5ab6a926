"""Documents that are nearly the same text: MinHash signatures, banded, compared, clustered."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.bounds import Count, Natural
from pipeline.errors import PlanError
from pipeline.lock import hold
from pipeline.registry import UnknownName, find
from pipeline.schema import DOC, ID, TEXT, column
from pipeline.stage import Look, Relation, Sql
from stages.dedup.choose import FIRST_INDEXED, KNOWN, Copies, Similarity
from stages.dedup.minhash.banding import bands, optimal
from stages.dedup.minhash.clusters import clusters
from stages.dedup.minhash.compare import Alike, Comparison, Graph
from stages.dedup.minhash.index import CHANGED, Index, Known
from stages.dedup.minhash.pairs import Banded
from stages.dedup.minhash.shingles import Bits, Hashing, Shingling, Unit, shingle_sets
from stages.dedup.minhash.signature import signatures

AT_MOST = 4096
"""Shingles of a document that are compared; of longer ones a sample of half as many at least."""


@dataclass(frozen=True, kw_only=True)
class MinhashDedup(Copies):
    """Keep one of each cluster of near-duplicates: documents joined by chains of pairs that share a band.

    A pair whose shingles have Jaccard similarity s shares a band with probability 1 - (1 - s^rows)^bands:
    with the defaults .56 at .7, .92 at .8, and .9996 at .9. With `verify_jaccard` such pairs are compared
    before they count: a document is dropped for one that it is like, and no two that are kept are alike.

    Source: Broder 1997, "On the resemblance and containment of documents"; banding as in Leskovec, Rajaraman,
        Ullman, "Mining of Massive Datasets", section 3.4; the defaults are FineWeb's (Penedo et al. 2024,
        arXiv:2406.17557).
    Differs: words are runs of letters, numbers and marks in lower case, composed and without characters that
        nobody sees, while FineWeb's code also takes off accents and makes numbers 0 (`profile: datatrove`
        does). A text of fewer than `ngram` words is one shingle, so that its copies are found. A cluster is a
        whole component, so the outcome does not depend on the order in which pairs were found.
    Null: null text, and text without words (other profiles: with fewer than `ngram`), is near to nothing.
    Cost: 67 us for a page of 14 kB; 254 us with shingles of characters, 311 us as datatrove has it.
    """

    version: ClassVar[int] = 3

    reads: ClassVar[pa.Schema] = pa.schema([ID, TEXT])
    key_columns: ClassVar[pa.Schema] = pa.schema(
        [*KNOWN, column("signature", pa.int64(), "a hash of all bands; null without shingles")]
    )
    feature_columns: ClassVar[pa.Schema] = pa.schema(
        [column("features", pa.list_(pa.int64()), "hashes of shingles, or minima; null without shingles")]
    )

    profile: str = "default"
    """What is hashed and how: `default`, ours; `datatrove`, its own bit for bit (FineWeb: `hashing: sha1`);
    `gpt3`, that of Spark, whose bands of one minimum are candidates only: set `verify_jaccard` with it."""
    bands: Count | None = None
    """Number of bands; more find pairs that are less alike. 14, and 10 with `profile: gpt3`."""
    rows: Count | None = None
    """Number of minima in a band; more ask for pairs that are more alike. 8, and 1 with `profile: gpt3`."""
    threshold: Similarity | None = None
    """Similarity around which pairs begin to be found, in place of bands and rows: `permutations` minima are
    split into those of the least error, as datasketch computes it."""
    permutations: Count = 128
    """Number of minima that `threshold` may use."""
    unit: Unit = "word"
    """What a shingle is made of: words (a CJK ideograph or kana is one), or characters."""
    ngram: Count | None = None
    """Number of words or characters in a shingle. 5, and 1 with `profile: gpt3`."""
    hashing: Hashing = "xxhash"
    """Hash of shingles with `profile: datatrove`; FineWeb took sha1."""
    bits: Bits | None = None
    """Bits of a minimum. 32, and 64 with `profile: datatrove`."""
    seed: int = 1
    """Seed of the permutations."""
    verify_jaccard: Similarity | None = None
    """Similarity from which pairs that share a band, which are then compared, make clusters; in each a
    document is dropped only if it is as much like the one that is kept."""
    verify_with: Literal["shingles", "signature"] = "shingles"
    """Compare sets of shingles (samples where a document has more than 4,096), or signatures."""
    max_cluster: Natural = 1000
    """Without `verify_jaccard`, what it does is done to clusters of more documents, at the similarity where
    half of all pairs are found, but 0.5 at least. 0: never."""
    index: str = ""
    """A folder where runs leave what they know of their documents, so that later ones compare with those of
    all before; same result as all at once. `part` names what this run adds."""
    part: str = ""
    as_of: Literal["part", "latest"] = "part"
    """Documents that decide: those of this part and the ones before it, or, when later ones have been added,
    those of all parts. Then nothing is compared, the index knows."""
    column: str = "cluster"

    def check(self) -> None:
        super().check()
        _ = self.shingling
        if self.threshold is not None and (self.bands or self.rows):
            raise PlanError("threshold: stands for bands and rows; give it or them")
        if bool(self.index) != bool(self.part):
            raise PlanError("index: goes with part, the name of what this run adds to it")
        if not re.fullmatch(r"[\w][\w.-]*|", self.part):
            raise PlanError(f"part: {self.part!r} names a folder: letters, digits, and . - _ inside")
        if self.as_of == "latest" and not self.index:
            raise PlanError("as_of: goes with index")
        if self.index:
            self._index.check()

    def stamp(self) -> str:
        return super().stamp() + (self._index.stamp(self.as_of == "latest") if self.index else "")

    def needs(self) -> pa.Schema:
        have = self.chosen_by()
        return have if "text" in have.names else have.append(TEXT)

    @cached_property
    def shingling(self) -> Shingling:
        """The profile and its settings; looked up once, on the driver, and pickled with the step."""
        try:
            profile = find("minhash_profiles", self.profile)
        except UnknownName as error:
            raise PlanError(f"profile: {error}") from error
        given = {"unit": self.unit, "hashing": self.hashing, "ngram": self.ngram, "bits": self.bits}
        shingling: Shingling = profile(**{name: value for name, value in given.items() if value is not None})
        return shingling

    @cached_property
    def banding(self) -> tuple[int, int]:
        """Bands and rows."""
        if self.threshold is not None:
            return optimal(self.threshold, self.permutations)
        return self.bands or self.shingling.bands, self.rows or self.shingling.rows

    @property
    def _bands(self) -> list[str]:
        return [f"band_{i:02d}" for i in range(self.banding[0])]

    def key_schema(self) -> pa.Schema:
        hashes = (
            column(name, pa.int64(), "a hash of the band; null without shingles") for name in self._bands
        )
        return pa.schema([*self.key_columns, *hashes])

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        n_bands, rows = self.banding
        minima, n_shingles = signatures(batch.column("text"), n_bands * rows, self.shingling, self.seed)
        values = np.hstack([bands(minima, 1), bands(minima, n_bands)])
        hashes = [pa.array(column, mask=n_shingles == 0) for column in np.ascontiguousarray(values.T)]
        return pa.RecordBatch.from_arrays([*self.known(batch), *hashes], schema=self.key_schema())

    def features(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts, (n_bands, rows) = batch.column("text"), self.banding
        if self.verify_with == "shingles":
            features = shingle_sets(texts, self.shingling, AT_MOST)
        else:
            minima, n_shingles = signatures(texts, n_bands * rows, self.shingling, self.seed)
            signed = n_shingles > 0
            features = _lists(minima[signed].astype(np.int64).reshape(-1), signed, minima.shape[1])
        return pa.RecordBatch.from_arrays([features], schema=self.feature_columns)

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        if not self.index:
            comparison = self._comparison(keys, sql, look)
            return self._verdicts(self._graph(comparison), comparison)
        with hold(Path(self.index)):
            return self._index.latest(sql) if self.as_of == "latest" else self._part(keys, sql, look)

    def _comparison(self, keys: Relation, sql: Sql, look: Look, own_only: bool = False) -> Comparison:
        n_bands, rows = self.banding
        half_found = (1 - 0.5 ** (1 / n_bands)) ** (1 / rows)
        at_least = max(half_found, 0.5) if self.verify_jaccard is None else self.verify_jaccard
        return Comparison(
            documents=Banded(keys=keys, bands=self._bands, sql=sql, own_only=own_only),
            look=look,
            alike=Alike(at_least=at_least, signatures=self.verify_with == "signature"),
        )

    def _graph(self, comparison: Comparison) -> Graph:
        if self.verify_jaccard is None:
            return Graph(edges=comparison.documents.stars())
        return comparison.graph()

    def _verdicts(self, graph: Graph, comparison: Comparison) -> Relation:
        labels = clusters(graph, comparison, self.max_cluster)
        return self.choose(labels, comparison.documents.keys, comparison.sql, "near_duplicate")

    @property
    def _index(self) -> Index:
        made_by = {k: v for k, v in asdict(self).items() if k not in ("index", "part", "as_of")}
        settings = {**made_by, "banding": self.banding, "against": super().stamp(), "version": self.version}
        return Index(path=Path(self.index), part=self.part, settings=json.loads(json.dumps(settings)))

    def _part(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        """All parts at once, but that what is known of earlier ones is not found again; adds this one."""
        index = self._index
        signed = sql("SELECT doc FROM {keys} WHERE signature IS NOT NULL", keys=keys)
        features = look.second_pass(signed)
        known = Known(index.with_earlier("features", features, sql), look)
        comparison = self._comparison(
            index.with_earlier("keys", keys, sql), sql, known, own_only=bool(index.earlier())
        )
        graph = self._graph(comparison)
        edges = sql.view("SELECT u AS doc, v FROM {edges}", edges=graph.edges)
        joined = sql.view("SELECT doc AS u, v FROM {edges}", edges=index.with_earlier("edges", edges, sql))
        verdicts = self._verdicts(replace(graph, edges=joined), comparison)
        state = sql.view(f"SELECT * FROM {{v}} WHERE doc >= {FIRST_INDEXED}", v=verdicts)
        changed = index.changed(state, comparison.documents.keys, self.column, sql)
        look.metric("documents_of_earlier_parts_that_change", changed.count())
        own = "SELECT * FROM {rows} WHERE doc >= 0"
        reason = pa.field("reason", pa.string())
        tables = {
            "keys": (sql.view(own, rows=keys), pa.schema([DOC, *self.key_schema()])),
            "edges": (edges, pa.schema([DOC, ("v", pa.int64())])),
            "features": (sql.view(own, rows=features), pa.schema([DOC, *self.feature_columns])),
            "state": (state, pa.schema([DOC, reason, *self.verdicts()])),
            "changed": (changed, CHANGED),
        }
        index.add(tables, sql)
        return verdicts


def _lists(values: npt.NDArray[np.int64], has: npt.NDArray[np.bool_], n: int) -> pa.ListArray:
    """list<int64>: `n` values for each row that has some, null for the others."""
    ends = pa.array(np.concatenate([[0], np.cumsum(has)]) * n, pa.int32())
    return pa.ListArray.from_arrays(ends, pa.array(values), mask=pa.array(~has))
