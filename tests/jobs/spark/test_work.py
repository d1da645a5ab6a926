from __future__ import annotations

import gc
import pickle
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from pyspark import Accumulator

from jobs.spark import work
from pipeline.engine import Account, Each, Task
from pipeline.errors import RunError, StepError
from tests.jobs.spark.tasks import Failing, Plain


def perform(
    tasks: list[Task], folder: Path | None = None
) -> tuple[list[tuple[int, work.Answer]], Accumulator[list[work.Arrival]]]:
    """What Spark does with the function, in this process."""
    arrived = Accumulator(0, [], work.Arrived())
    batches = iter(work.rows(tasks).to_batches(max_chunksize=2))
    sent: Any = SimpleNamespace(value=pickle.dumps(Each()))  # a broadcast, on a worker
    before = pa.cpu_count()
    try:
        out = list(work.performer(arrived, sent, folder or Path.cwd())(batches))
    finally:
        pa.set_cpu_count(before)
        gc.unfreeze()
    assert all(batch.schema == work.ANSWERS for batch in out)
    table = pa.Table.from_batches(out).to_pylist()
    return [(row["index"], pickle.loads(row["answer"])) for row in table], arrived


def test_each_item_has_a_row_with_its_number() -> None:
    table = work.rows([Plain(name="a"), Plain(name="b")])
    assert table["index"].to_pylist() == [0, 1]
    assert pickle.loads(table["item"][1].as_py()) == Plain(name="b")
    assert table.schema.types == [pa.int64(), pa.binary()]


def test_answers_are_accounts_in_order() -> None:
    answers, _ = perform([Plain(name=n) for n in "abcde"])
    assert [(i, a["name"]) for i, a in answers if isinstance(a, dict)] == list(enumerate("abcde"))
    assert answers[0][1]["threads"][1] == 1  # type: ignore[index]


def test_what_arrives_early_is_what_the_rows_say() -> None:
    answers, arrived = perform([Plain(name=n) for n in "abc"])
    assert [(i, pickle.loads(a)) for i, a in arrived.value] == answers


def test_arrivals_of_tasks_add_up() -> None:
    add = work.Arrived()
    total = add.zero([(0, b"x")])
    assert total == []
    for part in ([(2, b"c")], [(0, b"a"), (1, b"b")]):
        total = add.addInPlace(total, part)
    assert total == [(2, b"c"), (0, b"a"), (1, b"b")]


def test_errors_are_answers(tmp_path: Path) -> None:
    answers, _ = perform([
        Failing(name="web/part-00001", marker=str(tmp_path / "a"), error="step"),
        Failing(name="web/part-00002", marker=str(tmp_path / "b"), error="program"),
        Plain(name="c"),
    ])  # fmt: skip
    typed, program, account = [a for _, a in answers]
    assert isinstance(typed, StepError)
    assert (typed.step, typed.shard) == ("gopher_rules", "web/part-00001")
    assert isinstance(program, StepError)
    assert "ZeroDivisionError: by nought (tasks.py:" in str(program)
    assert isinstance(account, dict)


def test_an_item_of_a_module_that_the_worker_lacks_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("only_on_the_driver")

    @dataclass(frozen=True)
    class Far:
        name: str

        def run(self) -> Account:
            return {}

    Far.__module__, Far.__qualname__ = module.__name__, "Far"
    module.Far = Far  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    table = work.rows([Far("web/part-00000")])
    monkeypatch.delitem(sys.modules, module.__name__)
    sent: Any = SimpleNamespace(value=pickle.dumps(Each()))
    performer = work.performer(Accumulator(0, [], work.Arrived()), sent, Path.cwd())
    (batch,) = performer(iter(table.to_batches()))
    gc.unfreeze()
    answer = pickle.loads(batch["answer"][0].as_py())
    assert isinstance(answer, RunError)
    assert "cannot load its work: No module named 'only_on_the_driver'" in str(answer)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Reads a file by a relative path."""

    name: str

    def run(self) -> Account:
        return {"text": Path(self.name).read_text(), "folder": str(Path.cwd())}


def test_relative_paths_begin_where_the_driver_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / "a.txt").write_text("apple")
    (tmp_path / "worker").mkdir()
    monkeypatch.chdir(tmp_path / "worker")
    monkeypatch.setattr(sys, "path", [".", "", *sys.path, "/nowhere.zip"])
    [(_, answer)], _ = perform([Reading(name="a.txt")], tmp_path / "driver")
    assert answer == {"text": "apple", "folder": str(tmp_path / "driver")}
    assert Path.cwd() == tmp_path / "worker"
    assert sys.path[:2] == [str(tmp_path / "worker")] * 2  # what Spark put there is still found
    assert sys.path[-1] == "/nowhere.zip"


def test_a_machine_without_the_drivers_folder_is_told() -> None:
    [(_, answer)], _ = perform([Reading(name="a.txt")], Path("/no/such/folder"))
    assert isinstance(answer, StepError)
    assert "No such file or directory: 'a.txt'" in answer.cause
    assert "relative paths begin in /no/such/folder, which " in answer.cause
