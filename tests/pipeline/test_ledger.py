"""Row accounts and the stopwatch."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import ledger as ledger_module
from pipeline.ledger import Dropped, Ledger, Stopwatch


def batch(n: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(range(n))})


def lists(*values: list[str] | None) -> pa.Array:
    return pa.array(values, pa.list_(pa.string()))


def test_routing_counts_every_reason_and_keeps_the_rest() -> None:
    ledger = Ledger()
    kept = ledger.route("rules", batch(4), lists([], ["a", "b"], None, ["a"]))
    assert kept["n"].to_pylist() == [0, 2]
    (gone,) = ledger.dropped.batches("rules")
    assert gone.to_pylist() == [
        {"n": 1, "reasons": ["a", "b"], "dropped_by": "rules"},
        {"n": 3, "reasons": ["a"], "dropped_by": "rules"},
    ]
    assert (ledger.rows_in["rules"], ledger.kept["rules"]) == (4, 2)
    assert ledger.reasons["rules"] == {"a": 2, "b": 1}


def test_routing_nothing_and_dropping_nothing() -> None:
    ledger = Ledger()
    assert len(ledger.route("rules", batch(0), lists())) == 0
    assert len(ledger.route("rules", batch(2), lists([], None))) == 2
    assert list(ledger.dropped.batches("rules")) == []


def test_dropped_documents_wait_in_a_file_for_each_step_and_come_back_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "WAITING_BYTES", 100)
    with Dropped(tmp_path) as dropped:
        for i in range(50):
            dropped.put("ab"[i % 2], pa.RecordBatch.from_pydict({"n": [i]}))
        assert dropped.n_bytes <= 100
        assert [b["n"][0].as_py() for name in "bac" for b in dropped.batches(name)] == [
            *range(1, 50, 2),
            *range(0, 50, 2),
        ]
    assert list(tmp_path.iterdir()) == []


def test_a_few_dropped_documents_touch_no_disk(tmp_path: Path) -> None:
    with Dropped(tmp_path / "never") as dropped:
        dropped.put("a", batch(3))
        assert [b.num_rows for b in dropped.batches("a")] == [3]
    assert not (tmp_path / "never").exists()


def test_time_is_charged_to_the_step_that_takes_it() -> None:
    watch = Stopwatch()

    def source() -> Iterator[pa.RecordBatch]:
        for _ in range(2):
            time.sleep(0.05)
            yield batch(1)

    def step(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for b in batches:
            time.sleep(0.02)
            yield b

    out = watch.time("step", step(watch.time("source", source())))
    assert len(list(out)) == 2
    assert watch.seconds["source"] > 2 * watch.seconds["step"] * 0.8 > 0
    assert watch.stack == []


def test_after_an_error_the_stack_names_the_step() -> None:
    watch = Stopwatch()

    def bad(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            raise ValueError
            yield

    with pytest.raises(ValueError):  # noqa: PT011  # nothing but the bare error is raised here
        list(watch.time("bad", bad(watch.time("good", iter([batch(1)])))))
    assert watch.stack == ["bad"]
