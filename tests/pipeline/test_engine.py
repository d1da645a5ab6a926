"""Groups of sorted rows, however the rows are cut into batches."""

from __future__ import annotations

import itertools

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engine import grouped


def batches(rows: list[tuple[int, int]], cuts: list[int]) -> list[pa.RecordBatch]:
    table = pa.table(
        {"g": [g for g, _ in rows], "v": [v for _, v in rows]},
        pa.schema([("g", pa.int64()), ("v", pa.int64())]),
    )
    edges = sorted({0, len(rows), *(c for c in cuts if c < len(rows))})
    empty = pa.RecordBatch.from_pylist([], schema=table.schema)
    made = [
        table.slice(a, b - a).combine_chunks().to_batches() or [empty] for a, b in itertools.pairwise(edges)
    ]
    return [b for many in made for b in many]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9)), max_size=40), st.lists(st.integers(0, 39)))
def test_each_group_comes_as_one_batch(rows: list[tuple[int, int]], cuts: list[int]) -> None:
    rows = sorted(rows)
    found = [b for b in grouped(iter(batches(rows, cuts)), ("g", "v")) if len(b)]
    expected = [list(group) for _, group in itertools.groupby(rows, key=lambda row: row[0])]
    assert [list(zip(b["g"].to_pylist(), b["v"].to_pylist(), strict=True)) for b in found] == expected


def test_without_groups_batches_pass_as_they_are() -> None:
    given_ = batches([(1, 2), (1, 3), (2, 4)], [1])
    assert list(grouped(iter(given_), ())) == given_
