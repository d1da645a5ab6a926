"""Documents that are nearly the same text: MinHash signatures, banded, compared, clustered."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.errors import PlanError
from pipeline.run import hold
from pipeline.schema import DOC, ID, TEXT, column
from pipeline.stage import Relation, Sql
from stages.dedup.choose import FIRST_INDEXED, KNOWN, Copies
from stages.dedup.components import components
from stages.dedup.minhash.banding import Minima, bands, optimal
from stages.dedup.minhash.guard import guarded, split
from stages.dedup.minhash.index import Index
from stages.dedup.minhash.pairs import Alike, Graph, Look, stars, verified
from stages.dedup.minhash.shingles import Shingling, shingle_sets
from stages.dedup.minhash.signature import signatures

CHANGED = pa.schema([DOC, ID, ("fate", pa.string()), ("duplicate_of", pa.string())])
"""Of documents of earlier parts."""
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
    Differs: words are split at white space and made lower case, while FineWeb's code also takes off
        punctuation, digits and accents (`profile: datatrove` does). A cluster is a whole component, so the
        outcome does not depend on the order in which pairs were found.
    Null: null text, and text with fewer than `ngram` words, is near to nothing.
    Cost: 67 us for a page of 14 kB; 254 us with shingles of characters, 311 us as datatrove has it.
    """

    version: ClassVar[int] = 2

    reads: ClassVar[pa.Schema] = pa.schema([ID, TEXT])
    key_columns: ClassVar[pa.Schema] = pa.schema(
        [*KNOWN, column("signature", pa.int64(), "a hash of all bands; null without shingles")]
    )
    evidence_columns: ClassVar[pa.Schema] = pa.schema(
        [column("features", pa.list_(pa.int64()), "hashes of shingles, or minima; null without shingles")]
    )

    profile: Literal["default", "datatrove", "gpt3"] = "default"
    """What is hashed and how: ours; bit for bit datatrove's (FineWeb, which took `hashing: sha1`); or that of
    Spark, which GPT-3 used, whose bands of one minimum are candidates only: set `verify_jaccard` with it."""
    bands: int | None = None
    """Bands of a signature; more find pairs that are less alike. 14, and 10 with `profile: gpt3`."""
    rows: int | None = None
    """Minima in a band; more ask for pairs that are more alike. 8, and 1 with `profile: gpt3`."""
    threshold: float | None = None
    """In place of bands and rows: the similarity around which pairs begin to be found. Of `permutations`
    minima as many bands and rows as make the least error, as datasketch computes them."""
    permutations: int = 128
    """Minima that `threshold` may use."""
    unit: Literal["word", "char"] = "word"
    """What a shingle is made of: words (a CJK ideograph or kana is one), or characters."""
    ngram: int | None = None
    """Words or characters in a shingle. 5, and 1 with `profile: gpt3`."""
    hashing: Literal["xxhash", "sha1"] = "xxhash"
    """Of shingles, with `profile: datatrove`; FineWeb took sha1."""
    bits: Literal[32, 64] | None = None
    """Of a minimum. 32, and 64 with `profile: datatrove`."""
    seed: int = 1
    """Of the permutations."""
    verify_jaccard: float | None = None
    """Compare the pairs that share a band: only those whose similarity is at least this make clusters, and in
    each a document is dropped only if it is as much like the one that is kept."""
    verify_with: Literal["shingles", "signature"] = "shingles"
    """By the sets of shingles (of documents with more than 4,096 a sample), or as signatures estimate it."""
    max_cluster: int = 1000
    """Without `verify_jaccard`, what it does is done to clusters of more documents, at the similarity where
    half of all pairs are found, but 0.5 at least. 0: never."""
    index: str = ""
    """A folder where runs leave what they know of their documents, so that later ones compare with those of
    all before; same result as all at once. `part` names what this run adds."""
    part: str = ""
    as_of: Literal["part", "latest"] = "part"
    """Whose documents decide: those of this part and the ones before it, or, when later ones have been added,
    those of all parts. Then nothing is compared, the index knows."""
    column: str = "cluster"

    def check(self) -> None:
        super().check()
        _ = self._shingling
        for name in ("bands", "rows", "ngram", "permutations"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise PlanError(f"{name}: must be at least 1, not {value}")
        for name in ("threshold", "verify_jaccard"):
            if (value := getattr(self, name)) is not None and not 0 < value <= 1:
                raise PlanError(f"{name}: must be over 0 and at most 1, not {value}")
        if self.threshold is not None and (self.bands or self.rows):
            raise PlanError("threshold: stands for bands and rows; give it or them")
        if self.max_cluster < 0 or self.max_cluster == 1:
            raise PlanError(f"max_cluster: must be 0 or at least 2, not {self.max_cluster}")
        if self.bits == 64 and self.profile == "gpt3":
            raise PlanError("bits: profile gpt3 has minima of 32")
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
    def banding(self) -> tuple[int, int]:
        """Bands and rows."""
        if self.threshold is not None:
            return optimal(self.threshold, self.permutations)
        usual = (10, 1) if self.profile == "gpt3" else (14, 8)
        return self.bands or usual[0], self.rows or usual[1]

    @property
    def _shingling(self) -> Shingling:
        ngram = self.ngram or (1 if self.profile == "gpt3" else 5)
        return Shingling(self.unit, ngram, self.profile, self.hashing)

    @property
    def _bands(self) -> list[str]:
        return [f"band_{i:02d}" for i in range(self.banding[0])]

    def key_schema(self) -> pa.Schema:
        hashes = (
            column(name, pa.int64(), "a hash of the band; null without shingles") for name in self._bands
        )
        return pa.schema([*self.key_columns, *hashes])

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        minima, n_shingles = self._sign(batch)
        values = np.hstack([bands(minima, 1), bands(minima, self.banding[0])])
        hashes = [pa.array(column, mask=n_shingles == 0) for column in np.ascontiguousarray(values.T)]
        return pa.RecordBatch.from_arrays([*self.known(batch), *hashes], schema=self.key_schema())

    def _sign(self, batch: pa.RecordBatch) -> tuple[Minima, npt.NDArray[np.int64]]:
        n_bands, rows = self.banding
        bits = self.bits or (64 if self.profile == "datatrove" else 32)
        return signatures(batch.column("text"), n_bands * rows, self._shingling, self.seed, bits)

    def evidence(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = batch.column("text")
        if self.verify_with == "shingles":
            features = shingle_sets(texts, self._shingling, AT_MOST)
        else:
            minima, n_shingles = self._sign(batch)
            signed = n_shingles > 0
            features = _lists(minima[signed].astype(np.int64).reshape(-1), signed, minima.shape[1])
        return pa.RecordBatch.from_arrays([features], schema=self.evidence_columns)

    def relate(self, keys: Relation, sql: Sql) -> Relation:
        if not self.index:
            return self._verdicts(keys, self._joined(keys, sql.again, sql), sql.again, sql)
        with hold(Path(self.index)):
            if self.as_of == "latest":
                return self._index.latest(sql)
            return self._indexed(keys, sql)

    @property
    def _test(self) -> Alike:
        n_bands, rows = self.banding
        middle = (1 - 0.5 ** (1 / n_bands)) ** (1 / rows)
        at_least = max(middle, 0.5) if self.verify_jaccard is None else self.verify_jaccard
        return Alike(at_least=at_least, signatures=self.verify_with == "signature")

    def _joined(self, keys: Relation, look: Look, sql: Sql, new: bool = False) -> Graph:
        if self.verify_jaccard is None:
            return stars(keys, self._bands, sql, new)
        return verified(keys, self._bands, look, sql, self._test, new)

    def _verdicts(self, keys: Relation, graph: Graph, look: Look, sql: Sql) -> Relation:
        if graph.features:
            clusters = split(graph, keys, sql, self._test)
        else:
            clusters = components(graph.edges, sql)
            if self.max_cluster:
                clusters = guarded(
                    clusters, keys, self._bands, look, sql, at_most=self.max_cluster, test=self._test
                )
        return self.told(clusters, keys, sql, "near_duplicate")

    @property
    def _index(self) -> Index:
        made_by = {k: v for k, v in asdict(self).items() if k not in ("index", "part", "as_of")}
        settings = {**made_by, "banding": self.banding, "against": super().stamp(), "version": self.version}
        return Index(path=Path(self.index), part=self.part, settings=json.loads(json.dumps(settings)))

    def _indexed(self, keys: Relation, sql: Sql) -> Relation:
        """All at once, but that what is known of earlier parts is not found again."""
        index = self._index
        known = bool(index.earlier())
        own = sql.view("SELECT * FROM {keys} WHERE doc >= 0", keys=keys)
        features = sql.again(sql("SELECT doc FROM {keys} WHERE signature IS NOT NULL", keys=keys))
        looked = sql.view("SELECT * FROM {f} WHERE doc >= 0", f=features)
        if known:
            keys = _both(keys, index.table("keys", sql), sql)
            features = _both(features, index.table("features", sql), sql)
        graph = self._joined(keys, lambda docs: features, sql, known)
        found = sql.view("SELECT u AS doc, v FROM {found}", found=graph.edges)
        if known:
            before = sql.view("SELECT doc AS u, v FROM {old}", old=index.table("edges", sql))
            graph = graph._replace(edges=_both(graph.edges, before, sql))
        verdicts = self._verdicts(keys, graph, lambda docs: features, sql)
        state = sql.view(f"SELECT * FROM {{v}} WHERE doc >= {FIRST_INDEXED}", v=verdicts)
        changed = self._changed(state, keys, index, sql)
        sql.note("documents_of_earlier_parts_that_change", changed.count())
        reason = pa.field("reason", pa.string())
        tables = {
            "keys": (own, pa.schema([DOC, *self.key_schema()])),
            "edges": (found, pa.schema([DOC, ("v", pa.int64())])),
            "features": (looked, pa.schema([DOC, *self.evidence_columns])),
            "state": (state, pa.schema([DOC, reason, *self.verdicts()])),
            "changed": (changed, CHANGED),
        }
        index.add(tables, sql)
        return verdicts

    def _changed(self, state: Relation, keys: Relation, index: Index, sql: Sql) -> Relation:
        """(doc, id, fate, duplicate_of) of earlier parts' documents that are now dropped, or kept again."""
        now = sql("SELECT doc FROM {state} WHERE doc < 0 AND reason IS NOT NULL", state=state)
        before = sql("SELECT doc FROM {now} WHERE false", now=now)
        if index.earlier():
            was = index.table("state", sql, last=True)
            before = sql("SELECT doc FROM {was} WHERE reason IS NOT NULL", was=was)
        other = sql(
            "SELECT n.doc, 'dropped' AS fate FROM {now} n ANTI JOIN {before} b ON n.doc = b.doc "
            "UNION ALL SELECT b.doc, 'kept' AS fate FROM {before} b ANTI JOIN {now} n ON n.doc = b.doc",
            now=now,
            before=before,
        )
        return sql(
            f"SELECT o.doc, k.id, o.fate, s.{self.column}.duplicate_of AS duplicate_of FROM {{other}} o "
            "JOIN {keys} k ON o.doc = k.doc LEFT JOIN {state} s ON o.doc = s.doc",
            other=other,
            keys=keys,
            state=state,
        )


def _both(own: Relation, indexed: Relation, sql: Sql) -> Relation:
    return sql.view("SELECT * FROM {own} UNION ALL SELECT * FROM {indexed}", own=own, indexed=indexed)


def _lists(values: npt.NDArray[np.int64], has: npt.NDArray[np.bool_], n: int) -> pa.ListArray:
    """list<int64>: `n` values for each row that has some, null for the others."""
    ends = pa.array(np.concatenate([[0], np.cumsum(has)]) * n, pa.int32())
    return pa.ListArray.from_arrays(ends, pa.array(values), mask=pa.array(~has))
