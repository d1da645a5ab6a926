"""The local engine: order, errors and deaths of workers; DuckDB sessions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.engine import Account, Each
from pipeline.errors import PlanError, RunError, StepError, WorkerDied
from pipeline.local import LocalEngine
from pipeline.steps import Named
from pipeline.verdicts import Verdicts
from tests.toy import OnePerLetter


@dataclass(frozen=True)
class Add:
    """A task that adds, or misbehaves."""

    name: str
    a: int
    how: str = "well"

    def run(self) -> Account:
        if self.how == "raise":
            raise ZeroDivisionError("no")
        if self.how == "exit":
            os._exit(3)
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "slow":
            time.sleep(0.3)
        return {"sum": self.a + 1, "process": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}


def test_all_tasks_run_once_on_as_many_processes(local: LocalEngine) -> None:
    answers = dict(local.map(Each(), [Add(f"t{i}", i, "slow") for i in range(6)]))
    assert {i: a["sum"] for i, a in answers.items()} == {i: i + 1 for i in range(6)}
    assert len({a["process"] for a in answers.values()}) == 2
    assert os.getpid() not in {a["process"] for a in answers.values()}
    assert {a["threads"] for a in answers.values()} == {"1"}


def test_answers_come_as_they_end(local: LocalEngine) -> None:
    order = [i for i, _ in local.map(Each(), [Add("slow", 0, "slow"), *(Add(f"t{i}", i) for i in range(4))])]
    assert sorted(order) == list(range(5))
    assert order[0] != 0


def test_no_tasks(local: LocalEngine) -> None:
    assert list(local.map(Each(), [])) == []


def test_an_error_names_task_and_place_and_the_engine_goes_on(local: LocalEngine) -> None:
    with pytest.raises(StepError, match=r"shard bad: ZeroDivisionError: no \(test_local\.py:"):
        list(local.map(Each(), [Add("good", 1), Add("bad", 1, "raise"), Add("late", 1, "slow")]))
    assert len(list(local.map(Each(), [Add("t", 1)]))) == 1


@pytest.mark.parametrize(("how", "said"), [("kill", "SIGKILL"), ("exit", "exit code 3")])
def test_a_dead_worker_is_named_and_the_engine_goes_on(local: LocalEngine, how: str, said: str) -> None:
    with pytest.raises(WorkerDied, match=rf"shard bad died \({said}\)"):
        list(local.map(Each(), [Add("good", 1, "slow"), Add("bad", 1, how)]))
    assert len(list(local.map(Each(), [Add("t", 1), Add("u", 1)]))) == 2


def test_close_leaves_no_process() -> None:
    engine = LocalEngine(2, {})
    pids = {a["process"] for _, a in engine.map(Each(), [Add("a", 1, "slow"), Add("b", 1, "slow")])}
    engine.close()
    assert pids
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(PlanError, match=r"knows no setting \['memroy'\]"):
        LocalEngine(1, {"memroy": "1GB"})


def loading(folder: Path, width: int) -> Verdicts:
    return Verdicts(named=Named(name="x", use="x", step=OnePerLetter()), folder=folder, width=width)


def test_queries_compose_and_verdicts_are_found_by_shard(local: LocalEngine, tmp_path: Path) -> None:
    docs = [(s << 32) + r for s in range(5) for r in range(3)]
    path = tmp_path / "it's keys" / "part-0.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"doc": docs, "hashes": [[r % 4, 9] for r in range(15)]}), path)
    with local.session(tmp_path / "work") as sql:
        keys = sql.read([path])
        flat = sql("SELECT doc, unnest(hashes) AS h FROM {keys}", keys=keys)
        assert flat.count() == 30
        verdicts = sql("SELECT doc, 'x' AS reason FROM {flat} WHERE h = 0", flat=flat)
        sql.save(verdicts, tmp_path / "verdicts", 2)
        assert verdicts.count() == 4
    assert not (tmp_path / "work").exists()
    saved = loading(tmp_path / "verdicts", 2)
    assert sorted(p.name for p in (tmp_path / "verdicts").iterdir()) == [
        "bucket=1048576", "bucket=1048577", "bucket=1048578",
    ]  # fmt: skip
    assert [saved.load(shard)["doc"].to_pylist() for shard in range(5)] == [
        [0],
        [(1 << 32) + 1],
        [(2 << 32) + 2],
        [],
        [4 << 32],
    ]


def test_a_wrong_query_is_a_run_error(local: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="query failed"), local.session(tmp_path / "work") as sql:
        sql("SELECT nothing FROM nowhere")


def test_a_disk_too_full_to_begin_with_is_a_run_error(tmp_path: Path) -> None:
    code = (
        "import resource, pathlib, sys\nfrom pipeline import boundary, duck\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "def command():\n    with duck.session(pathlib.Path(sys.argv[1]), 1, None): pass\n"
        "sys.exit(boundary.guarded(command))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "work")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("query failed: IO Error: ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "work").exists()


def test_tables_nobody_refers_to_are_dropped(local: LocalEngine, tmp_path: Path) -> None:
    with local.session(tmp_path / "work") as sql:
        for _ in range(20):
            last = sql("SELECT 1::BIGINT AS doc")
        left = sql("SELECT table_name FROM duckdb_tables()")
        assert left.count() <= 2  # the last, and the table this very query makes
        assert last.count() == 1


def test_saving_nothing_leaves_a_folder_that_says_nothing(local: LocalEngine, tmp_path: Path) -> None:
    with local.session(tmp_path / "work") as sql:
        sql.save(sql("SELECT 1::BIGINT AS doc, 'x' AS reason WHERE false"), tmp_path / "v", 4)
    assert (tmp_path / "v").is_dir()
    assert loading(tmp_path / "v", 4).load(0) is None
