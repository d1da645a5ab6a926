"""Verdicts come back to the right rows, whatever the batches."""

from __future__ import annotations

import itertools
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger import Ledger
from pipeline.schema import DOC
from pipeline.sql import bucket
from pipeline.steps import Named
from pipeline.verdicts import ROWS, Verdicts, apply_verdicts, number_rows, numbers, width
from tests.toy import FIRST, OnePerLetter

STEP = Named(name="dedup", use="one_per_letter", step=OnePerLetter())
SCHEMA = pa.schema([("text", pa.string()), FIRST])


def verdicts(reasons: dict[int, str | None], shard: int) -> pa.Table | None:
    if not reasons:
        return None
    rows = [
        {"doc": (shard << 32) + row, "reason": reason, "same_letter_as": f"first-{row}"}
        for row, reason in sorted(reasons.items())
    ]
    schema = pa.schema([DOC, ("reason", pa.string()), ("same_letter_as", pa.string())])
    return pa.Table.from_pylist(rows, schema=schema)


@given(
    n=st.integers(1, 30),
    reasons=st.dictionaries(st.integers(0, 29), st.sampled_from([None, "dup"])),
    edges=st.lists(st.integers(0, 30), max_size=4),
)
def test_rows_get_their_own_verdict(n: int, reasons: dict[int, str | None], edges: list[int]) -> None:
    batch = pa.RecordBatch.from_pydict({"text": [f"t{i}" for i in range(n)]})
    bounds = [0, *sorted(min(e, n) for e in edges), n]
    batches = (batch.slice(a, b - a) for a, b in itertools.pairwise(bounds))
    ledger = Ledger()
    judged = apply_verdicts(STEP, number_rows(batches, 5), SCHEMA, verdicts(reasons, 5), ledger)
    kept = pa.Table.from_batches(list(judged), SCHEMA).to_pylist()
    assert kept == [
        {"text": f"t{i}", "same_letter_as": f"first-{i}" if i in reasons else None}
        for i in range(n)
        if reasons.get(i) is None
    ]
    dropped = [r for b in ledger.dropped.batches("dedup") for r in b.to_pylist()]
    assert [r["text"] for r in dropped] == [f"t{i}" for i in range(n) if reasons.get(i)]
    assert all(r["reasons"] == ["dup"] and r["same_letter_as"] for r in dropped)
    assert ledger.rows_in["dedup"] == n


def test_numbers_are_shard_and_row() -> None:
    assert numbers(2, 5, 3).to_pylist() == [(2 << 32) + 5, (2 << 32) + 6, (2 << 32) + 7]
    batches = [pa.RecordBatch.from_pydict({"a": [1] * n}) for n in (2, 0, 3)]
    got = [b.column("doc").to_pylist() for b in number_rows(iter(batches), 1)]
    assert got == [[(1 << 32), (1 << 32) + 1], [], [(1 << 32) + 2, (1 << 32) + 3, (1 << 32) + 4]]


@pytest.mark.parametrize("files", [1, 3])
def test_only_the_shards_own_verdicts_are_loaded_in_order(tmp_path: Path, files: int) -> None:
    docs = [(s << 32) + r for s in (4, 5, 6) for r in range(4)]
    folder = tmp_path / f"bucket={bucket(5, 4)}"
    folder.mkdir()
    for i in range(files):
        mine = docs[::-1][i::files]
        pq.write_table(pa.table({"doc": mine, "reason": ["x"] * len(mine)}), folder / f"f{i}.parquet")
    saved = Verdicts(named=STEP, folder=tmp_path, width=4)
    assert saved.load(5)["doc"].to_pylist() == docs[4:8]
    assert saved.load(7)["doc"].to_pylist() == []
    assert saved.load(2) is None


def test_shards_in_a_row_share_a_bucket_that_stays_small() -> None:
    for n_shards in (1, 7, 1000, 1_400_000):
        for n_rows in (0, 1, ROWS, 1000 * ROWS):
            wide = width(n_rows, n_shards)
            assert 1 <= wide <= n_shards
            assert wide == 1 or n_rows * wide <= ROWS * n_shards
    assert [bucket(s, 4) - bucket(0, 4) for s in (-4, -1, 0, 3, 4, 8)] == [-1, -1, 0, 0, 1, 2]
