"""What an engine is: anything that can `map` tasks over workers and run `sql` over narrow tables.

Everything else (plans, resume, accounts, verdicts) is the runner's, and therefore the same on every engine.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from pipeline.errors import PlanError
from pipeline.sql import Sql

Account = dict[str, Any]
"""What a task tells of its work; JSON, written beside the shard it describes."""


class Task(Protocol):
    """A picklable piece of work that writes its own output atomically, so it may run twice or be killed."""

    @property
    def name(self) -> str:
        """The shard it makes, for messages: 'web/03-gopher_rules-9f2c1a/part-00017'."""
        ...

    def run(self) -> Account:
        """Do it, on a worker."""
        ...


class Work(Protocol):
    """What a map does with each of its items: sent to a worker once, while items are many and small."""

    def name(self, item: Any) -> str:
        """What the item makes, for messages: 'web/03-gopher_rules-9f2c1a/part-00017'."""
        ...

    def run(self, item: Any) -> Account:
        """Do it, on a worker. Output is written atomically, so it may run twice or be killed."""
        ...


class Each:
    """The work of items that are tasks themselves, of several kinds or few."""

    def name(self, item: Task) -> str:
        """The task's."""
        return item.name

    def run(self, item: Task) -> Account:
        """The task's."""
        return item.run()


class Engine(Protocol):
    """One machine (`local`) or a cluster (`spark`)."""

    @property
    def one_machine(self) -> bool:
        """Whether all that it starts sees the temporary folders of this machine."""
        ...

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None: ...

    def map(self, work: Work, items: Iterable[Any]) -> Iterator[tuple[int, Account]]:
        """Do the work for all items; (number of the item, account) as they end. The first error stops all."""
        ...

    def session(self, work: Path) -> AbstractContextManager[Sql]:
        """A fresh SQL session that may spill to the folder `work`."""
        ...

    def close(self) -> None:
        """End what was started: worker processes, a Spark context."""
        ...


def grouped(batches: Iterator[pa.RecordBatch], by: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Sorted batches cut where the first column of `by` changes; as they are where `by` is empty."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        if not by or not len(batch):
            yield batch
            continue
        keys = batch.column(by[0]).to_numpy(zero_copy_only=False)
        starts = [0, *(np.flatnonzero(keys[1:] != keys[:-1]) + 1).tolist(), len(batch)]
        if held and held[-1].column(by[0])[-1].as_py() != keys[0]:
            yield _joined(held)
            held = []
        for start, stop in itertools.pairwise(starts[:-1]):
            yield _joined([*held, batch.slice(start, stop - start)])
            held = []
        held.append(batch.slice(starts[-2]))
    if held:
        yield _joined(held)


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def memory(engine: str, settings: Mapping[str, Any]) -> str | None:
    """The one setting of engines of one machine: the memory DuckDB may take, as `4GB`; None leaves it to it.

    Raises:
        PlanError: there are other settings.
    """
    if unknown := set(settings) - {"memory"}:
        raise PlanError(f"engine {engine!r} knows no setting {sorted(unknown)}; it has: memory")
    return settings.get("memory")
