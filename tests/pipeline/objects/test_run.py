"""Runs whose output is an object store: two workers, kills, resume, other settings; all as in a folder."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from pipeline import ledger
from pipeline.errors import OutputBusy, PlanError, WorkerDied
from pipeline.inline import InlineEngine
from pipeline.local import LocalEngine
from pipeline.objects import lease
from pipeline.objects.path import ObjectPath
from pipeline.plan import FILE_BYTES
from pipeline.record import Record
from pipeline.run import Runner
from pipeline.shards import open_shard, read_shard
from pipeline.stage import Step
from tests.pipeline.objects.conftest import Requests
from tests.toy import Compare, Count, Fail, Lines, Long, OnePerLetter, chain, recipe, write_lines

FILES = {f"{i}.txt": f"alpha {i}\nbeta {i}\n?\nno\n{letter} {i}\n" for i, letter in enumerate("abcdef")}
STEPS = (Count(), Long(), OnePerLetter(), Long(min_n_chars=5))


def run(
    output: Path,
    lines: tuple[str, ...],
    *steps: Step,
    engine: InlineEngine | LocalEngine | None = None,
    shard_bytes: int = 1,
) -> Record:
    """Without an engine, in this process."""
    made = recipe(output, chain(Lines(paths=lines, source="toy"), *steps), shard_bytes=shard_bytes)
    return Runner(made, engine or InlineEngine(1, {}), lambda *_: None).run()


@pytest.fixture
def lines(tmp_path: Path) -> tuple[str, ...]:
    return write_lines(tmp_path / "in", FILES)


def published(output: ObjectPath) -> list[str]:
    return [name for name in output.below() if not name.startswith("_run/")]


def test_a_store_holds_what_a_folder_would(
    output: ObjectPath, lines: tuple[str, ...], tmp_path: Path, local: LocalEngine
) -> None:
    wanted = run(tmp_path / "out", lines, *STEPS)
    record = run(output, lines, *STEPS, engine=local)
    assert (record.content_hash, record.run_hash) == (wanted.content_hash, wanted.run_hash)
    assert (record.documents, record.dropped) == (wanted.documents, wanted.dropped)
    assert Record.load(output).as_json() == record.as_json()
    mine = sorted(p for p in (tmp_path / "out").rglob("*.parquet") if "_run" not in p.parts)
    assert published(output) == [*(str(p.relative_to(tmp_path / "out")) for p in mine), "run.json"]
    rows = [b.to_pylist() for p in record.shards(output)["toy"] for b in read_shard(p)]
    assert rows == [b.to_pylist() for p in wanted.shards(tmp_path / "out")["toy"] for b in read_shard(p)]
    with open_shard(record.shards(output)["toy"][0]) as shard:
        assert shard.read(columns=["text"]).column_names == ["text"]
    # Nothing lies twice, and whatever opens a folder opens this one.
    assert not [n for n in output.below() if n.startswith("_run/") and "/dropped/" in n]
    folder = ds.dataset(f"{str(output)[5:]}/documents", filesystem=_arrow(), format="parquet")
    assert folder.count_rows() == sum(record.rows.values()) > 0


def test_dropped_documents_that_wait_in_files_and_a_query_over_two_sources(
    output: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "WAITING_BYTES", 0)
    chains = [
        chain(Lines(paths=write_lines(tmp_path / name, FILES), source=name), *STEPS, name=name, shared=2)
        for name in ("one", "two")
    ]
    runs = [
        Runner(recipe(place, *chains), InlineEngine(1, {}), lambda *_: None).run()
        for place in (tmp_path / "out", output, output)
    ]
    assert len({(r.content_hash, *r.rows.values()) for r in runs}) == 1
    assert sum(count.rows_in - count.kept for count in runs[1].steps) > 0
    assert {name.split("/")[1] for name in published(output) if name.startswith("dropped/")} == {"one", "two"}


@pytest.mark.parametrize("what", ["documents", "dropped"])
def test_what_somebody_removed_is_made_again(output: ObjectPath, lines: tuple[str, ...], what: str) -> None:
    first = run(output, lines, *STEPS)
    before = published(output)
    lost = next(name for name in before if name.startswith(what))
    (output / lost).unlink()
    assert run(output, lines, *STEPS).content_hash == first.content_hash
    assert published(output) == before


def _arrow() -> object:
    from pyarrow.fs import S3FileSystem

    return S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"], scheme="http")


def test_what_is_finished_is_found_by_listing(
    output: ObjectPath, tmp_path: Path, requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    monkeypatch.setattr("pipeline.plan.TASK_BYTES", FILE_BYTES)
    for n in (30, 60):
        files = {f"{i:03d}.txt": f"{chr(97 + i % 26)} {i}\n" for i in range(n)}
        lines = write_lines(tmp_path / str(n), files)
        first = run(output / str(n), lines, Count(), OnePerLetter(), shard_bytes=FILE_BYTES)
        assert len([*(output / str(n) / "_run" / "toy").glob("*/part-*.json")]) >= n
        requests.take()
        again = run(output / str(n), lines, Count(), OnePerLetter(), shard_bytes=FILE_BYTES)
        assert again.content_hash == first.content_hash
        counts.append(requests.take())
    assert counts[0] == counts[1]
    assert sum(counts[1].values()) < 50, counts


def test_another_threshold_uses_the_first_pass(
    output: ObjectPath, lines: tuple[str, ...], tmp_path: Path, requests: Requests
) -> None:
    other = (*STEPS[:3], Long(min_n_chars=7))
    wanted = [run(tmp_path / name, lines, *steps) for name, steps in (("a", STEPS), ("b", other))]
    assert len({record.content_hash for record in wanted}) == 2
    first = run(output, lines, *STEPS)
    assert first.content_hash == wanted[0].content_hash
    stamps = stamped(output)
    assert run(output, lines, *other).content_hash == wanted[1].content_hash
    assert all(stamps[name] == stamp for name, stamp in stamped(output).items() if "02-Long" in name)
    # And back: nothing is made again, though documents/ was another's meanwhile.
    assert run(output, lines, *STEPS).content_hash == first.content_hash
    assert {name: stamp for name, stamp in stamped(output).items() if name in stamps} == stamps
    # A shorter recipe ends where a pass of the longer one does, and the longer one reads its shards.
    short = run(output, lines, *STEPS[:2])
    assert short.content_hash == run(tmp_path / "c", lines, *STEPS[:2]).content_hash
    assert sum(short.rows.values()) > sum(first.rows.values())
    assert len([n for n in published(output) if n.startswith("documents/")]) == len(FILES)
    assert run(output, lines, *STEPS).content_hash == first.content_hash


def stamped(output: ObjectPath) -> dict[str, object]:
    """When each account of a shard was written: whoever makes a shard again, writes it again."""
    listed = output.call("find", str(output / "_run"), detail=True)
    return {
        name: info["LastModified"] for name, info in listed.items() if "/part-" in name and ".json" in name
    }


def test_small_shards_are_put_together(output: ObjectPath, lines: tuple[str, ...], tmp_path: Path) -> None:
    wanted = run(tmp_path / "out", lines, *STEPS, shard_bytes=FILE_BYTES)
    for _ in range(2):
        record = run(output, lines, *STEPS, shard_bytes=FILE_BYTES)
        assert record.content_hash == wanted.content_hash
        assert [n for n in published(output) if "documents" in n] == ["documents/toy/part-00000.parquet"]


def test_a_second_look_and_references(output: ObjectPath, lines: tuple[str, ...], tmp_path: Path) -> None:
    against = write_lines(tmp_path / "known", {"known.txt": "again\nalso\n"})
    steps = (Count(), Compare(against=against))
    wanted = run(tmp_path / "out", lines, *steps)
    assert run(output, lines, *steps).content_hash == wanted.content_hash
    assert not [n for n in output.below() if "second_pass" in n]


def test_sources_that_go_are_no_longer_published(
    output: ObjectPath, lines: tuple[str, ...], tmp_path: Path
) -> None:
    def of(*names: str) -> Record:
        chains = [chain(Lines(paths=lines, source=n), *STEPS, name=n) for n in names]
        return Runner(recipe(output, *chains), InlineEngine(1, {}), lambda *_: None).run()

    both = of("one", "two")
    assert {n.split("/")[1] for n in published(output)[:-1]} == {"one", "two"}
    of("two")
    assert {n.split("/")[1] for n in published(output)[:-1]} == {"two"}
    assert of("one", "two").content_hash == both.content_hash


def test_an_input_of_the_same_size_but_other_bytes(
    output: ObjectPath, lines: tuple[str, ...], tmp_path: Path
) -> None:
    for target in (output, tmp_path / "out"):
        run(target, lines, *STEPS, shard_bytes=FILE_BYTES)
    path = Path(lines[0])
    path.write_text(path.read_text().replace("alpha", "gamma"))
    os.utime(path, ns=(1, 1))
    hashes = {
        run(target, lines, *STEPS, shard_bytes=FILE_BYTES).content_hash
        for target in (output, tmp_path / "out")
    }
    assert hashes == {run(tmp_path / "new", lines, *STEPS, shard_bytes=FILE_BYTES).content_hash}


class Cluster(InlineEngine):
    """An engine whose workers do not see this machine's temporary folders."""

    one_machine = False


