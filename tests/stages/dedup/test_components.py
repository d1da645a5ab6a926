"""Connected components against union-find, and how many rounds they take."""

from __future__ import annotations

import math
import random

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.dedup.components import components
from tests.stages.dedup.conftest import DuckSql, SparkSql

Edges = list[tuple[int, int]]


def table(edges: Edges) -> pa.Table:
    upper, lower = [max(e) for e in edges], [min(e) for e in edges]
    return pa.table({"u": pa.array(upper, pa.int64()), "v": pa.array(lower, pa.int64())})


def union_find(edges: Edges) -> list[tuple[int, int]]:
    parent: dict[int, int] = {}

    def root(node: int) -> int:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for u, v in edges:
        a, b = root(u), root(v)
        parent[max(a, b)] = min(a, b)
    return sorted((node, root(node)) for node in list(parent))


@pytest.fixture(scope="module")
def duck() -> DuckSql:
    return DuckSql()


NODES = st.integers(0, 12) | st.integers(0, 2**62)
GRAPHS = st.lists(st.tuples(NODES, NODES).filter(lambda e: e[0] != e[1]), max_size=25)


@given(GRAPHS)
def test_random_graphs(duck: DuckSql, edges: Edges) -> None:
    assert components(duck.table(table(edges)), duck).rows() == union_find(edges)


def shuffled(edges: Edges) -> Edges:
    nodes = sorted({n for e in edges for n in e})
    names = dict(zip(nodes, random.Random(1).sample(nodes, len(nodes)), strict=True))
    return [(names[u], names[v]) for u, v in edges]


N = 1500
SHAPES = {
    "chain": [(i, i + 1) for i in range(N)],
    "chain in random order": shuffled([(i, i + 1) for i in range(N)]),
    "ring": [(i, (i + 1) % N) for i in range(N)],
    "star around the smallest": [(0, i) for i in range(1, N)],
    "star around the largest": [(N, i) for i in range(N)],
    "clique": [(i, j) for i in range(50) for j in range(i)],
    "cliques on a string": [(50 * c + i, 50 * c + j) for c in range(8) for i in range(8) for j in range(i)]
    + [(50 * c + 7, 50 * c + 50) for c in range(7)],
    "binary tree": [(i, (i - 1) // 2) for i in range(1, N)],
    "pairs": [(2 * i, 2 * i + 1) for i in range(N)],
    "nothing": [],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_in_few_rounds(shape: str) -> None:
    edges, sql = SHAPES[shape], DuckSql()
    given_edges = sql.table(table(edges))
    before = sql.queries
    assert components(given_edges, sql).rows() == union_find(edges)
    rounds = (sql.queries - before - 2) / 3  # the last test and the labels; test, large star, small star
    assert rounds <= math.log2(len(edges) + 2) + 1, f"{rounds} rounds"


def test_edges_never_multiply() -> None:
    """The sizes of all tables on the way, for a graph whose square would have a million edges."""
    sql, edges = DuckSql(), SHAPES["star around the largest"]
    components(sql.table(table(edges)), sql)
    sizes = [sql.fetch(f"SELECT count(*) FROM t{i}")[0][0] for i in range(1, sql.queries + 1)]
    assert max(sizes) <= 2 * len(edges)


def test_many_copies_are_one_component() -> None:
    sql, n = DuckSql(), 100_000
    star = pa.table({"u": np.arange(1, n, dtype=np.int64), "v": np.zeros(n - 1, np.int64)})
    labels = components(sql.table(star), sql)
    assert sql.fetch(f"SELECT count(*), max(label) FROM {labels.name}") == [(n, 0)]


def test_labels_are_bigint(sql: DuckSql) -> None:
    labels = components(sql.table(table([(2**40, 1)])), sql)
    types = duckdb.sql(f"SELECT * FROM {labels.name}", connection=sql.connection).types
    assert [str(t) for t in types] == ["BIGINT", "BIGINT"]


@pytest.mark.spark
def test_spark_finds_the_same(spark_sql: SparkSql) -> None:
    edges = [*shuffled([(i, i + 1) for i in range(7)]), (100, 101), (102, 100), (2**40, 2**41)]
    assert components(spark_sql.table(table(edges)), spark_sql).rows() == union_find(edges)
