"""What a recipe does after its documents are made: tokens, a mixture, training. One act for each section."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pipeline.engine import Account, Engine, Task
from pipeline.shards import fingerprint


@dataclass(frozen=True, kw_only=True)
class Context:
    """What an act may know of the run it belongs to."""

    output: Path
    record: Mapping[str, Any]
    """`run.json` as far as it has come; what the act before wrote stands under its section's name."""
    engine: Engine
    progress: Callable[[str, int, int], None]
    """progress(label, done, total)"""

    def documents(self) -> dict[str, list[Path]]:
        """source -> its kept shards, in order."""
        folders = self.record["documents"]
        named = {self.record["name"]: folders} if isinstance(folders, str) else folders
        return {s: sorted((self.output / f).glob("part-*.parquet")) for s, f in named.items()}

    def map(self, label: str, tasks: list[Task]) -> list[Account]:
        """Run tasks on the engine with progress; accounts in the order of the tasks."""
        accounts: list[Account] = [{} for _ in tasks]
        self.progress(label, 0, len(tasks))
        for done, (index, account) in enumerate(self.engine.map(tasks), start=1):
            accounts[index] = account
            self.progress(label, done, len(tasks))
        return accounts


@dataclass(frozen=True, kw_only=True)
class Act:
    """A section of a recipe. A frozen dataclass like a step: its fields are its settings."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    version: ClassVar[int] = 1
    name: ClassVar[str] = ""
    after: ClassVar[tuple[str, ...]] = ()
    """Acts that come first where the recipe has them: order follows the data, not the file."""
    requires: ClassVar[tuple[str, ...]] = ()
    """Acts without which this one cannot run."""

    same_bytes: ClassVar[bool] = True
    """Whether the act promises the same bytes on any machine; `pipeline verify` runs those that do."""

    def check(self, sources: list[str]) -> None:
        """Raise PlanError where the settings do not fit the recipe's sources, before anything runs."""

    def run(self, context: Context) -> dict[str, Any]:
        """Do it, or find it done; what is returned goes into run.json under the section's name."""
        raise NotImplementedError

    def fingerprint(self, *upstream: str) -> str:
        """Names the act's folder: hash of name, version, settings and what it stands on."""
        return fingerprint(self.name, self.version, self, *upstream)
