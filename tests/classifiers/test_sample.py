"""The sample is the same whatever the documents' order, how it is cut into shards, and the workers."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers import sample as module
from classifiers.sample import KeyedSample, KeysTask, draw
from classifiers.sampling import Sampling
from pipeline.engine import Engine
from pipeline.keyed import hash64, uniform
from pipeline.local import LocalEngine
from tests.records import context

N = 60
ROWS: list[dict[str, Any]] = [
    {
        "id": f"d{i}",
        "text": "" if i % 20 == 5 else f"text {i} " * (1 + i % 4),
        "language": ["en", "zh", "nb", None][i % 4],
        "url": f"u{i}",
    }
    for i in range(N)
]
SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "text", "language", "url")])
BY_ID = Sampling(name="s", columns=("text", "url"), budget=9)
BY_TEXT = Sampling(
    name="s",
    columns=("text",),
    budget=5,
    by="text",
    stratum="language",
    rename={"nb": "no"},
    heldout_frac=0.3,
)
OF_BYTES = Sampling(
    name="s", columns=("text",), budget=150, unit="bytes", heldout_frac=0.4, heldout_budget=40, seed=3
)


def write(output: Path, rows: Sequence[dict[str, Any]], cuts: Sequence[int]) -> Path:
    bounds = [0, *sorted(cuts), len(rows)]
    for i, (start, stop) in enumerate(pairwise(bounds)):
        path = output / "documents" / ("a" if i < 2 else "b") / f"part-{i:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows[start:stop], SCHEMA), path)
    return output


def drawn(output: Path, sampling: Sampling, engine: Engine | None = None) -> KeyedSample:
    return draw(context(output, engine=engine), sampling, output / "work")


def content(sample: KeyedSample) -> dict[str, list[list[dict[str, Any]]]]:
    """stratum -> rows that are not held out, and those that are, in the order of their keys."""
    tables = {s: [sample.table(s, side) for side in (False, True)] for s in sample.strata}
    return {s: [t.to_pylist() if t is not None else [] for t in sides] for s, sides in tables.items()}


def of_fields(rows: Sequence[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


@settings(max_examples=12)
@given(
    order=st.permutations(range(N)),
    cuts=st.lists(st.integers(0, N), max_size=5),
    sampling=st.sampled_from([BY_ID, BY_TEXT, OF_BYTES]),
)
def test_order_and_shards_do_not_matter(order: list[int], cuts: list[int], sampling: Sampling) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = drawn(write(Path(folder) / "first", ROWS, []), sampling)
        second = drawn(write(Path(folder) / "second", [ROWS[i] for i in order], cuts), sampling)
        assert content(first) == content(second)
        assert first.digest() == second.digest()
        assert (first.n_documents, first.n_heldout) == (second.n_documents, second.n_heldout)
        assert sum(map(len, first.keys.values())) > 4


def test_workers_of_an_engine_draw_the_same(tmp_path: Path, local: LocalEngine) -> None:
    rows = write(tmp_path / "a", ROWS, [10, 20, 45])
    here, there = drawn(rows, BY_TEXT), drawn(write(tmp_path / "b", ROWS, [30]), BY_TEXT, local)
    assert content(here) == content(there)


def test_the_smallest_hashes_of_ids(tmp_path: Path) -> None:
    written = [row for row in ROWS if row["text"]]
    hashes = hash64(pa.array(of_fields(written, "id")), 0, "s")
    expected = [written[i] for i in np.argsort(hashes)[:9].tolist()]
    sample = drawn(write(tmp_path, ROWS, [20, 40]), BY_ID)
    table = sample.table()
    assert table is not None
    assert table.column_names == ["text", "url", "key"]
    assert table["url"].to_pylist() == of_fields(expected, "url")
    assert table["key"].to_pylist() == sorted(hashes.tolist())[:9]
    assert sample.n_documents == {"": 57}
    assert (sample.size(), sample.n_fitted()) == (9, 9)


def test_a_text_counts_once_in_its_language(tmp_path: Path) -> None:
    sample = drawn(write(tmp_path, ROWS + ROWS, [50, 70]), BY_TEXT)
    assert sample.strata == ["en", "no", "zh"]
    assert sample.n_documents == {"en": 30, "no": 30, "zh": 24}
    assert [sample.size(k) for k in sample.strata] == [5, 5, 5]
    assert content(sample) == content(drawn(write(tmp_path / "once", ROWS, []), BY_TEXT))
    for sides in content(sample).values():
        texts = [row["text"] for side in sides for row in side]
        assert len(set(texts)) == len(texts) == 5
    heldout = {row["text"] for sides in content(sample).values() for row in sides[1]}
    all_texts = pa.array(sorted({row["text"] for row in ROWS}))
    assert heldout <= set(all_texts.filter(pa.array(uniform(all_texts, 0, "heldout") < 0.3)).to_pylist())
    assert sum(sample.n_heldout.values()) == len([r for s in content(sample).values() for r in s[1]]) > 0


def test_bytes_are_filled_on_both_sides(tmp_path: Path) -> None:
    (fitted, heldout) = content(drawn(write(tmp_path, ROWS, [30]), OF_BYTES))[""]
    for rows, budget in ((fitted, 150), (heldout, 40)):
        sizes = [len(row["text"]) for row in rows]
        assert sum(sizes[:-1]) < budget <= sum(sizes)  # one document more than fits


def test_more_hold_the_fewer_and_another_seed_takes_others(tmp_path: Path) -> None:
    def urls(folder: str, **changes: Any) -> list[str]:
        given = {"name": "s", "columns": ("url",), "budget": 5} | changes
        table = drawn(write(tmp_path / folder, ROWS, [9]), Sampling(**given)).table()
        assert table is not None
        found: list[str] = table["url"].to_pylist()
        return found

    five = urls("five")
    assert urls("many", budget=20)[:5] == five
    assert urls("seed", seed=1) != five != urls("other", name="t")
    assert len(urls("all", budget=1000)) == N


def test_what_waits_in_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = content(drawn(write(tmp_path / "a", ROWS, []), BY_TEXT))
    monkeypatch.setattr(module, "HELD_BYTES", 1)
    sample = drawn(write(tmp_path / "b", ROWS, []), BY_TEXT)
    assert content(sample) == together
    assert Counter(sample.files[0][1]) == {"en": 1, "no": 1, "zh": 1}


def test_a_killed_draw_goes_on(tmp_path: Path) -> None:
    output = write(tmp_path, ROWS, [20, 40])
    before = content(drawn(output, BY_TEXT))
    kept = {p: p.stat().st_mtime_ns for p in (output / "work").rglob("*.parquet")}
    gone = output / "work" / "rows" / "b" / "part-00002.json"
    gone.unlink()
    assert content(drawn(output, BY_TEXT)) == before
    changed = {p.with_suffix(".json") for p, ns in kept.items() if p.stat().st_mtime_ns != ns}
    assert changed == {gone}


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    sample = drawn(write(tmp_path, [], []), BY_TEXT)
    assert (sample.strata, sample.size("en"), sample.table("en")) == ([], 0, None)
    nothing = [{"id": "a", "text": None, "language": "en"}, {"id": "b", "text": "b", "language": ""}]
    assert drawn(write(tmp_path / "null", nothing, []), BY_TEXT).strata == []


def test_account_of_a_pass_that_was_done(tmp_path: Path) -> None:
    output = write(tmp_path, ROWS, [])
    task = KeysTask(
        name="k",
        shard=output / "documents/a/part-00000.parquet",
        output=tmp_path / "k.parquet",
        sampling=BY_ID,
    )
    assert task.run() == task.run() == {"n_documents": {"": 57}}
