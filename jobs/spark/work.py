"""The worker's side of `map`: a row with a pickled item in, a row with its pickled answer out."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import pickle
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import Accumulator, AccumulatorParam, Broadcast

from pipeline.engine import Account
from pipeline.errors import PipelineError, RunError, StepError
from pipeline.task import perform

Answer = Account | PipelineError
"""Errors are answers: Spark tries again what raises, and these would fail again."""
Arrival = tuple[int, bytes]

ANSWERS = pa.schema([("index", pa.int64()), ("answer", pa.binary())])
ANSWERS_DDL = "index bigint, answer binary"


class Arrived(AccumulatorParam[list[Arrival]]):
    """Answers as an accumulator, which reaches the driver with the end of each task and not of the job."""

    def zero(self, value: list[Arrival]) -> list[Arrival]:
        return []

    def addInPlace(self, value1: list[Arrival], value2: list[Arrival]) -> list[Arrival]:  # noqa: N802  pyspark's
        value1 += value2
        return value1


def rows(items: Iterable[Any]) -> pa.Table:
    """The table of items: their numbers, and each pickled (ours and made here, never read from anywhere)."""
    pickled = pa.array((pickle.dumps(item) for item in items), pa.binary())
    return pa.table({"index": pa.array(range(len(pickled)), pa.int64()), "item": pickled})


@contextlib.contextmanager
def standing_in(folder: Path) -> Iterator[bool]:
    """Work in the driver's folder, if this machine has it, so that relative paths mean what they mean there.

    Not by making them absolute: they stand in settings of any kind, fingerprints, and the column `file`.
    """
    # What Spark sent may be on the path as `.`, and another folder's modules must not stand there instead.
    before = Path.cwd()
    sys.path[:] = [str(before / p) for p in sys.path]
    try:
        os.chdir(folder)
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        os.chdir(before)


def performer(
    arrived: Accumulator[list[Arrival]], sent: Broadcast[bytes], folder: Path
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function for `mapInArrow`: does `sent`, work pickled once for all, in the driver's `folder`."""

    def each(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pa.set_cpu_count(1)
        for batch in batches:
            for row in batch.to_pylist():
                with standing_in(folder) as there:
                    answer = _answer(sent, row["item"])
                if isinstance(answer, StepError) and not there and "FileNotFoundError" in answer.cause:
                    answer = StepError(answer.step, answer.shard, answer.cause + _nowhere(folder))
                pickled = pickle.dumps(answer)
                arrived.add([(row["index"], pickled)])
                _settle()
                # By position: mapInArrow ignores names.
                yield pa.record_batch([pa.array([row["index"]], pa.int64()), pa.array([pickled])], ANSWERS)

    return each


def _nowhere(folder: Path) -> str:
    host = socket.gethostname()
    return f"; relative paths begin in {folder}, which {host} has not: mount it, or write them absolute"


def _answer(sent: Broadcast[bytes], item: bytes) -> Answer:
    try:
        work, task = _loaded(sent.value), pickle.loads(item)
    except (ImportError, AttributeError) as error:
        return RunError(
            f"a Spark worker cannot load its work: {error}; its interpreter needs our packages and their "
            "dependencies (engine.spark.conf: spark.pyspark.python, spark.archives)"
        )
    try:
        return perform(work, task)
    except PipelineError as error:
        return error


@functools.lru_cache(maxsize=1)
def _loaded(pickled: bytes) -> Any:
    """The work of a map, unpickled once in a process."""
    return pickle.loads(pickled)


@functools.cache
def _settle() -> None:
    """Once in a process: what imports left is garbage collected after every task else, 40 ms each time."""
    gc.collect()
    gc.freeze()
