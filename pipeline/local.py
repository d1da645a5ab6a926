"""The local engine: worker processes for `map`, DuckDB (spilling to disk) for `sql`."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import shutil
import signal
import weakref
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.engine import Account, Host, Task, grouped
from pipeline.errors import PipelineError, PlanError, RunError, WorkerDied
from pipeline.schema import conform
from pipeline.sql import Relation, Rows, Sql, bucket
from pipeline.task import perform

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)
"""Workers are the parallelism: libraries that would start threads of their own are told not to."""
APPLY_ROWS = 2048
"""Rows of a table that a function is given at a time: few, for they may hold long lists."""


def _work(tasks: Connection) -> None:
    """A worker's life: take a task, answer with its account or its error, until the other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    pa.set_cpu_count(1)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            task = tasks.recv()
            answer: Account | PipelineError
            try:
                answer = perform(task)
            except PipelineError as error:
                answer = error
            tasks.send(answer)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    index: int | None = None
    """Of the task it works on; None when idle."""


class LocalEngine:
    """Processes that live as long as the run; one task at a time each, so a dead one names its shard."""

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None:
        if unknown := set(settings) - {"memory"}:
            raise PlanError(f"engine 'local' knows no setting {sorted(unknown)}; it has: memory")
        self.workers, self.memory = workers, settings.get("memory")
        self._pool: list[_Worker] = []

    def _start(self) -> _Worker:
        spawn = multiprocessing.get_context("spawn")  # fork would copy locks that numba and arrow hold
        ours, theirs = spawn.Pipe()
        before = {name: os.environ.get(name) for name in ONE_THREAD}
        os.environ.update(ONE_THREAD)
        try:
            process = spawn.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        theirs.close()
        return _Worker(process, ours)

    def map(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Account]]:
        """Run all tasks; (index, account) in the order they end.

        Raises:
            WorkerDied: a worker was killed; names the shard it was working on.
            PipelineError: what a task raised.
        """
        waiting = deque(range(len(tasks)))
        while len(self._pool) < min(self.workers, len(tasks)):
            self._pool.append(self._start())
        try:
            for worker in self._pool:
                self._hand(worker, tasks, waiting)
            while busy := [w for w in self._pool if w.index is not None]:
                ready = wait([w.pipe for w in busy])
                for worker in busy:
                    if worker.pipe in ready:
                        assert worker.index is not None
                        index, account = worker.index, self._answer(worker, tasks)
                        self._hand(worker, tasks, waiting)
                        yield index, account
        except BaseException:
            self.close()  # what still runs would answer into the next map
            raise

    def _hand(self, worker: _Worker, tasks: Sequence[Task], waiting: deque[int]) -> None:
        worker.index = waiting.popleft() if waiting else None
        if worker.index is not None:
            with contextlib.suppress(BrokenPipeError):  # a dead worker is noticed when it should answer
                worker.pipe.send(tasks[worker.index])

    def _answer(self, worker: _Worker, tasks: Sequence[Task]) -> Account:
        assert worker.index is not None
        try:
            answer: Account | PipelineError = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join(5)
            code = worker.process.exitcode
            how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
            raise WorkerDied(
                f"the worker on shard {tasks[worker.index].name} died ({how}); "
                "run the same command again to resume (if it was SIGKILL, memory may have run out)"
            ) from None
        if isinstance(answer, PipelineError):
            raise answer
        return answer

    @contextlib.contextmanager
    def session(self, work: Path, host: Host | None = None) -> Iterator[Sql]:
        """A DuckDB database in `work`, removed at the end."""
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        connection = duckdb.connect(str(work / "session.duckdb"))
        try:
            connection.execute(f"SET threads = {self.workers}")
            connection.execute(f"SET temp_directory = '{_quoted(work / 'spill')}'")
            connection.execute("SET preserve_insertion_order = false")  # else sorting is all in memory
            connection.execute("SET enable_progress_bar = false")  # ours is drawn
            if self.memory:
                connection.execute(f"SET memory_limit = '{_quoted(self.memory)}'")
            yield DuckSession(connection, host)
        except duckdb.Error as error:
            raise RunError(f"query failed: {error}") from error
        finally:
            connection.close()
            shutil.rmtree(work, ignore_errors=True)

    def close(self) -> None:
        """End the workers at once; what they were writing never gets its name."""
        for worker in self._pool:
            worker.pipe.close()
            worker.process.kill()
        for worker in self._pool:
            worker.process.join()
        self._pool = []


