"""Shards: Parquet bytes that depend on the rows alone, batches cut by bytes, fingerprints."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.objects.path import ObjectPath
from pipeline.store import atomic, digest, fetched

BATCH_BYTES = 64 << 20
BATCH_ROWS = 8192
"""Batches are cut by bytes as well as rows: Arrow's string offsets are 32 bits wide."""
GROUP_BYTES = 32 << 20
GROUP_ROWS = 16384
"""Where a Parquet row group ends: whichever comes first, counted over rows and never over batches."""


def fingerprint(*parts: Any) -> str:
    """12 hex digits of SHA-256 over the parts; dataclasses count by their class name and settings."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value):
            settings = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
            return [type(value).__name__, settings]
        if isinstance(value, Path):
            return str(value)
        raise TypeError(f"{type(value).__name__} has no place in a fingerprint")

    text = json.dumps(parts, default=plain, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def row_bytes(batch: pa.RecordBatch) -> Any:
    """int64 [rows]: bytes of text and lists of numbers in each row; what batches are cut by."""
    total = np.zeros(len(batch), np.int64)
    for column in batch.columns:
        if pa.types.is_list(column.type) and pa.types.is_primitive(column.type.value_type):
            lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
            total += lengths.astype(np.int64) * column.type.value_type.bit_width // 8
        elif pa.types.is_string(column.type) or pa.types.is_binary(column.type):
            total += pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
    return total


class ShardWriter:
    """Writes one Parquet shard. Its bytes depend on the rows alone, not on how they came in batches."""

    def __init__(self, path: Path, schema: pa.Schema, hashed: bool = False):
        self.path, self.schema, self.rows, self.n_bytes = path, schema, 0, 0
        self.hashed, self.sha256 = hashed, ""
        self._held: list[pa.RecordBatch] = []
        self._bytes = self._count = 0
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._temporary = self._stack.enter_context(atomic(self.path))
        self._file = self._stack.enter_context(
            pq.ParquetWriter(
                self._temporary,
                self.schema,
                compression="zstd",
                compression_level=3,
                write_page_checksum=True,
            )
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:  # fmt: skip
        try:
            if kind is None:
                self._flush()
                self._file.close()
                self.sha256 = digest(self._temporary) if self.hashed else ""
        except BaseException as late:  # the file must see it, to be removed and not renamed
            self._stack.__exit__(type(late), late, late.__traceback__)
            raise
        self._stack.__exit__(kind, error, trace)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; `batch` has exactly the writer's schema."""
        sizes = np.cumsum(row_bytes(batch))
        self.n_bytes += int(sizes[-1]) if len(batch) else 0
        start, base = 0, 0
        while start < len(batch):
            # A group ends with the row that fills it, so a row larger than a group is a group of its own.
            full = int(np.searchsorted(sizes, GROUP_BYTES - self._bytes + base)) + 1
            stop = min(full, start + GROUP_ROWS - self._count, len(batch))
            self._held.append(batch.slice(start, stop - start))
            self._count += stop - start
            self._bytes += int(sizes[stop - 1]) - base
            start, base = stop, int(sizes[stop - 1])
            if self._bytes >= GROUP_BYTES or self._count >= GROUP_ROWS:
                self._flush()

    def _flush(self) -> None:
        if self._count:
            table = pa.Table.from_batches(self._held, self.schema).combine_chunks()
            self._file.write_table(table, row_group_size=self._count)
        self.rows += self._count
        self._held, self._bytes, self._count = [], 0, 0


def cut(table: pa.Table | pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows in batches of at most BATCH_ROWS rows and about BATCH_BYTES bytes of text."""
    batches = table.to_batches(max_chunksize=BATCH_ROWS) if isinstance(table, pa.Table) else [table]
    for batch in batches:
        sizes = np.cumsum(row_bytes(batch))
        start = base = 0
        while start < len(batch):
            full = int(np.searchsorted(sizes, base + BATCH_BYTES)) + 1
            stop = min(full, start + BATCH_ROWS, len(batch))
            yield batch.slice(start, stop - start)
            start, base = stop, int(sizes[stop - 1])


@contextlib.contextmanager
def open_shard(path: Path) -> Iterator[pq.ParquetFile]:
    """A Parquet file, for some of its columns or row groups: of an object nothing else is requested."""
    with contextlib.ExitStack() as stack:
        is_object = isinstance(path, ObjectPath)
        source = stack.enter_context(path.open("rb")) if is_object else path
        yield stack.enter_context(pq.ParquetFile(source, pre_buffer=is_object))


def read_shard(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file in order, a row group at a time in memory."""
    with fetched(path) as here, pq.ParquetFile(here) as file:
        for group in range(file.num_row_groups):
            yield from cut(file.read_row_group(group, columns=columns))
