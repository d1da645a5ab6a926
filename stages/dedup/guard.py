"""Clusters too large to be believed: chains of pairs taken apart again."""

from __future__ import annotations

from pipeline.stage import Relation, Sql
from stages.dedup.choose import leaders
from stages.dedup.components import components
from stages.dedup.pairs import Alike, Look, alike, edges

ROUNDS = 8
"""So many documents of a cluster may keep what is like them; what is like none of these is kept."""


def guarded(
    clusters: Relation, keys: Relation, look: Look, sql: Sql, *, at_most: int, test: Alike, verified: bool
) -> Relation:
    """`clusters` (doc, label) where those of more than `at_most` documents are looked at once more.

    Where edges were not `verified`, those among their documents are, and only pairs that pass the test join
    them. What is too large even then is split: what is like its kept
    document stays with it; of the rest another is kept, with what is like that one; and so on, ROUNDS times.
    """
    small, large = _apart(clusters, sql, at_most)
    if not large.count():
        return clusters
    sql.note("clusters_too_large", sql("SELECT DISTINCT label FROM {large}", large=large).count())
    features = look(sql("SELECT doc FROM {large}", large=large))
    if not verified:
        mine = sql("SELECT k.* FROM {keys} k SEMI JOIN {large} l ON k.doc = l.doc", keys=keys, large=large)
        true = components(edges(mine, lambda docs: features, sql, test), sql)
        again, large = _apart(true, sql, at_most)
        small = _both(small, again, sql)
    small = _both(small, _split(large, keys, features, sql, test), sql)
    sql.note("documents_kept_by_the_guard", clusters.count() - small.count())
    return small


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


def _split(rest: Relation, keys: Relation, features: Relation, sql: Sql, test: Alike) -> Relation:
    """Large clusters in parts of two and more, each labelled with the document that is kept."""
    settled = sql("SELECT doc, label FROM {rest} WHERE false", rest=rest)
    for _ in range(ROUNDS):
        if not rest.count():
            break
        kept = leaders(rest, keys, sql)
        pairs = sql(
            "SELECT r.doc AS u, k.kept AS v FROM {rest} r JOIN {kept} k ON r.label = k.label "
            "WHERE r.doc <> k.kept",
            rest=rest,
            kept=kept,
        )
        like = alike(pairs, features, sql, test)
        part = sql(
            "SELECT u AS doc, v AS label FROM {like} UNION SELECT v AS doc, v AS label FROM {like}", like=like
        )
        settled = _both(settled, part, sql)
        gone = sql("SELECT doc FROM {part} UNION SELECT kept AS doc FROM {kept}", part=part, kept=kept)
        rest = sql(
            "SELECT r.doc, r.label FROM {rest} r ANTI JOIN {gone} g ON r.doc = g.doc", rest=rest, gone=gone
        )
    return settled
