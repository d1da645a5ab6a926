"""What a person or a machine sees of a run: live bars on a terminal, plain lines elsewhere, or JSON lines."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from pipeline.run import Progress as Report

How = Literal["auto", "plain", "json"]


@contextlib.contextmanager
def watch(how: How, console: Console) -> Iterator[Report]:
    """A function `report(label, done, total)` for as long as the block lasts."""
    if how == "json":
        yield _json
    elif how == "auto" and console.is_terminal:
        columns = (
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console) as bars:
            yield _Bars(bars)
    else:
        yield _Lines(console)


def _json(label: str, done: int, total: int) -> None:
    line = {"event": "progress", "label": label, "done": done, "total": total, "time": round(time.time(), 2)}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class _Bars:
    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.rows: dict[str, TaskID] = {}
        self.finished: set[str] = set()

    def __call__(self, label: str, done: int, total: int) -> None:
        if label not in self.rows or (done == 0 and label in self.finished):
            self.rows[label] = self.bars.add_task(label, total=total)
            self.finished.discard(label)
        self.bars.update(self.rows[label], completed=done, total=total)
        if done >= total:
            self.finished.add(label)


class _Lines:
    """A line at the beginning, at the end, and every few seconds between."""

    every = 5.0

    def __init__(self, console: Console) -> None:
        self.console, self.last = console, 0.0

    def __call__(self, label: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done in (0, total) or now - self.last >= self.every:
            self.last = now
            self.console.print(f"{label}: {done}/{total}", highlight=False, soft_wrap=True)
