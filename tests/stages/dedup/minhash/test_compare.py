"""Likeness of documents by their features."""

from __future__ import annotations

import pyarrow as pa

from stages.dedup.minhash.compare import Alike


def lists(*rows: list[int]) -> pa.ListArray:
    return pa.array(rows, pa.list_(pa.int64()))


def test_likeness_of_signatures_is_the_share_that_agrees() -> None:
    a, b = lists([1, 2, 3, 4], [1, 2, 3, 4], [5, 6, 7, 8]), lists([1, 2, 3, 9], [9, 9, 3, 4], [0, 0, 0, 0])
    batch = pa.RecordBatch.from_pydict({"u": [1, 2, 3], "v": [0, 0, 0], "a": a, "b": b})
    (alike,) = Alike(at_least=0.75, signatures=True)(iter([batch]))
    assert alike.to_pylist() == [{"u": 1, "v": 0}]
    (none,) = Alike(at_least=0.75, signatures=True)(iter([batch.slice(0, 0)]))
    assert len(none) == 0
