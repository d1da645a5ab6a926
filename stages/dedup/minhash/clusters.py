"""Clusters in which each document that is dropped is like the one that is kept."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.stage import Relation, Sql
from stages.dedup.choose import leaders
from stages.dedup.components import components
from stages.dedup.minhash.compare import Comparison, Graph

ROUNDS = 32
"""So many documents of a cluster may keep what is like them; what is like none of these is kept."""


def clusters(graph: Graph, comparison: Comparison, max_cluster: int) -> Relation:
    """(doc, label) of the documents in clusters of two and more.

    Where pairs were compared, clusters are `Split`; where a shared band was enough, they are components, of
    which those of more than `max_cluster` documents (0: none) are compared and split now. Chains of documents
    that share a frequent phrase make clusters of what has nothing else in common.
    """
    if graph.features:
        return Split(comparison=comparison, edges=graph.edges, features=graph.features).clusters()
    joined = components(graph.edges, comparison.sql)
    return _guarded(joined, comparison, max_cluster) if max_cluster else joined


def _guarded(joined: Relation, comparison: Comparison, max_cluster: int) -> Relation:
    """The clusters `joined` (doc, label), those of more than `max_cluster` documents split."""
    sql, look = comparison.sql, comparison.look
    sizes = sql(f"SELECT label FROM {{joined}} GROUP BY label HAVING count(*) > {max_cluster}", joined=joined)
    small, large = (
        sql(
            f"SELECT c.doc, c.label FROM {{joined}} c {join} JOIN {{sizes}} s ON c.label = s.label",
            joined=joined,
            sizes=sizes,
        )
        for join in ("ANTI", "SEMI")
    )
    if not large.count():
        return joined
    look.metric("clusters_too_large", sql("SELECT DISTINCT label FROM {large}", large=large).count())
    inner = Comparison(documents=comparison.documents.among(large), look=look, alike=comparison.alike)
    compared = clusters(inner.graph(), inner, 0)
    look.metric("documents_kept_by_the_guard", large.count() - compared.count())
    return _both(small, compared, sql)


@dataclass(frozen=True, kw_only=True)
class Split:
    """The components of a graph whose pairs were compared, split so that all are like the one that is kept.

    In each component one document is kept, with all that are like it; of the rest another one, with all that
    are like that; and so on, ROUNDS times. So no two that are kept are alike, and a chain of small
    differences does not drop a document for one it has nothing in common with. A document stands or falls
    with its representative: the first of its signature.
    """

    comparison: Comparison
    edges: Relation
    features: Relation

    def clusters(self) -> Relation:
        """(doc, label) of the documents in clusters of two and more."""
        sql, documents = self.comparison.sql, self.comparison.documents
        rest = sql(
            "SELECT c.doc, c.label, f.doc AS representative FROM {named} c JOIN {keys} k ON c.doc = k.doc "
            "JOIN {firsts} f ON k.signature = f.signature",
            named=components(self.edges, sql),
            keys=documents.keys,
            firsts=documents.firsts,
        )
        settled = sql("SELECT doc, label FROM {rest} WHERE false", rest=rest)
        for _ in range(ROUNDS):
            if not rest.count():
                break
            placed = self._round(rest)
            settled = _both(settled, placed, sql)
            rest = sql(
                "SELECT r.doc, r.label, r.representative FROM {rest} r ANTI JOIN {placed} p ON r.doc = p.doc",
                rest=rest,
                placed=placed,
            )
        alone = sql("SELECT label FROM {settled} GROUP BY label HAVING count(*) = 1", settled=settled)
        self.comparison.look.metric("documents_alike_only_to_dropped_ones", alone.count() + rest.count())
        return sql(
            "SELECT s.doc, s.label FROM {settled} s ANTI JOIN {alone} a ON s.label = a.label",
            settled=settled,
            alone=alone,
        )

    def _round(self, rest: Relation) -> Relation:
        """(doc, label): the documents kept now, and all that are like them, labelled with them."""
        sql = self.comparison.sql
        kept = sql(
            "SELECT l.label, l.kept, r.representative FROM {leaders} l JOIN {rest} r ON l.kept = r.doc",
            leaders=leaders(rest, self.comparison.documents.keys, sql),
            rest=rest,
        )
        pairs = sql(
            "SELECT DISTINCT greatest(r.representative, k.representative) AS u, "
            "least(r.representative, k.representative) AS v FROM {rest} r "
            "JOIN {kept} k ON r.label = k.label WHERE r.representative <> k.representative",
            rest=rest,
            kept=kept,
        )
        return sql(
            "SELECT r.doc, k.kept AS label FROM {rest} r JOIN {kept} k ON r.label = k.label "
            "LEFT JOIN {near} n ON greatest(r.representative, k.representative) = n.u "
            "AND least(r.representative, k.representative) = n.v "
            "WHERE r.representative = k.representative OR n.u IS NOT NULL",
            rest=rest,
            kept=kept,
            near=self._near(pairs),
        )

    def _near(self, pairs: Relation) -> Relation:
        """Those of the pairs (u, v) that are alike: known as edges, or compared now."""
        sql = self.comparison.sql
        known = sql(
            "SELECT p.u, p.v FROM {pairs} p SEMI JOIN {edges} e ON p.u = e.u AND p.v = e.v",
            pairs=pairs,
            edges=self.edges,
        )
        unknown = sql(
            "SELECT p.u, p.v FROM {pairs} p ANTI JOIN {known} k ON p.u = k.u AND p.v = k.v",
            pairs=pairs,
            known=known,
        )
        return sql(
            "SELECT u, v FROM {known} UNION ALL SELECT u, v FROM {compared}",
            known=known,
            compared=self.comparison.passing(unknown, self.features),
        )


def _both(a: Relation, b: Relation, sql: Sql) -> Relation:
    return sql("SELECT doc, label FROM {a} UNION ALL SELECT doc, label FROM {b}", a=a, b=b)
