"""Documents from the records of archives: what WARC, WET and WAT files share."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pyarrow as pa
from annotated_types import Interval

from pipeline.stage import Split
from stages.ingest.batches import Row, batches, valid_text
from stages.ingest.files import Files
from stages.ingest.framing import Damage, Record
from stages.ingest.paths import is_remote, open_file, open_split
from stages.ingest.records import MAX_RECORD_BYTES, is_one_stream, records
from stages.ingest.window import Window

DATE = re.compile(r"\d{4}-\d\d[\dT:.Z+-]*$")
LOOK_BYTES = 8 << 20
"""A compressed file in which no record begins in so many bytes after the first cut passes for one stream."""
INTACT = ("unsupported:", "too_large")
"""Reasons of what is not damaged, only not read."""


@functools.lru_cache(maxsize=64)
def _marks(path: str, size: int, stamp: str, limit: int) -> list[int]:
    """Where records of a plain file are known to begin, for the parts of it that this process reads."""
    return [0]


@dataclass(frozen=True, kw_only=True)
class Archive(Files):
    """Documents from WARC and ARC records; `content` says what a record gives."""

    max_record_bytes: Annotated[int, Interval(ge=1, le=1 << 30)] = MAX_RECORD_BYTES
    """A larger record or body is dropped as `too_large`. At most 1 GiB: a text column holds 2."""

    kinds: ClassVar[frozenset[str]] = frozenset()
    """WARC-Type of records that can be documents; empty: any."""

    def is_stream(self, second: Split) -> bool:
        """Whether all records seem to begin at 0, for the file is one compressed stream; only local files."""
        if is_remote(second.path):
            return False  # a look into each of very many files would take longer than it saves
        with open_file(second.path) as file:
            return is_one_stream(Window(file, second.size), second.start, LOOK_BYTES)

    def read(self, split: Split) -> Iterator[pa.RecordBatch]:
        """Documents of the records that begin in the split."""
        with open_split(split) as file:
            window = Window(file, split.size)
            marks = _marks(split.path, split.size, split.stamp, self.max_record_bytes)
            items = records(window, split.start, split.stop, limit=self.max_record_bytes, marks=marks)
            rows = (row for item in items if (row := self.row(item, split.path)) is not None)
            yield from batches(rows, self.makes())

    def row(self, item: Record | Damage, file: str) -> Row | None:
        """The document of a record, or the reason why it is none; None for records that give no rows."""
        origin = self.origin(file, item.offset, item.length, item.inner)
        if isinstance(item, Damage):
            reason = item.reason if item.reason.startswith(INTACT) else f"damaged:{item.reason}"
            return origin | {"reasons": [reason]}
        if self.kinds and item.kind() not in self.kinds:
            return None
        fields = item.fields()
        content = self.content(fields, item)
        if content is None:
            return None
        named = {
            "id": valid_text(fields.get("warc-record-id", "").strip("<> ").removeprefix("urn:uuid:")),
            "url": valid_text(fields.get("warc-target-uri", "").strip("<> ")),
            "date": date if DATE.match(date := fields.get("warc-date", "")) else "",
        }
        return origin | {name: value for name, value in named.items() if value} | content

    def content(self, fields: Mapping[str, str], record: Record) -> Row | None:
        """Columns of its own that a record gives, and `reasons`; None if it is no document.

        `fields` are those of its header, by name in lower case.
        """
        raise NotImplementedError
