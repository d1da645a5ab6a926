"""Pairs that share a band: which are compared, how many are not, and that later documents change none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sql import Relation, Sql
from stages.dedup.minhash.pairs import N_REPRESENTATIVES, Banded
from tests.stages.dedup.apply import in_memory
from tests.stages.dedup.test_components import union_find

Bands = list[list[int] | None]
BAND_NAMES = ("band_00", "band_01", "band_02")
BANDS = st.lists(st.none() | st.lists(st.integers(0, 6), min_size=3, max_size=3), max_size=25)


@pytest.fixture(scope="module")
def sql() -> Iterator[Sql]:
    with in_memory(Path()) as session:
        yield session


def banded(sql: Sql, bands: Bands, first: int = 0, own_only: bool = False) -> Banded:
    """Documents first, first + 1, …; a signature is the sum that names all bands."""
    values = [[row and 1000 * i + row[i] for row in bands] for i in range(len(BAND_NAMES))]
    table = pa.table(
        {
            "doc": pa.array(range(first, first + len(bands)), pa.int64()),
            "signature": pa.array([row and hash(tuple(row)) for row in bands], pa.int64()),
            **{name: pa.array(v, pa.int64()) for name, v in zip(BAND_NAMES, values, strict=True)},
        }
    )
    sql.connection.register("given", table)  # type: ignore[attr-defined]
    keys = sql("SELECT * FROM given")
    return Banded(keys=keys, bands=BAND_NAMES, sql=sql, own_only=own_only)


def edges(relation: Relation) -> set[tuple[int, int]]:
    rows = [(r["u"], r["v"]) for r in relation.rows()]
    assert len(rows) == len(set(rows))
    return set(rows)


def expected(bands: Bands) -> tuple[set[tuple[int, int]], set[tuple[int, int]]]:
    first: dict[tuple[int, ...], int] = {}
    copies, members = set[tuple[int, int]](), dict[tuple[int, int], list[int]]()
    for doc, row in enumerate(bands):
        if row is None:
            continue
        kept = first.setdefault(tuple(row), doc)
        if kept != doc:
            copies.add((doc, kept))
            continue
        for i, band in enumerate(row):
            members.setdefault((i, band), []).append(doc)
    pairs = {
        (u, v) for m in members.values() for i, u in enumerate(m) for v in m[: min(i, N_REPRESENTATIVES)]
    }
    return copies, pairs


@given(BANDS)
def test_pairs_are_all_that_share_a_band_but_for_copies(sql: Sql, bands: Bands) -> None:
    copies, pairs, _ = banded(sql, bands).candidates()
    assert (edges(copies), edges(pairs)) == expected(bands)


@given(BANDS, st.integers(0, 25))
def test_what_comes_later_adds_pairs_and_changes_none(sql: Sql, bands: Bands, cut: int) -> None:
    before = banded(sql, bands[:cut], -cut).candidates()
    added = banded(sql, bands, -cut, own_only=True).candidates()
    together = banded(sql, bands, -cut).candidates()
    for relations in zip(before[:2], added[:2], together[:2], strict=True):
        old, new, all_ = map(edges, relations)
        assert {(u, v) for u, v in all_ if u >= 0} == new
        assert {(u, v) for u, v in all_ if u < 0} == old
    assert len(before[:2]) == 2


@given(BANDS)
def test_stars_join_what_pairs_join(sql: Sql, bands: Bands) -> None:
    stars = edges(banded(sql, bands).stars())
    full = [
        (i, j)
        for (i, a), (j, b) in combinations(enumerate(bands), 2)
        if a and b and any(x == y for x, y in zip(a, b, strict=True))
    ]
    assert union_find(list(stars)) == union_find(full)
    assert all(u > v for u, v in stars)


def test_a_band_of_many_is_compared_with_its_first(sql: Sql) -> None:
    n = N_REPRESENTATIVES + 50
    copies, pairs, n_beyond = banded(sql, [[0, i + 1, i + 1] for i in range(n)]).candidates()
    assert copies.count() == 0
    assert pairs.count() == N_REPRESENTATIVES * (N_REPRESENTATIVES - 1) // 2 + 50 * N_REPRESENTATIVES
    assert n_beyond == 50 * 49 // 2
    assert pairs.count() + 50 * 49 // 2 == n * (n - 1) // 2


@pytest.mark.parametrize("rows", [1, 40])
def test_bands_may_be_looked_at_one_by_one(sql: Sql, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    bands: Bands = [[i % 3, i % 5, i % 7] for i in range(20)] + [None]
    copies, pairs, n_beyond = banded(sql, bands).candidates()
    stars = edges(banded(sql, bands).stars())
    monkeypatch.setattr("stages.dedup.minhash.pairs.BAND_ROWS", rows)
    same, each, beyond = banded(sql, bands).candidates()
    assert edges(same) == edges(copies)
    assert sorted(map(str, each.rows())) == sorted(map(str, pairs.rows()))
    assert beyond == n_beyond
    assert edges(banded(sql, bands).stars()) == stars


def test_some_of_the_documents(sql: Sql) -> None:
    bands: Bands = [[0, 1, 2], [0, 3, 4], [0, 5, 6], [7, 3, 8]]
    docs = sql("SELECT 0 AS doc UNION ALL SELECT 1 AS doc UNION ALL SELECT 3 AS doc")
    some = banded(sql, bands, own_only=True).among(docs)
    assert not some.own_only
    assert edges(some.stars()) == {(1, 0), (3, 1)}
