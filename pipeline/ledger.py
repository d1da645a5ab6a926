"""Row accounts of one task: what came in, was kept, was dropped and why, and where the time went.

Dropped documents wait until the shard ends, since they are written by step and come by row: in memory while
they are few, else in one temporary file for each step that drops. So memory does not grow with their number.
"""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.schema import DROPPED_BY, REASONS

WAITING_BYTES = 32 << 20
"""Of dropped documents that wait in memory."""


class Dropped:
    """Dropped documents of a shard, by step; files that they wait in are gone when the block ends.

    Those lie in `folder`; without one, all waits in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder, self._waiting = folder, dict[str, list[pa.RecordBatch]]()
        self.n_bytes = 0
        """Of what waits in memory."""
        self._files: dict[str, tuple[IO[bytes], pa.RecordBatchStreamWriter]] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        self._stack.close()

    def put(self, name: str, batch: pa.RecordBatch) -> None:
        """Rows that a step drops."""
        self._waiting.setdefault(name, []).append(batch)
        self.n_bytes += batch.nbytes
        if self.folder and self.n_bytes > WAITING_BYTES:
            for step in list(self._waiting):
                self._write(step, self._waiting.pop(step), self.folder)
            self.n_bytes = 0

    def _write(self, name: str, batches: list[pa.RecordBatch], folder: Path) -> None:
        if name not in self._files:
            folder.mkdir(parents=True, exist_ok=True)
            # It has no name where the system can do without; else it has one that is swept up after a kill.
            suffix = f".{secrets.token_hex(8)}.tmp"
            temporary = tempfile.TemporaryFile(dir=folder, prefix=".dropped.", suffix=suffix)  # noqa: SIM115
            file = self._stack.enter_context(temporary)
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._files[name] = file, pa.ipc.new_stream(file, batches[0].schema, options=options)
        for batch in batches:
            self._files[name][1].write_batch(batch)

    def batches(self, name: str) -> Iterator[pa.RecordBatch]:
        """The rows that a step dropped, in their order; once, when there will be no more."""
        if name in self._files:
            file, writer = self._files[name]
            writer.close()
            file.seek(0)
            yield from pa.ipc.open_stream(file)
        yield from self._waiting.get(name, ())


@dataclass
class Ledger:
    """Rows in, kept and dropped of each step, and the dropped rows themselves."""

    rows_in: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    dropped: Dropped = field(default_factory=Dropped)

    def route(self, name: str, batch: pa.RecordBatch, reasons: pa.Array) -> pa.RecordBatch:
        """Count a filter's answer, put away the rows it drops, return the rows it keeps."""
        keeps = pc.fill_null(pc.equal(pc.list_value_length(reasons), 0), True)
        self.rows_in[name] += len(batch)
        counts = self.reasons.setdefault(name, Counter())
        if not pc.all(keeps, min_count=0).as_py():
            drops = pc.invert(keeps)
            gone, why = batch.filter(drops), reasons.filter(drops).cast(REASONS.type)
            counts.update(pc.list_flatten(why).to_pylist())
            by = pa.array([name] * len(gone), pa.string())
            gone = gone.append_column(REASONS, why).append_column(DROPPED_BY, by)
            self.dropped.put(name, gone)
            batch = batch.filter(keeps)
        self.kept[name] += len(batch)
        return batch


class Stopwatch:
    """Seconds spent in each step, whoever called whom: generators nest, so a stack says whose time runs."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.stack: list[str] = []
        self._since = time.perf_counter()

    def _charge(self) -> None:
        now = time.perf_counter()
        if self.stack:
            self.seconds[self.stack[-1]] += now - self._since
        self._since = now

    def time(self, name: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """`batches`, the time it takes to make each charged to `name`."""
        while True:
            self._charge()
            self.stack.append(name)
            batch = next(batches, None)
            self._charge()
            self.stack.pop()  # not in a finally: after an error the stack names the step at fault
            if batch is None:
                return
            yield batch
