"""What sources share that read files: `Files` for all of them, `TableFiles` for rows of named values.

A source of documents is then about its format alone:

    paths.py      a setting `paths` -> files, local or remote, with size and stamp -> byte ranges
    files.py      the settings and columns that all have
    archive.py    WARC, WET and WAT: records of archives (warc.py and wat.py say what a record gives)
    jsonl.py, parquet.py    rows with fields of any name
    documents.py  the other way round: which of these sources reads a path
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pyarrow as pa

from pipeline.bounds import Count
from pipeline.errors import PlanError
from pipeline.schema import HTML, TEXT, document_schema
from pipeline.stage import Source, Split
from stages.ingest.batches import Row, location_id
from stages.ingest.paths import SPLIT_BYTES, byte_splits, expand


@dataclass(frozen=True, kw_only=True)
class Files(Source):
    """Documents from files."""

    paths: str | tuple[str, ...]
    """Files or patterns (`*`, `**`); local or a URL. `~` and `$HOME` are not expanded."""
    source: str = ""
    """Value of the column `source`; empty: the name of the source in the recipe."""
    split_bytes: Count = SPLIT_BYTES
    """Bytes of a file that one task reads; of Parquet at least one row group."""

    def check(self) -> None:
        """Raise PlanError for a path or pattern that no file matches, and a file of a kind not read."""
        self.files()

    def files(self) -> list[str]:
        """The files that `paths` names.

        Raises:
            PlanError: no file matches one of them, or a file is of a kind that is not read.
        """
        return expand(self.paths)

    def splits(self) -> list[Split]:
        """Byte ranges of the files. A file that can only be read from its beginning is one split."""
        splits = byte_splits(self.files(), self.split_bytes)
        streams = {s.path for s in splits if s.start == self.split_bytes and self.is_stream(s)}
        return [
            replace(s, stop=s.size) if s.path in streams else s
            for s in splits
            if s.start == 0 or s.path not in streams
        ]

    def is_stream(self, second: Split) -> bool:
        """Whether a file, of which this would be the second split, can only be read from its beginning."""
        return False

    def origin(self, path: str, offset: int | None, length: int | None, *more: object) -> Row:
        """Columns that say where a row was read, and the id that it has if it brings none of its own.

        `more` tells rows apart that begin at the same offset of the file.
        """
        return {
            "id": location_id(path, offset or 0, *more),
            "source": self.source,
            "file": path,
            "offset": offset,
            "length": length,
        }


@dataclass(frozen=True, kw_only=True)
class TableFiles(Files):
    """Documents that are rows: settings say which of their values is which column."""

    body: Literal["text", "html"] = "text"
    """What the documents are: the column they go to."""
    url_column: str = "url"
    """Column or JSON field with the address it came from."""
    id_column: str = "id"
    """Column or JSON field with the document's id, a string or an integer; without it, or where it is null, a
    hash of file and offset."""
    date_column: str = "date"
    """Column or JSON field with the time it was fetched or written."""
    keep: tuple[str, ...] = ()
    """Other columns to keep: those of Parquet with their types, fields of JSON lines as strings (what is no
    string as JSON)."""

    def schema(self, kept: Sequence[pa.Field] = ()) -> pa.Schema:
        """The document columns, and those kept."""
        return document_schema(HTML if self.body == "html" else TEXT, *kept)

    def check(self) -> None:
        """Raise PlanError for paths that match no file, and columns kept under a name that is taken."""
        self.check_keep()
        super().check()

    def check_keep(self) -> None:
        """Raise PlanError for columns kept under a name that is taken, without a look at the files."""
        names = [*self.schema().names, *self.keep]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise PlanError(f"keep: {', '.join(twice)}: the documents have a column of this name already")
