"""Which one stays: the rule written out in Python."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.dedup.choose import Keep, columns, text_bytes, verdicts
from tests.stages.dedup.conftest import DuckSql


@pytest.fixture(scope="module")
def duck() -> DuckSql:
    return DuckSql()


def chosen(sizes: list[int], labels: list[int], keep: Keep) -> list[tuple[Any, ...]]:
    """Verdict rows of documents 0, 1, … with these sizes, where `labels` says what belongs together."""
    rows: list[tuple[Any, ...]] = []
    for label in set(labels):
        members = [d for d, other in enumerate(labels) if other == label]
        kept = min(members, key=lambda d: (-sizes[d], d)) if keep == "longest" else members[0]
        rows += [(d, *((None, None) if d == kept else ("same", f"id{kept}")), len(members)) for d in members]
    return sorted(rows, key=lambda row: row[0])


@pytest.mark.parametrize("keep", ["first", "longest"])
@given(documents=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=10), salt=st.randoms())
def test_one_of_each_cluster_stays(
    duck: DuckSql, keep: Keep, documents: list[tuple[int, int]], salt: random.Random
) -> None:
    sizes, labels = [s for s, _ in documents], [c for _, c in documents]
    order = list(range(len(documents)))
    salt.shuffle(order)
    keys = pa.table(
        {
            "doc": pa.array(order, pa.int64()),
            "id": pa.array([f"id{d}" for d in order], pa.string()),
            "n_bytes": pa.array([sizes[d] if keep == "longest" else None for d in order], pa.int64()),
        }
    )
    first = {c: labels.index(c) for c in set(labels)}
    clusters = pa.table(
        {
            "doc": pa.array(order, pa.int64()),
            "label": pa.array([first[labels[d]] for d in order], pa.int64()),
        }
    )
    found = verdicts(duck.table(clusters), duck.table(keys), duck, keep=keep, reason="same", prefix="exact")
    assert sorted(found.rows()) == chosen(sizes, labels, keep)


def test_columns_are_named_after_the_stage(duck: DuckSql) -> None:
    assert columns("minhash").names == ["minhash_duplicate_of", "minhash_cluster_size"]
    assert all(f.metadata[b"meaning"] for f in columns("minhash"))


def test_lengths_are_read_only_where_they_decide() -> None:
    batch = pa.record_batch({"text": pa.array(["é", None, ""], pa.string())})
    assert text_bytes(batch, "longest").to_pylist() == [2, -1, 0]
    assert text_bytes(pa.record_batch({"url": pa.array(["a"])}), "first").to_pylist() == [None]
