"""Documents that say nearly the same: near pairs of embeddings within clusters (SemDeDup)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from classifiers.embedding.codes import EMBEDDING, from_arrow, to_arrow
from pipeline.errors import PlanError
from pipeline.schema import DOC, column
from pipeline.stage import Look, Relation, Sql
from stages.dedup.choose import KNOWN, Copies, Similarity
from stages.dedup.near.nearest import Rule, thin
from stages.identify.clusters import SEMANTIC

PAIRS = pa.schema([DOC, ("kept", pa.int64()), ("similarity", pa.float32())])
SIMILARITY = column(
    "semantic_similarity",
    pa.float32(),
    "cosine of the embeddings, with the document it gave way to",
    "-1 to 1",
)


@dataclass(frozen=True, kw_only=True)
class SemanticDedup(Copies):
    """Keep one of documents whose embeddings are close, among those of one cluster.

    The documents of a cluster are gone through in the order of `keep`; each is dropped if one that is kept
    already is as close as `min_similarity`. So no two that are kept are that close, each that is dropped is
    that close to one that is kept, and nothing hangs together by chains.

    Source: SemDeDup (Abbas et al. 2023, arXiv:2303.09540), section 3; `min_similarity` is its 1 - epsilon.
    Differs: SemDeDup drops a document if any earlier one of its cluster is close, also one that is dropped
        itself (`rule: semdedup`). It keeps those far from the centroid: `keep: best(semantic.distance)`.
    Not implemented: pairs across clusters; `against`.
    Null: without an embedding a document is near to nothing.
    Cost: see docs/dedup_semantic.md.
    """

    key_columns: ClassVar[pa.Schema] = pa.schema(
        [*KNOWN, column("cluster", pa.int32(), "documents are compared within it"), EMBEDDING]
    )

    min_similarity: Similarity = 0.9
    """Cosine from which documents count as the same. What it should be depends on the model: see the docs."""
    rule: Rule = "kept"
    """What a document is compared with: those `kept` so far, or all earlier ones (`semdedup`)."""
    clustered: bool = True
    """Compare within clusters (needs `semantic_clusters` before); false: all with all, for small corpora."""
    column: str = "semantic_duplicates"

    def check(self) -> None:
        super().check()
        if self.against:
            raise PlanError("against: semantic_dedup compares documents of the run only")

    def needs(self) -> pa.Schema:
        return pa.schema([*self.chosen_by(), EMBEDDING, *([SEMANTIC] if self.clustered else [])])

    def makes(self) -> pa.Schema:
        return super().makes().append(SIMILARITY)

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if self.clustered:
            cluster = pc.struct_field(batch.column(SEMANTIC.name), "cluster")
        else:
            cluster = pa.array(np.zeros(len(batch), np.int32))
        codes, has_one = from_arrow(batch.column(EMBEDDING.name))
        spread = np.zeros((len(batch), codes.shape[1]), np.int8)
        spread[has_one] = codes
        return pa.RecordBatch.from_arrays(
            [*self.known(batch), cluster, to_arrow(spread)], schema=self.key_columns
        )

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        embedded = sql.view(
            "SELECT doc, rank, cluster, embedding FROM {keys} "
            "WHERE cluster IS NOT NULL AND embedding IS NOT NULL",
            keys=keys,
        )
        thinned = Thin(min_similarity=self.min_similarity, rule=self.rule)
        pairs = sql.apply(thinned, embedded, PAIRS, by=("cluster", "doc"))
        clusters = sql(
            "SELECT doc, kept AS label FROM {pairs} UNION SELECT kept AS doc, kept AS label FROM {pairs}",
            pairs=pairs,
        )
        verdicts = self.choose(clusters, keys, sql, "semantic_duplicate")
        return sql(
            "SELECT v.*, p.similarity AS semantic_similarity "
            "FROM {verdicts} v LEFT JOIN {pairs} p ON v.doc = p.doc",
            verdicts=verdicts,
            pairs=pairs,
        )


@dataclass(frozen=True, kw_only=True)
class Thin:
    """(doc, rank, cluster, embedding), a cluster as one batch -> PAIRS: what goes, and what it goes for."""

    min_similarity: float
    rule: Rule

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            docs, ranks = (batch.column(name).to_numpy(zero_copy_only=False) for name in ("doc", "rank"))
            order = np.lexsort((docs, ranks))
            docs = docs[order]
            codes, _ = from_arrow(batch.column(EMBEDDING.name))
            near = thin(codes[order], self.min_similarity, self.rule)
            goes = np.flatnonzero(near.kept != np.arange(len(docs)))
            arrays = [docs[goes], docs[near.kept[goes]], near.cosine[goes].astype(np.float32)]
            yield pa.RecordBatch.from_arrays([pa.array(a) for a in arrays], schema=PAIRS)