def _quoted(value: object) -> str:
    return str(value).replace("'", "''")


class DuckRelation:
    """A table of the session; dropped when nobody refers to it, so that rounds do not pile up on disk."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, name: str, kind: str, made_of: tuple[Relation, ...]
    ) -> None:
        self.connection, self.name, self.made_of = connection, name, made_of
        weakref.finalize(self, _drop, connection, name, kind)

    def count(self) -> int:
        """Number of rows."""
        [(n,)] = self.connection.execute(f"SELECT count(*) FROM {self.name}").fetchall()
        return int(n)

    def rows(self) -> list[dict[str, Any]]:
        """All rows."""
        found: list[dict[str, Any]] = self.connection.sql(f"FROM {self.name}").to_arrow_table().to_pylist()
        return found


def _drop(connection: duckdb.DuckDBPyConnection, name: str, kind: str) -> None:
    with contextlib.suppress(duckdb.ConnectionException):  # the session is over and the file gone
        connection.execute(f"DROP {kind} IF EXISTS {name}")


class DuckSession:
    """`sql(...)` on DuckDB: each call makes a table."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, host: Host | None) -> None:
        self.connection, self._host, self._ids = connection, host, itertools.count()

    def _make(self, kind: str, query: str, *made_of: Relation) -> DuckRelation:
        name = f"r{next(self._ids)}"
        self.connection.execute(f"CREATE {kind} {name} AS {query}")
        return DuckRelation(self.connection, name, kind, made_of)

    def apply(self, rows: Rows, relation: Relation, schema: pa.Schema, by: Sequence[str] = ()) -> Relation:
        """Rows of a table through a function, in this process."""
        order = f" ORDER BY {', '.join(by)}" if by else ""
        with self.connection.cursor() as reading:  # one connection cannot read while it writes
            query = reading.sql(f"SELECT * FROM {_name(relation)}{order}")
            found: Iterator[pa.RecordBatch] = iter(query.to_arrow_reader(APPLY_ROWS))
            made = (conform(batch, schema) for batch in rows(grouped(found, by)))
            self.connection.register("made", pa.RecordBatchReader.from_batches(schema, made))
            try:
                return self._make("TABLE", "SELECT * FROM made")
            finally:
                self.connection.unregister("made")

    def again(self, docs: Relation) -> Relation:
        """Asks whoever opened the session."""
        assert self._host
        return self._host.again(self, docs)

    def note(self, what: str, count: int) -> None:
        """Tells whoever opened the session."""
        if self._host:
            self._host.note(what, count)

    def __call__(self, query: str, **tables: Relation) -> Relation:
        """Run one query and keep its result."""
        return self._make("TABLE", query.format(**{k: _name(v) for k, v in tables.items()}))

    def view(self, query: str, **tables: Relation) -> Relation:
        """A query that runs where its result is used."""
        text = query.format(**{k: _name(v) for k, v in tables.items()})
        return self._make("VIEW", text, *tables.values())

    def read(self, files: Sequence[Path]) -> Relation:
        """Parquet files of one schema as a view: columns that no query asks for are never read."""
        listed = ", ".join(f"'{_quoted(f)}'" for f in files)
        return self._make("VIEW", f"SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")

    def save(self, relation: Relation, folder: Path, buckets: int) -> None:
        """Write Parquet files `folder/bucket=B/*`, B = shard % buckets."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.connection.execute(
            f"COPY (SELECT *, {bucket('//', buckets)} AS bucket FROM {_name(relation)}) "
            f"TO '{_quoted(folder)}' (FORMAT parquet, PARTITION_BY (bucket), OVERWRITE_OR_IGNORE)"
        )


def _name(relation: Relation) -> str:
    assert isinstance(relation, DuckRelation)
    return relation.name
