"""The inline engine: tasks run in this process, one after the other, with DuckDB for `sql`.

For debugging (a breakpoint in a stage stops where one expects it), for tests, and for runs so small that a
worker's start would be most of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pipeline.engine import Account, Work, memory
from pipeline.sql import Sql
from pipeline.task import perform


class InlineEngine:
    """No process beside this one; `workers` is how many threads DuckDB may take."""

    one_machine = True

    def __init__(self, workers: int, settings: Mapping[str, Any]) -> None:
        self.workers, self.memory = workers, memory("inline", settings)

    def map(self, work: Work, items: Iterable[Any]) -> Iterator[tuple[int, Account]]:
        """Do the work for all items in their order; the first error stops the rest."""
        for index, item in enumerate(items):
            yield index, perform(work, item)

    def session(self, work: Path) -> AbstractContextManager[Sql]:
        """A DuckDB database in `work`, removed at the end."""
        from pipeline import duck  # which workers and runs without a query do without

        return duck.session(work, self.workers, self.memory)

    def close(self) -> None:
        """Nothing was started."""
