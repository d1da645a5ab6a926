"""The local engine: worker processes for `map`, DuckDB for `sql`."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.boundary import signals_held
from pipeline.engine import Account, Work, memory
from pipeline.errors import PipelineError, WorkerDied
from pipeline.sql import Sql
from pipeline.task import perform

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
)
"""Workers are the parallelism: libraries that would start threads of their own are told not to."""


def _follow(parent: Any) -> None:
    """End with the parent, amid a task too, however it died."""
    wait([parent.sentinel])
    os._exit(1)


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    """Start processes in here: they never hear what a terminal sends to all, the parent decides."""
    resource_tracker.ensure_running()  # which within would let the signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        with signals_held():
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Connection) -> None:
    """A worker's life: take work, then its items one by one, and answer each with an account or an error."""
    threading.Thread(target=_follow, args=(multiprocessing.parent_process(),), daemon=True).start()
    pa.set_cpu_count(1)
    work: Any = None
    with contextlib.suppress(EOFError, BrokenPipeError):  # the other end is gone
        while True:
            is_work, message = pipe.recv()
            if is_work:
                work = message
                continue
            answer: Account | PipelineError
            try:
                answer = perform(work, message)
            except PipelineError as error:
                answer = error
            pipe.send(answer)


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    index: int | None = None
    """Number of the item it works on; None when idle."""
    item: Any = None
    work: Work | None = None
    """The last that it was sent."""


class LocalEngine:
    """Processes that live as long as the run; one task at a time each, so a dead one names its shard."""

    one_machine = True

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None:
        self.workers, self.memory = workers, memory("local", settings)
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

    def map(self, work: Work, items: Iterable[Any]) -> Iterator[tuple[int, Account]]:
        """Do the work for all items; (number of the item, account) as they end.

        Raises:
            WorkerDied: a worker was killed; names the shard it was working on.
            PipelineError: what the work raised.
        """
        left = enumerate(items)  # taken one by one: there may be millions
        try:
            first = list(islice(left, self.workers))
            with _starting():
                while len(self._pool) < len(first):
                    self._pool.append(self._start())
            for worker, item in zip(self._pool, first, strict=False):
                self._hand(worker, work, item)
            while busy := [w for w in self._pool if w.index is not None]:
                ready = wait([w.pipe for w in busy])
                for worker in busy:
                    if worker.pipe in ready:
                        assert worker.index is not None
                        index, account = worker.index, self._answer(worker)
                        self._hand(worker, work, next(left, None))
                        yield index, account
        except BaseException:
            self.close()  # what still runs would answer into the next map
            raise

    def _hand(self, worker: _Worker, work: Work, numbered: tuple[int, Any] | None) -> None:
        worker.index, worker.item = numbered or (None, None)
        if numbered:
            with contextlib.suppress(BrokenPipeError):  # a dead worker is noticed when it should answer
                if worker.work is not work:
                    worker.pipe.send((True, work))
                    worker.work = work
                worker.pipe.send((False, worker.item))

    def _answer(self, worker: _Worker) -> Account:
        try:
            answer: Account | PipelineError = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join(5)
            code = worker.process.exitcode
            how = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
            assert worker.work
            raise WorkerDied(
                f"the worker on shard {worker.work.name(worker.item)} died ({how}); "
                "run the same command again to resume (if it was SIGKILL, memory may have run out)"
            ) from None
        if isinstance(answer, PipelineError):
            raise answer
        return answer

    def session(self, work: Path) -> AbstractContextManager[Sql]:
        """A DuckDB database in `work`, removed at the end."""
        from pipeline import duck  # which workers and runs without a query do without

        return duck.session(work, self.workers, self.memory)

    def close(self) -> None:
        """End the workers at once; what they were writing never gets its name."""
        for worker in self._pool:
            worker.pipe.close()
            worker.process.kill()
        for worker in self._pool:
            worker.process.join()
        self._pool = []
