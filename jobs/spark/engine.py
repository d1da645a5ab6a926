"""The Spark engine: `map` runs the same tasks as the local one with mapInArrow, `sql` is Spark SQL."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import re
import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.spark import context
from jobs.spark.properties import is_local, master
from pipeline.engine import Account, Work
from pipeline.errors import PipelineError, WorkerDied
from pipeline.stage import Sql

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

POLL_SECONDS = 0.05
RESUME = "run the same command again to resume (if it was killed, memory may have run out)"


class SparkEngine:
    """One Spark context for a run, started when first needed.

    Settings (`engine: {spark: …}`): `master`, by default this machine with `workers` tasks at a time;
    `memory` (8g), of the Java process on this machine or of each executor on a cluster; `conf`, any
    properties of Spark. On a cluster the output and the sources must lie in folders all its machines mount.

    Raises:
        PlanError: pyspark or Java is missing; says how to install it.
    """

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None:
        context.check(settings)
        context.require()
        self.workers, self.settings = workers, settings
        self._stack = contextlib.ExitStack()
        weakref.finalize(self, self._stack.close)  # at the latest when Python ends
        self._started: SparkSession | None = None
        self._ids = itertools.count()

    @property
    def one_machine(self) -> bool:
        """Whether the executors are threads of this machine's Java."""
        return is_local(master(self.workers, self.settings, context.configured()))

    @property
    def spark(self) -> SparkSession:
        """The Spark session, started if it is not."""
        if self._started is None:
            self._started = self._stack.enter_context(context.running(self.workers, self.settings))
        return self._started

    def map(self, work: Work, items: Iterable[Any]) -> Iterator[tuple[int, Account]]:
        """Do the work for all items, each as a Spark task of its own; (number, account) as they end.

        Raises:
            WorkerDied: workers on one item were killed as often as it is tried; names the shard.
            PipelineError: what the work raised.
        """
        from py4j.protocol import Py4JError

        from jobs.spark import work as workers

        rows = workers.rows(items)
        if not len(rows):
            return
        arrived = self.spark.sparkContext.accumulator([], workers.Arrived())
        sent = self.spark.sparkContext.broadcast(pickle.dumps(work))
        frame = self.spark.createDataFrame(rows).repartitionByRange(len(rows), "index")
        perform = workers.performer(arrived, sent, Path.cwd())
        job = _Job(frame.mapInArrow(perform, workers.ANSWERS_DDL), f"map-{next(self._ids)}")
        seen: set[int] = set()
        try:
            over = False
            while not over:
                over = job.wait(POLL_SECONDS)
                for index, pickled in [*arrived.value[len(seen) :], *job.rows]:
                    if index not in seen:
                        seen.add(index)
                        yield index, _account(pickled)
        finally:
            job.cancel()
            with contextlib.suppress(Py4JError, OSError):  # Java may be gone
                sent.destroy()
            arrived.value = []  # pyspark never forgets an accumulator
        if job.error or len(seen) < len(rows):
            raise WorkerDied(_describe(job.error, work, rows, seen)) from job.error

    @contextlib.contextmanager
    def session(self, work: Path) -> Iterator[Sql]:
        """Spark SQL whose results lie in the folder `work`, removed at the end."""
        from jobs.spark.sql import SparkQueries

        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        queries = SparkQueries(self.spark, work)
        try:
            yield queries
        finally:
            queries.close()
            shutil.rmtree(work, ignore_errors=True)

    def close(self) -> None:
        """End Spark and its Java process; what workers were writing never gets its name."""
        self._started = None
        self._stack.close()


class _Job:
    """A Spark job in a thread of its own, so that the driver can watch answers arrive, and stop it."""

    def __init__(self, frame: DataFrame, group: str) -> None:
        from pyspark import InheritableThread

        self.frame, self.group = frame, group
        self.rows: list[tuple[int, bytes]] = []
        self.error: Exception | None = None
        self._thread = InheritableThread(self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            self.frame.sparkSession.sparkContext.setJobGroup(self.group, self.group, interruptOnCancel=True)
            self.rows = [(r["index"], bytes(r["answer"])) for r in self.frame.collect()]
        except (PySparkException, Py4JError, OSError) as error:  # OSError: Java itself is gone
            self.error = error

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, after waiting so long at most."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Stop it if it runs; repeated until it ends, since a job not yet submitted cannot be stopped."""
        while not self.wait(0):
            self.frame.sparkSession.sparkContext.cancelJobGroup(self.group)
            self.wait(POLL_SECONDS)


def _account(pickled: bytes) -> Account:
    answer = pickle.loads(pickled)  # made by our own worker from our own classes
    if isinstance(answer, PipelineError):
        raise answer
    account: Account = answer
    return account


def _describe(error: Exception | None, work: Work, rows: pa.Table, seen: set[int]) -> str:
    """Which shard a job failed on: partition i of the table of items holds item i alone."""
    text = str(error)

    def name(index: int) -> str:
        return work.name(pickle.loads(rows["item"][index].as_py()))  # pickled by ourselves

    failed = re.search(r"Task (\d+) in stage \S+ failed (\d+) times", text)
    if not failed:
        left = [i for i in range(len(rows)) if i not in seen]
        names = ", ".join(map(name, left[:5])) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        why = f" ({context.said(error)})" if error else ""
        return f"Spark ended before shards {names} were made{why}; {RESUME}"
    cause = re.search(r"(?:Exception|Error): (?!Job aborted)(.+)", text)
    why = f" ({cause[1].partition('. ')[0]})" if cause else ""
    return f"the worker on shard {name(int(failed[1]))} died {failed[2]} times{why}; {RESUME}"
