"""What an engine is: anything that can `map` tasks over workers and run `sql` over narrow tables.

Everything else (plans, resume, accounts, verdicts) is the runner's, and therefore the same on every engine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from pipeline.stage import Relation, Sql

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


class Session(Sql, Protocol):
    """Queries that share their intermediate tables, for the time of one `relate`."""

    def read(self, files: Sequence[Path]) -> Relation:
        """Parquet files of one schema as a relation."""
        ...

    def save(self, relation: Relation, folder: Path, buckets: int) -> None:
        """Write `relation` as Parquet files `folder/bucket=B/*`, B = (doc >> 32) % buckets. Not atomic."""
        ...


class Engine(Protocol):
    """One machine (`local`) or a cluster (`spark`)."""

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None: ...

    def map(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Account]]:
        """Run all tasks; (index, account) in the order they end. The first error stops the rest."""
        ...

    def session(self, work: Path) -> AbstractContextManager[Session]:
        """A fresh SQL session that may spill to the folder `work`."""
        ...

    def close(self) -> None:
        """End what was started: worker processes, a Spark context."""
        ...
