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
from stages.dedup.minhash.pairs import HEADS, Alike, compared, stars
from tests.stages.dedup.judging import in_memory
from tests.stages.dedup.test_components import union_find

Bands = list[list[int] | None]
BAND_NAMES = ("band_00", "band_01", "band_02")
BANDS = st.lists(st.none() | st.lists(st.integers(0, 6), min_size=3, max_size=3), max_size=25)


class Host:
    """Remembers what was noted."""

    def __init__(self) -> None:
        self.notes = dict[str, int]()

    def again(self, sql: Sql, docs: Relation) -> Relation:
        raise AssertionError("nothing is asked here")

    def note(self, what: str, count: int) -> None:
        self.notes[what] = count


@pytest.fixture(scope="module")
def host() -> Host:
    return Host()


@pytest.fixture(scope="module")
def sql(host: Host) -> Iterator[Sql]:
    with in_memory(Path(), host) as session:
        yield session


def keys(sql: Sql, bands: Bands, first: int = 0) -> Relation:
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
    return sql("SELECT * FROM given")


def found(relation: Relation) -> set[tuple[int, int]]:
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
    pairs = {(u, v) for m in members.values() for i, u in enumerate(m) for v in m[: min(i, HEADS)]}
    return copies, pairs


@given(BANDS)
def test_pairs_are_all_that_share_a_band_but_for_copies(sql: Sql, bands: Bands) -> None:
    copies, pairs = compared(keys(sql, bands), BAND_NAMES, sql)
    assert (found(copies), found(pairs)) == expected(bands)


@given(BANDS, st.integers(0, 25))
def test_what_comes_later_adds_pairs_and_changes_none(sql: Sql, bands: Bands, cut: int) -> None:
    before = [found(r) for r in compared(keys(sql, bands[:cut], -cut), BAND_NAMES, sql)]
    added = [found(r) for r in compared(keys(sql, bands, -cut), BAND_NAMES, sql, new=True)]
    whole = [found(r) for r in compared(keys(sql, bands, -cut), BAND_NAMES, sql)]
    for old, new, all_ in zip(before, added, whole, strict=True):
        assert {(u, v) for u, v in all_ if u >= 0} == new
        assert {(u, v) for u, v in all_ if u < 0} == old


@given(BANDS)
def test_stars_join_what_pairs_join(sql: Sql, bands: Bands) -> None:
    edges = found(stars(keys(sql, bands), BAND_NAMES, sql).edges)
    full = [
        (i, j)
        for (i, a), (j, b) in combinations(enumerate(bands), 2)
        if a and b and any(x == y for x, y in zip(a, b, strict=True))
    ]
    assert union_find(list(edges)) == union_find(full)
    assert all(u > v for u, v in edges)


def test_a_band_of_many_is_compared_with_its_first(sql: Sql, host: Host) -> None:
    n = HEADS + 50
    copies, pairs = compared(keys(sql, [[0, i + 1, i + 1] for i in range(n)]), BAND_NAMES, sql)
    assert copies.count() == 0
    assert pairs.count() == HEADS * (HEADS - 1) // 2 + 50 * HEADS
    assert host.notes["pairs_beyond_the_first_of_a_band"] == 50 * 49 // 2
    assert pairs.count() + 50 * 49 // 2 == n * (n - 1) // 2


def lists(*rows: list[int]) -> pa.ListArray:
    return pa.array(rows, pa.list_(pa.int64()))


def test_likeness_of_signatures_is_the_share_that_agrees() -> None:
    a, b = lists([1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8]), lists([1, 2, 3, 9], [9, 9, 3, 4], [0, 0, 0, 0])
    batch = pa.RecordBatch.from_pydict({"u": [1, 2, 3], "v": [0, 0, 0], "a": a, "b": b})
    (told,) = Alike(at_least=0.75, signatures=True)(iter([batch]))
    assert told.to_pylist() == [{"u": 1, "v": 0}]
    (none,) = Alike(at_least=0.75, signatures=True)(iter([batch.slice(0, 0)]))
    assert len(none) == 0


@pytest.mark.parametrize("rows", [1, 40])
def test_bands_may_be_looked_at_one_by_one(sql: Sql, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    bands: Bands = [[i % 3, i % 5, i % 7] for i in range(20)] + [None]
    copies, pairs = compared(keys(sql, bands), BAND_NAMES, sql)
    stars_of_all = found(stars(keys(sql, bands), BAND_NAMES, sql).edges)
    monkeypatch.setattr("stages.dedup.minhash.pairs.BAND_ROWS", rows)
    again, each = compared(keys(sql, bands), BAND_NAMES, sql)
    assert found(again) == found(copies)
    assert sorted(map(str, each.rows())) == sorted(map(str, pairs.rows()))
    assert found(stars(keys(sql, bands), BAND_NAMES, sql).edges) == stars_of_all
