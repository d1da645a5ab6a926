"""Clusters that were compared, so that each document is dropped for one that it is like."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.stage import Relation, Sql
from stages.dedup.choose import leaders
from stages.dedup.components import components
from stages.dedup.minhash.pairs import Alike, Graph, Look, alike, firsts, verified

ROUNDS = 32
"""So many documents of a cluster may keep what is like them; what is like none of these is kept."""


def guarded(
    clusters: Relation,
    keys: Relation,
    bands: Sequence[str],
    look: Look,
    sql: Sql,
    *,
    at_most: int,
    test: Alike,
) -> Relation:
    """`clusters` (doc, label), whose pairs were not compared; those of more than `at_most` documents are now.

    Chains of documents that share a frequent phrase make clusters of what has nothing else in common. Where
    they are too large to be believed, their pairs are compared and they are split like verified ones.
    """
    small, large = _apart(clusters, sql, at_most)
    if not large.count():
        return clusters
    sql.note("clusters_too_large", sql("SELECT DISTINCT label FROM {large}", large=large).count())
    mine = sql("SELECT k.* FROM {keys} k SEMI JOIN {large} l ON k.doc = l.doc", keys=keys, large=large)
    again = split(verified(mine, bands, look, sql, test), mine, sql, test)
    sql.note("documents_kept_by_the_guard", large.count() - again.count())
    return _both(small, again, sql)


def _apart(clusters: Relation, sql: Sql, at_most: int) -> tuple[Relation, Relation]:
    """Clusters of at most so many documents, and larger ones."""
    sizes = sql(
        f"SELECT label FROM {{clusters}} GROUP BY label HAVING count(*) > {at_most}", clusters=clusters
    )
    found = (
        sql(
            f"SELECT c.doc, c.label FROM {{clusters}} c {how} JOIN {{sizes}} s ON c.label = s.label",
            clusters=clusters,
            sizes=sizes,
        )
        for how in ("ANTI", "SEMI")
    )
    return next(found), next(found)


def _both(a: Relation, b: Relation, sql: Sql) -> Relation:
    return sql("SELECT doc, label FROM {a} UNION ALL SELECT doc, label FROM {b}", a=a, b=b)


def split(graph: Graph, keys: Relation, sql: Sql, test: Alike) -> Relation:
    """Clusters (doc, label) of two and more in which each document is like the one that is kept.

    In each component of the graph one document is kept, with all that are like it; of the rest another one,
    with all that are like that; and so on, ROUNDS times. So no two that are kept are alike, and a chain of
    small differences does not drop a document for one it has nothing in common with. A document stands or
    falls with the first of its signature.
    """
    assert graph.features
    named = components(graph.edges, sql)
    first = firsts(keys, sql)
    rest = sql(
        "SELECT c.doc, c.label, f.doc AS face FROM {named} c JOIN {keys} k ON c.doc = k.doc "
        "JOIN {first} f ON k.signature = f.signature",
        named=named,
        keys=keys,
        first=first,
    )
    settled = sql("SELECT doc, label FROM {rest} WHERE false", rest=rest)
    for _ in range(ROUNDS):
        if not rest.count():
            break
        placed = _round(rest, keys, graph, sql, test)
        settled = _both(settled, placed, sql)
        rest = sql(
            "SELECT r.doc, r.label, r.face FROM {rest} r ANTI JOIN {placed} p ON r.doc = p.doc",
            rest=rest,
            placed=placed,
        )
    alone = sql("SELECT label FROM {settled} GROUP BY label HAVING count(*) = 1", settled=settled)
    sql.note("documents_alike_only_to_dropped_ones", alone.count() + rest.count())
    return sql(
        "SELECT s.doc, s.label FROM {settled} s ANTI JOIN {alone} a ON s.label = a.label",
        settled=settled,
        alone=alone,
    )


def _round(rest: Relation, keys: Relation, graph: Graph, sql: Sql, test: Alike) -> Relation:
    """(doc, label): the documents kept now, and all that are like them, labelled with them."""
    assert graph.features
    kept = leaders(rest, keys, sql)
    faces = sql(
        "SELECT k.label, k.kept, r.face FROM {kept} k JOIN {rest} r ON k.kept = r.doc", kept=kept, rest=rest
    )
    pairs = sql(
        "SELECT DISTINCT greatest(r.face, k.face) AS u, least(r.face, k.face) AS v FROM {rest} r "
        "JOIN {faces} k ON r.label = k.label WHERE r.face <> k.face",
        rest=rest,
        faces=faces,
    )
    known = sql(
        "SELECT p.u, p.v FROM {pairs} p SEMI JOIN {edges} e ON p.u = e.u AND p.v = e.v",
        pairs=pairs,
        edges=graph.edges,
    )
    unknown = sql(
        "SELECT p.u, p.v FROM {pairs} p ANTI JOIN {known} k ON p.u = k.u AND p.v = k.v",
        pairs=pairs,
        known=known,
    )
    like = sql(
        "SELECT u, v FROM {known} UNION ALL SELECT u, v FROM {found}",
        known=known,
        found=alike(unknown, graph.features, sql, test),
    )
    return sql(
        "SELECT r.doc, k.kept AS label FROM {rest} r JOIN {faces} k ON r.label = k.label "
        "LEFT JOIN {like} l ON greatest(r.face, k.face) = l.u AND least(r.face, k.face) = l.v "
        "WHERE r.face = k.face OR l.u IS NOT NULL",
        rest=rest,
        faces=faces,
        like=like,
    )
