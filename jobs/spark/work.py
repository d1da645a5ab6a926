"""The worker's side of `map`: a row with a pickled task in, a row with its pickled answer out."""

from __future__ import annotations

import functools
import gc
import pickle
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyspark import Accumulator, AccumulatorParam

from pipeline.engine import Account, Task
from pipeline.errors import PipelineError, RunError
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


def rows(tasks: Sequence[Task]) -> pa.Table:
    """The table of tasks: index, name, task (pickled; ours and made here, never read from anywhere)."""
    return pa.table(
        {
            "index": pa.array(range(len(tasks)), pa.int64()),
            "name": pa.array([t.name for t in tasks], pa.string()),
            "task": pa.array([pickle.dumps(t) for t in tasks], pa.binary()),
        }
    )


def performer(
    arrived: Accumulator[list[Arrival]],
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function for `mapInArrow`."""

    def each(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pa.set_cpu_count(1)
        for batch in batches:
            for row in batch.to_pylist():
                answer = pickle.dumps(_answer(row["name"], row["task"]))
                arrived.add([(row["index"], answer)])
                _settle()
                # By position: mapInArrow ignores names.
                yield pa.record_batch([pa.array([row["index"]], pa.int64()), pa.array([answer])], ANSWERS)

    return each


def _answer(name: str, pickled: bytes) -> Answer:
    try:
        task = pickle.loads(pickled)
    except (ImportError, AttributeError) as error:
        return RunError(
            f"a Spark worker cannot load shard {name}: {error}; its interpreter needs our packages and their "
            "dependencies (engine.spark.conf: spark.pyspark.python, spark.archives)"
        )
    try:
        return perform(task)
    except PipelineError as error:
        return error


@functools.cache
def _settle() -> None:
    """Once in a process: what imports left is garbage collected after every task else, 40 ms each time."""
    gc.collect()
    gc.freeze()
