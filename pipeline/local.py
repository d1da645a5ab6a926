"""The local engine: worker processes for `map`, DuckDB for `sql`."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline import duck
from pipeline.engine import Account, Task
from pipeline.errors import PipelineError, WorkerDied
from pipeline.sql import Sql
from pipeline.task import perform

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)
"""Workers are the parallelism: libraries that would start threads of their own are told not to."""


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
    """Number of the task it works on; None when idle."""


class LocalEngine:
    """Processes that live as long as the run; one task at a time each, so a dead one names its shard."""

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None:
        self.workers, self.memory = workers, duck.memory("local", settings)
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

    def session(self, work: Path) -> AbstractContextManager[Sql]:
        """A DuckDB database in `work`, removed at the end."""
        return duck.session(work, self.workers, self.memory)

    def close(self) -> None:
        """End the workers at once; what they were writing never gets its name."""
        for worker in self._pool:
            worker.pipe.close()
            worker.process.kill()
        for worker in self._pool:
            worker.process.join()
        self._pool = []
