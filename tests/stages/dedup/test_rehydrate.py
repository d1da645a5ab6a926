"""Copies by the size of clusters: how many, in what order, and what they share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.reader import Reader
from pipeline.schema import ID, TEXT
from stages.dedup.choose import cluster_column
from stages.dedup.rehydrate import COPIES, Rehydrate

SIZES = st.lists(st.none() | st.integers(1, 2000), max_size=30)


def batch(sizes: Sequence[int | None], first: int = 0, name: str = "cluster") -> pa.RecordBatch:
    """Documents in clusters of these sizes; None: alone."""
    numbers = range(first, first + len(sizes))
    clusters = [None if s is None else {"size": s} for s in sizes]
    arrays = [
        pa.array([f"id{i}" for i in numbers], pa.string()),
        pa.array([f"text {i}" for i in numbers], pa.string()),
        pa.array(clusters, cluster_column(name).type),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema([ID, TEXT, cluster_column(name)]))


def written(step: Rehydrate, *batches: pa.RecordBatch) -> pa.Table:
    out = list(step.stream(iter(batches)))
    return pa.Table.from_batches(out, step.flow(batches[0].schema))


def in_words(size: int) -> int:
    """The README of FineWeb2, sentence by sentence."""
    if size >= 1000:
        return 1
    if size >= 100:
        return 8
    if size >= 5:
        return 5
    return 3 if size == 4 else size


@given(SIZES)
def test_the_table_of_fineweb2(sizes: list[int | None]) -> None:
    expected = [in_words(size or 1) for size in sizes]
    assert Rehydrate().copies(batch(sizes)).to_pylist() == expected
    table = written(Rehydrate(), batch(sizes))
    assert Counter(table["id"].to_pylist()) == {f"id{i}": n for i, n in enumerate(expected)}


@pytest.mark.parametrize(
    ("size", "copies"),
    [(1, 1), (2, 2), (3, 3), (4, 3), (5, 5), (99, 5), (100, 8), (999, 8), (1000, 1), (10**9, 1)],
)
def test_where_the_steps_are(size: int, copies: int) -> None:
    assert Rehydrate().copies(batch([size])).to_pylist() == [copies] == [in_words(size)]


def test_second_copies_come_after_all_first_ones() -> None:
    table = written(Rehydrate(), batch([3, None, 2]), batch([1, 3], first=3))
    numbers = [int(i.removeprefix("id")) for i in table["id"].to_pylist()]
    assert numbers == [0, 1, 2, 3, 4, 0, 2, 4, 0, 4]
    assert table["text"].to_pylist() == [f"text {i}" for i in numbers]
    assert table.schema.names == ["id", "text", "cluster"]


@given(SIZES, st.integers(0, 30))
def test_nothing_depends_on_batches(sizes: list[int | None], at: int) -> None:
    whole = batch(sizes)
    cut = written(Rehydrate(), whole.slice(0, at), whole.slice(at))
    assert cut.equals(written(Rehydrate(), whole))


def test_numbers_in_a_column_repeat_nothing() -> None:
    step = Rehydrate(mode="column")
    table = written(step, batch([None, 7]), batch([150], first=2))
    assert table["copies"].to_pylist() == [1, 5, 8]
    assert table["id"].to_pylist() == ["id0", "id1", "id2"]
    assert table.schema.field("copies") == COPIES
    rewritten = written(step, *table.to_batches())
    assert rewritten["copies"].to_pylist() == [1, 5, 8]
    assert rewritten.schema.names == table.schema.names


def test_a_table_of_ones_own() -> None:
    step = Rehydrate(table=((1, 2), (10, 1)), column="pages")
    step.check()
    table = written(step, batch([None, 9, 10, 11], name="pages"))
    assert Counter(table["id"].to_pylist()) == {"id0": 2, "id1": 2, "id2": 1, "id3": 1}


def test_sizes_below_one_are_one() -> None:
    assert Rehydrate().copies(batch([0, -5])).to_pylist() == [1, 1]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (((2, 1),), "ascend from 1"),
        (((1, 1), (1, 2)), "ascend"),
        (((1, 1), (5, 2), (3, 2)), "ascend"),
    ],
)
def test_tables_that_mean_nothing(table: tuple[tuple[int, int], ...], message: str) -> None:
    with pytest.raises(PlanError, match=f"^table: .*{message}"):
        Rehydrate(table=table).check()


@pytest.mark.parametrize("copies", [0, 1001])
def test_there_are_1_to_1000_copies(copies: int) -> None:
    reader = Reader("stages.yaml")
    assert reader.settings(Rehydrate, {"table": [[1, copies]]}, ("with",)) is None
    assert [p.where for p in reader.problems] == ["table.0.1"]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(PlanError, match="'other'"):
        Rehydrate(column="other").flow(batch([1]).schema)


@pytest.mark.parametrize("mode", ["repeat", "column"])
def test_a_shard_without_documents(mode: str) -> None:
    step = Rehydrate(mode="repeat" if mode == "repeat" else "column")
    assert not list(step.stream(iter(())))
    assert not len(written(step, batch([])))


def test_one_batch_is_in_memory_at_a_time() -> None:
    taken = 0

    def source() -> Iterator[pa.RecordBatch]:
        nonlocal taken
        for i in range(5):
            taken += 1
            yield batch([2, 3], first=2 * i)

    stream = Rehydrate().stream(source())
    for n in range(1, 6):
        assert len(next(stream)) == 2
        assert taken == n
    assert [len(b) for b in stream] == [2] * 5 + [1] * 5
