"""The training's log: one JSON object a line, each step once, however often the run was interrupted."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.store import atomic

Line = dict[str, Any]


class Log:
    """Lines {"kind": "train" | "heldout", "step", ...} in the order of the steps."""

    def __init__(self, path: Path):
        self.path = path

    def begin(self, step: int) -> None:
        """Forget what was written after `step`: the resumed run will write it again."""
        kept = [line for line in self.lines() if line["step"] <= step]
        with atomic(self.path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def write(self, kind: str, step: int, **values: Any) -> None:
        """Append a line."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "step": step, **values}) + "\n")

    def sync(self) -> None:
        """Bring the lines to disk; before a checkpoint that relies on them."""
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())

    def lines(self, kind: str | None = None) -> Iterator[Line]:
        """What is written, of one kind or all. A last line cut short by a kill is left out."""
        if not self.path.exists():
            return
        with self.path.open(encoding="utf-8") as file:
            for text in file:
                if text.endswith("\n") and (kind is None or json.loads(text)["kind"] == kind):
                    yield json.loads(text)