def test_a_cluster_is_refused(output: ObjectPath, lines: tuple[str, ...]) -> None:
    with pytest.raises(PlanError, match=r"S3A, which we do not set up: run on one machine \(--engine local"):
        run(output, lines, *STEPS, engine=Cluster(1, {}))
    assert output.below() == []


def test_a_killed_worker(output: ObjectPath, lines: tuple[str, ...], tmp_path: Path) -> None:
    wanted = run(tmp_path / "out", lines, *STEPS)
    engine = LocalEngine(2, {})
    steps = (Fail(word="d 3", once=str(tmp_path / "once")), *STEPS)
    with pytest.raises(WorkerDied, match="SIGKILL"):
        run(output, lines, *steps, engine=engine)
    assert (tmp_path / "once").exists()
    assert published(output) == []
    record = run(output, lines, *steps, engine=engine)
    engine.close()
    assert list(record.shards(output)["toy"])
    assert [s.rows_in for s in record.steps if s.name == "Long"] == [
        s.rows_in for s in wanted.steps if s.name == "Long"
    ]
    documents = [b.to_pylist() for p in record.shards(output)["toy"] for b in read_shard(p)]
    assert documents == [b.to_pylist() for p in wanted.shards(tmp_path / "out")["toy"] for b in read_shard(p)]
    assert record.content_hash == run(tmp_path / "same", lines, *steps).content_hash


