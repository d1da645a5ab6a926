"""Shards: bytes that depend on the rows alone, files that exist only when complete, batches cut by size."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import shards
from pipeline.shards import ShardWriter, cut, fingerprint, read_shard
from pipeline.store import digest

SCHEMA = pa.schema([("text", pa.string()), ("n", pa.int64())])


def table(n: int) -> pa.RecordBatch:
    texts = [None if i % 7 == 3 else f"text {i} " * (i % 50) for i in range(n)]
    return pa.RecordBatch.from_pydict({"text": texts, "n": list(range(n))}, schema=SCHEMA)


def write(path: Path, batches: list[pa.RecordBatch]) -> str:
    with ShardWriter(path, SCHEMA) as writer:
        for batch in batches:
            writer.write(batch)
    assert writer.rows == sum(len(b) for b in batches)
    return digest(path)


@given(edges=st.lists(st.integers(0, 400), max_size=8))
def test_bytes_do_not_depend_on_batches(tmp_path_factory: pytest.TempPathFactory, edges: list[int]) -> None:
    tmp_path = tmp_path_factory.mktemp("shards")
    whole = table(400)
    bounds = [0, *sorted(edges), 400]
    parts = [whole.slice(a, b - a) for a, b in itertools.pairwise(bounds)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "GROUP_BYTES", 9000)  # as 32 MiB would, at a size one can test
        patch.setattr(shards, "GROUP_ROWS", 64)
        assert write(tmp_path / "parts", parts) == write(tmp_path / "whole", [whole])
    assert pq.ParquetFile(tmp_path / "whole").num_row_groups > 6


def test_a_row_larger_than_a_group_is_a_group_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "GROUP_BYTES", 100)
    rows = pa.RecordBatch.from_pydict({"text": ["a" * 500] * 3, "n": [1, 2, 3]}, schema=SCHEMA)
    write(tmp_path / "s", [rows])
    assert pq.ParquetFile(tmp_path / "s").num_row_groups == 3


def test_an_empty_shard_keeps_its_columns(tmp_path: Path) -> None:
    write(tmp_path / "s", [])
    assert pq.read_table(tmp_path / "s").schema.equals(SCHEMA)
    assert list(read_shard(tmp_path / "s")) == []


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write(tmp_path / "s", [table(300)])
    assert pa.Table.from_batches(read_shard(tmp_path / "s")).equals(pa.Table.from_batches([table(300)]))
    only = pa.Table.from_batches(read_shard(tmp_path / "s", ["n"]))
    assert only.column_names == ["n"]


def test_an_error_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> None:
        with ShardWriter(tmp_path / "s", SCHEMA) as writer:
            writer.write(table(10))
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_last_flush_leaves_nothing(tmp_path: Path) -> None:
    wrong = pa.RecordBatch.from_pydict({"other": [1]})
    with pytest.raises((ValueError, pa.ArrowInvalid)), ShardWriter(tmp_path / "s", SCHEMA) as writer:
        writer._held, writer._count = [wrong], 1
    assert list(tmp_path.iterdir()) == []


@given(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=60))
def test_cut_keeps_order_and_bounds(sizes: list[int]) -> None:
    whole = pa.table({"text": ["x" * s for s in sizes], "n": list(range(len(sizes)))}, schema=SCHEMA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "BATCH_BYTES", 500)
        patch.setattr(shards, "BATCH_ROWS", 7)
        batches = list(cut(whole))
    assert [n for b in batches for n in b["n"].to_pylist()] == list(range(len(sizes)))
    for batch in batches:
        assert 1 <= len(batch) <= 7
        assert sum(len(t) for t in batch["text"].to_pylist()[:-1]) < 500


def test_row_bytes_counts_text_of_all_columns_and_null_as_nothing() -> None:
    batch = pa.RecordBatch.from_pydict({"a": ["é", None], "b": ["xy", "z"], "n": [1, 2]})
    assert shards.row_bytes(batch).tolist() == [4, 1]


@dataclass(frozen=True)
class Settings:
    a: int = 1
    b: tuple[str, ...] = ("x",)


@dataclass(frozen=True)
class Other:
    a: int = 1
    b: tuple[str, ...] = ("x",)


def test_fingerprints_tell_classes_settings_and_upstream_apart() -> None:
    prints = [
        fingerprint("s", 1, Settings()),
        fingerprint("s", 1, Settings(a=2)),
        fingerprint("s", 2, Settings()),
        fingerprint("s", 1, Other()),
        fingerprint("s", 1, Settings(), "up"),
        fingerprint("s", 1, Settings(b=("x", "y"))),
    ]
    assert len(set(prints)) == len(prints)
    assert fingerprint("s", 1, Settings()) == prints[0]
    assert all(len(p) == 12 for p in prints)


def test_what_has_no_place_in_a_fingerprint_is_refused() -> None:
    with pytest.raises(TypeError, match="no place in a fingerprint"):
        fingerprint(np.arange(3))
