"""One shard through one segment: what is written, what a wrong step is told, what a second run does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import ledger
from pipeline.errors import RunError, StepError
from pipeline.plan import make
from pipeline.resume import Leftover
from pipeline.schema import N_BYTES
from pipeline.stage import Map, Stream
from pipeline.steps import Key
from pipeline.task import Pass, Passes, ShardTask
from pipeline.task import perform as perform_item
from tests.toy import Count, Fail, Lines, Long, OnePerLetter, Pairs, chain, write_lines


def task(tmp_path: Path, *steps: Any, text: str = "one\n?\nfour\nfive\nsix\n") -> ShardTask:
    source = Lines(paths=write_lines(tmp_path, {"a.txt": text}), source="toy")
    track = make([chain(source, *steps)]).tracks[0]
    segment = track.segments[0]
    of = Pass(
        label="toy",
        folder=tmp_path / segment.folder,
        n_shards=1,
        first=3,
        source=segment.reads,
        schema=segment.schemas[0],
        steps=segment.steps,
        schemas=segment.schemas,
        dropped_schema=segment.dropped_schema,
        keys=tuple(Key(named=k.named, folder=tmp_path / k.folder) for k in segment.keys),
    )
    return ShardTask(of=of, index=0, reads=track.splits[0])


def perform(work: ShardTask) -> dict[str, Any]:
    return perform_item(Passes(passes=(work.of,)), (0, work.index, work.reads))


def done(work: ShardTask) -> dict[str, Any] | None:
    return dict(Leftover(work.of, (set(), set())).accounts()).get(0)


def test_kept_dropped_keys_and_account(tmp_path: Path) -> None:
    work = task(tmp_path, Count(), Long(), OnePerLetter())
    account = perform(work)
    assert pq.read_table(work.of.folder / "part-00000.parquet")["text"].to_pylist() == ["four", "five"]
    dropped = pq.read_table(work.of.folder / "dropped" / "part-00000.parquet")
    assert dropped["text"].to_pylist() == ["?", "one", "six"]  # by step, then row
    keys = pq.read_table(work.of.keys[0].folder / "keys" / "part-00000.parquet")
    assert keys.column_names == ["doc", "id", "letter"]
    assert keys["doc"].to_pylist() == [3 << 32, (3 << 32) + 1]
    assert [(s["name"], s["in"], s["kept"]) for s in account["steps"]] == [
        ("toy", 5, 4),
        ("Count", 4, 4),
        ("Long", 4, 2),
    ]
    assert account["rows"] == 2
    assert account["dropped_rows"] == 3
    assert account["peak_bytes"] > 1 << 20


def test_dropped_documents_that_wait_in_files_give_the_same_bytes_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "one\n?\nfour\nfive\nsix\n?\nx\n#seven\n"
    in_memory = task(tmp_path / "a", Count(), Long(), text=text)
    wanted = perform(in_memory)
    monkeypatch.setattr(ledger, "WAITING_BYTES", 0)
    in_files = task(tmp_path / "b", Count(), Long(), text=text)
    assert perform(in_files)["dropped_sha256"] == wanted["dropped_sha256"]
    assert in_files.dropped_path.read_bytes() == in_memory.dropped_path.read_bytes()
    with pytest.raises(StepError):
        perform(task(tmp_path / "c", Count(), Long(), Fail(word="five"), text=text))
    assert [p for p in tmp_path.rglob("*") if p.name.endswith(".tmp")] == []


@pytest.mark.parametrize("victim", ["part-00000.parquet", "part-00000.json", "dropped/part-00000.parquet"])
def test_a_file_of_a_shard_that_is_gone_is_made_again(tmp_path: Path, victim: str) -> None:
    work = task(tmp_path, Count(), Long())
    first = perform(work)
    path = work.of.folder / victim
    before = path.read_bytes()
    path.unlink()
    assert done(work) is None
    again = perform(work)
    assert [again[k] for k in ("sha256", "dropped_sha256")] == [
        first[k] for k in ("sha256", "dropped_sha256")
    ]
    assert victim.endswith("json") or path.read_bytes() == before


def test_a_finished_task_reads_its_account(tmp_path: Path) -> None:
    work = task(tmp_path, Count(), OnePerLetter())
    assert done(work) is None
    first = perform(work)
    assert done(work) == first
    stamp = (work.of.folder / "part-00000.parquet").stat().st_mtime_ns
    assert perform(work) == first
    assert (work.of.folder / "part-00000.parquet").stat().st_mtime_ns == stamp


def test_keys_that_are_missing_are_made_from_the_shard(tmp_path: Path) -> None:
    work = task(tmp_path, Count(), OnePerLetter())
    perform(work)
    path = work.of.keys[0].folder / "keys" / "part-00000.parquet"
    before = path.read_bytes()
    path.unlink()
    assert done(work) is None
    perform(work)
    assert path.read_bytes() == before


def test_a_stream_is_accounted_for(tmp_path: Path) -> None:
    account = perform(task(tmp_path, Count(), Pairs()))
    assert [(s["in"], s["kept"]) for s in account["steps"]] == [(5, 4), (4, 4), (4, 2)]


def test_the_step_at_fault_is_named(tmp_path: Path) -> None:
    with pytest.raises(StepError) as error:
        perform(task(tmp_path, Count(), Fail(word="six"), Long()))
    assert (error.value.step, error.value.shard) == ("Fail", "toy/part-00000")
    assert not list(tmp_path.rglob("part-*"))


def test_a_map_that_loses_rows_is_refused(tmp_path: Path) -> None:
    class Lose(Map):
        def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
            return batch.slice(1)

    with pytest.raises(RunError, match="Lose: a map changed the number of rows: 2 -> 1"):
        perform(task(tmp_path, Lose()))


def test_a_filter_that_answers_too_few_is_refused(tmp_path: Path) -> None:
    class Lazy(Long):
        def reasons(self, batch: pa.RecordBatch) -> pa.ListArray:
            return pa.array([[]], pa.list_(pa.string()))

    with pytest.raises(RunError, match="Lazy: 2 rows gave 1 lists of reasons"):
        perform(task(tmp_path, Count(), Lazy()))


def test_keys_that_are_too_few_are_refused(tmp_path: Path) -> None:
    class Short(OnePerLetter):
        def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
            return super().keys(batch).slice(1)

    with pytest.raises(RunError, match="Short: 2 rows gave 1 keys"):
        perform(task(tmp_path, Short()))


def test_columns_leave_in_declared_order_and_type(tmp_path: Path) -> None:
    class Sloppy(Count):
        def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
            out = super().process(batch)
            names = out.schema.names[::-1]
            narrow = out.select(names).set_column(0, "n_chars", out["n_chars"].cast(pa.int8()))
            return narrow.append_column("undeclared", out["text"])

    work = task(tmp_path, Sloppy())
    perform(work)
    assert pq.read_schema(work.of.folder / "part-00000.parquet").equals(work.of.schemas[-1].append(N_BYTES))


def test_shards_hold_the_size_of_every_text_kept_or_dropped(tmp_path: Path) -> None:
    work = task(tmp_path, Count(), Long(min_n_chars=5))
    perform(work)
    seen = 0
    for path in (work.of.folder / "part-00000.parquet", work.of.folder / "dropped" / "part-00000.parquet"):
        for row in pq.read_table(path).to_pylist():
            assert row["n_bytes"] == len(row["text"].encode())
            seen += 1
    assert seen > 2


def test_a_stream_may_give_nothing(tmp_path: Path) -> None:
    class Swallow(Stream):
        def stream(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for _ in batches:
                yield from ()

    account = perform(task(tmp_path, Swallow()))
    assert account["rows"] == 0
    assert account["steps"][1]["in"] == 4
