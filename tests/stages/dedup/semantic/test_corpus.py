"""The sample: the smallest hashes, however documents are cut and ordered; and where they are read from."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.keyed import hash64
from stages.dedup.semantic.corpus import Sample, read, sources

IDS = pa.array([f"id{i}" for i in range(50)])


def sampled(n: int, seed: int, cuts: list[int], order: list[int] | None = None) -> list[str]:
    sample = Sample(n, seed, lambda batch: batch)
    ids = IDS if order is None else IDS.take(pa.array(order))
    bounds = [0, *sorted(cuts), len(ids)]
    for a, b in pairwise(bounds):
        sample.meet(pa.record_batch({"id": ids.slice(a, b - a)}))
    assert sample.n_documents == 50
    found: list[str] = sample.rows().column("id").to_pylist()
    return found


@given(st.integers(1, 60), st.lists(st.integers(0, 50), max_size=6), st.permutations(range(50)))
def test_the_smallest_hashes(n: int, cuts: list[int], order: list[int]) -> None:
    hashes = hash64(IDS, 3, "semantic")
    expected = [f"id{i}" for i in hashes.argsort()[:n].tolist()]
    assert sampled(n, 3, cuts, order) == expected


def test_another_seed_takes_others() -> None:
    assert sampled(10, 0, []) != sampled(10, 1, [])


def test_lines_parquet_and_runs(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "one"}) + "\n" + json.dumps({"text": None}) + "\n")
    run = tmp_path / "run"
    (run / "02-docs").mkdir(parents=True)
    table = pa.table({"id": ["x"], "text": ["two"], "embedding": pa.array([b"ab"], pa.binary())})
    pq.write_table(table, run / "02-docs" / "part-00000.parquet")
    (run / "run.json").write_text(json.dumps({"documents": {"web": "02-docs"}}))
    paths = [str(tmp_path / "*.jsonl"), str(run), str(run / "02-docs" / "*.parquet")]
    assert [t for batch in read(sources(paths)) for t in batch["text"].to_pylist()] == ["one", "two", "two"]
    (batch,) = read(sources([str(run)], ("embedding",)))
    assert batch["embedding"].to_pylist() == [b"ab"]
    with pytest.raises(PlanError, match="no column 'other'"):
        sources([str(run)], ("other",))[0].check()
