"""What a recipe does after its documents are made: each of its sections `tokens:`, `mixture:`, `train:` …"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from pipeline.engine import Account, Each, Engine, Task
from pipeline.errors import PlanError
from pipeline.record import Record
from pipeline.shards import fingerprint
from pipeline.stage import NO_COLUMNS


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a section may know of the run it belongs to."""

    output: Path
    record: Record
    """What will stand in run.json, with the results of the sections before."""
    engine: Engine
    progress: Callable[[str, int, int], None]
    """progress(label, done, total)"""

    def documents(self) -> dict[str, list[Path]]:
        """source -> its kept shards, in order."""
        return self.record.shards(self.output)

    def map(self, label: str, tasks: list[Task]) -> list[Account]:
        """Run tasks on the engine with progress; accounts in the order of the tasks."""
        accounts: list[Account] = [{} for _ in tasks]
        self.progress(label, 0, len(tasks))
        for done, (index, account) in enumerate(self.engine.map(Each(), tasks), start=1):
            accounts[index] = account
            self.progress(label, done, len(tasks))
        return accounts


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of a recipe. A frozen dataclass like a step: its fields are its settings."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    version: ClassVar[int] = 1
    name: ClassVar[str] = ""
    after: ClassVar[tuple[str, ...]] = ()
    """Sections that come first where the recipe has them: order follows the data, not the file."""
    requires: ClassVar[tuple[str, ...]] = ()
    """Sections without which this one cannot run."""

    kinds: ClassVar[str] = ""
    """A table of sections of which the recipe names one, as `use:` and `with:`; see `pipeline.registry`."""
    reads: ClassVar[pa.Schema] = NO_COLUMNS
    """Columns that documents must have."""
    same_bytes: ClassVar[bool] = True
    """Whether the section promises the same bytes on any machine; `pipeline verify` runs those that do."""

    def needs(self) -> pa.Schema:
        """Columns that documents must have; override where they depend on the settings."""
        return self.reads

    def check_columns(self, schema: pa.Schema) -> None:
        """Raise PlanError where documents with these columns cannot be read, before anything runs."""
        for want in self.needs():
            index = schema.get_field_index(want.name)
            if index < 0 or schema.field(index).type != want.type:
                have = f"; theirs is {schema.field(index).type}" if index >= 0 else ""
                raise PlanError(f"reads column {want.name!r} ({want.type}), which they do not have{have}")

    def check(self, sources: list[str]) -> None:
        """Raise PlanError where the settings do not fit the recipe's sources, before anything runs."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Do it, or find it done; what is returned goes into run.json under the section's name."""
        raise NotImplementedError

    def fingerprint(self, *upstream: str) -> str:
        """Names the section's folder: hash of name, version, settings and what it stands on."""
        return fingerprint(self.name, self.version, self, *upstream)
