"""Connected components of a graph as rounds of SQL."""

from __future__ import annotations

from pipeline.stage import Relation, Sql

_LARGE_STAR = """
WITH neighbours AS (SELECT u, v FROM {edges} UNION ALL SELECT v AS u, u AS v FROM {edges}),
     lowest AS (SELECT u, LEAST(u, min(v)) AS m FROM neighbours GROUP BY u)
SELECT DISTINCT n.v AS u, l.m AS v FROM neighbours AS n JOIN lowest AS l ON n.u = l.u WHERE n.v > n.u
"""
"""Each node ties its larger neighbours to the smallest node it knows, itself included."""

_SMALL_STAR = """
WITH lowest AS (SELECT u, min(v) AS m FROM {edges} GROUP BY u)
SELECT u, m AS v FROM lowest
UNION
SELECT e.v AS u, l.m AS v FROM {edges} AS e JOIN lowest AS l ON e.u = l.u WHERE e.v <> l.m
"""
"""Each node ties itself and its smaller neighbours to the smallest of them."""

_UNFINISHED = """
SELECT u FROM {edges} GROUP BY u HAVING count(*) > 1
UNION ALL
SELECT e.u FROM {edges} AS e JOIN {edges} AS above ON e.v = above.u
"""
"""Nodes that do not hang on one root alone; where there are none, another round changes nothing."""


def components(edges: Relation, sql: Sql) -> Relation:
    """(doc, label): every node of `edges` (u, v; BIGINT, u > v) with the smallest node of its component.

    Source: Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii 2014, "Connected Components in MapReduce and
    Beyond", the alternating algorithm: rounds grow with the logarithm of the longest path, and no round has
    more edges than the one before.
    """
    while sql(_UNFINISHED, edges=edges).count():
        edges = sql(_SMALL_STAR, edges=sql(_LARGE_STAR, edges=edges))
    return sql(
        "SELECT u AS doc, v AS label FROM {edges} UNION SELECT v AS doc, v AS label FROM {edges}",
        edges=edges,
    )