def _drive(output: ObjectPath, lines: tuple[str, ...]) -> None:
    lease.BEAT_SECONDS = 0.3
    run(output, lines, Fail(word="f 5", sleep=20, once="/dev/null"), *STEPS, engine=LocalEngine(2, {}))


def test_a_killed_driver(
    output: ObjectPath, lines: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT_SECONDS", 0.3)
    driver = multiprocessing.get_context("spawn").Process(target=_drive, args=(output, lines))
    driver.start()
    until = time.monotonic() + 60
    while (
        len([*(output / "_run" / "toy").glob("*/part-*.json")]) < len(FILES) - 1 and time.monotonic() < until
    ):
        time.sleep(0.1)
    assert driver.pid
    with pytest.raises(OutputBusy, match=f"process {driver.pid} on"):
        Runner(recipe(output, chain(Lines(paths=lines), *STEPS)), InlineEngine(1, {}), _hasty).run()
    os.kill(driver.pid, signal.SIGKILL)
    driver.join()
    steps = (Fail(word="f 5", sleep=0, once="/dev/null"), *STEPS)
    assert run(output, lines, *steps).content_hash == run(tmp_path / "out", lines, *steps).content_hash


def _hasty(label: str, *_: int) -> None:
    assert "looking whether it lives" in label
