"""Row accounts of one task: what came in, was kept, was dropped and why, and where the time went."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.schema import DROPPED_BY, REASONS


@dataclass
class Ledger:
    """Rows in, kept and dropped of each step, and the dropped rows themselves."""

    rows_in: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=dict)
    dropped: dict[str, list[pa.RecordBatch]] = field(default_factory=dict)

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
            self.dropped.setdefault(name, []).append(gone)
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
