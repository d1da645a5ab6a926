"""The inline engine: tasks run in this process, one after the other, with DuckDB for `sql`.

For debugging (a breakpoint in a stage stops where one expects it), for tests, and for runs so small that a
worker's start would be most of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pipeline import duck
from pipeline.engine import Account, Task
from pipeline.sql import Sql
from pipeline.task import perform


class InlineEngine:
    """No process beside this one; `workers` is how many threads DuckDB may take."""

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None:
        self.workers, self.memory = workers, duck.memory("inline", settings)

    def map(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Account]]:
        """Run all tasks in their order; the first error stops the rest."""
        for index, task in enumerate(tasks):
            yield index, perform(task)

    def session(self, work: Path) -> AbstractContextManager[Sql]:
        """A DuckDB database in `work`, removed at the end."""
        return duck.session(work, self.workers, self.memory)

    def close(self) -> None:
        """Nothing was started."""
