"""Documents from JSON lines, plain or compressed."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from pipeline.bounds import Count
from pipeline.errors import PlanError
from pipeline.schema import column
from pipeline.stage import Split
from stages.ingest.batches import Row, batches, valid_text
from stages.ingest.charset import decode
from stages.ingest.files import TableFiles
from stages.ingest.lines import is_one_stream, lines
from stages.ingest.records import MAX_RECORD_BYTES

PACKED = ".bz2 .xz .lzma .lz4 .br .snappy .sz .z .zip .7z .zstd .gzip .bgz .tar .tgz .tar.gz .tar.zst"
OTHER = ".parquet .arrow .feather .warc .warc.gz .warc.wet.gz .warc.wat.gz"
NOT_READ = (*PACKED.split(), *OTHER.split())
"""Endings of files that would be read as lines of text, which they are not."""


@dataclass(frozen=True, kw_only=True)
class Jsonl(TableFiles):
    """One JSON object a line: `.jsonl`, `.json`, `.ndjson`, also with `.gz` or `.zst`.

    A line that is no document is a row with a reason: `bad_json`, `not_an_object`, `invalid_utf8`, `no_text`
    (missing or no string), `empty`, `too_large`; where compressed bytes are damaged or missing the line that
    they hit is `damaged:<how>`. Blank lines are skipped. `offset` and `length` are the line's bytes, counted
    in the decompressed file if it is compressed.

    Plain files are cut into splits at line ends. Compressed ones are cut where their members lie, if they say
    so before they are decompressed: BGZF (bgzip), zstd with a seek table, zstd frames whose headers have
    their sizes (what `zstd FILE` makes of each file, joined); reading goes on after a damaged member. Any
    other compressed file, and any remote one, is one split, and ends where it is damaged.

    Source: jsonlines.org; RFC 8259; SAM specification, section 4.1 (BGZF); zstd, contrib/seekable_format.
    Differs: a byte order mark is accepted.
    Not implemented: other compression; an index beside the file (.gzi).
    Null: the body is null in rows with a reason; `url`, `date` and kept columns where the object lacks them.
    Cost: 110 us/document of 8.6 KB, 79 MB/s (zst).
    """

    version: ClassVar[int] = 2
    text_column: str = "text"
    """Field that holds the text or markup."""
    base64_column: str = ""
    """Field that holds it as base64 of bytes of an unknown charset, read where `text_column` is missing."""
    max_record_bytes: Count = MAX_RECORD_BYTES
    """A line that is longer is dropped as `too_large`."""

    example: ClassVar[Mapping[str, Any]] = {"paths": "data/*.jsonl.zst"}

    def makes(self) -> pa.Schema:
        """The document columns, and those kept."""
        return self.schema([column(name, pa.string(), "kept from the input") for name in self.keep])

    def files(self) -> list[str]:
        """The files that `paths` names; PlanError if one is compressed in another way."""
        files = super().files()
        if others := [name for name in files if name.lower().endswith(NOT_READ)]:
            more = f" and {len(others) - 1} more" if others[1:] else ""
            raise PlanError(f"{others[0]}{more}: JSON lines are read plain, as .gz or as .zst, not as this")
        return files

    def is_stream(self, second: Split) -> bool:
        """Whether the file is compressed, and does not say where its members lie."""
        return is_one_stream(second.path, second.size)

    def read(self, split: Split) -> Iterator[pa.RecordBatch]:
        """Documents of the lines that begin in the split."""
        yield from batches(self._rows(split), self.makes())

    def _rows(self, split: Split) -> Iterator[Row]:
        for offset, length, line in lines(split, self.max_record_bytes):
            document = self._document(line) if isinstance(line, bytes) else {"reasons": [line]}
            del line  # it may be as large as all else
            yield self.origin(split.path, offset, length) | document

    def _document(self, line: bytes) -> Row:
        value = parse_object(line)
        if isinstance(value, str):
            return {"reasons": [value]}
        text, name = self._text(value), value.get(self.id_column)
        row: Row = {k: _string(value.get(k)) for k in self.keep}
        row["url"], row["date"] = _string(value.get(self.url_column)), _string(value.get(self.date_column))
        if isinstance(name, str | int) and not isinstance(name, bool) and name != "":
            row["id"] = valid_text(str(name))
        if not isinstance(text, str):
            return row | {"reasons": ["no_text"]}
        return row | ({self.body: valid_text(text)} if text.strip() else {"reasons": ["empty"]})

    def _text(self, value: Mapping[str, Any]) -> object:
        text = value.get(self.text_column)
        return _decoded(value.get(self.base64_column)) if text is None and self.base64_column else text


def _decoded(packed: object) -> str | None:
    try:
        return decode(b64decode(packed, validate=True)) if isinstance(packed, str) else None
    except ValueError:
        return None


def parse_object(line: bytes) -> dict[str, Any] | str:
    """The JSON object of a line, or the reason why it is none."""
    try:
        value = json.loads(line)
    except UnicodeDecodeError:
        return "invalid_utf8"
    except (ValueError, RecursionError):
        return "bad_json"
    return value if isinstance(value, dict) else "not_an_object"


def _string(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value if value is None else valid_text(value)
    return valid_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
