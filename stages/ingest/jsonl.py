"""Documents from JSON lines, plain or compressed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, Literal

import pyarrow as pa
import zstandard

from pipeline.errors import PlanError
from pipeline.schema import HTML, TEXT, column, document_schema
from pipeline.stage import Source, Split
from stages.ingest.batches import Row, batches, place_id, valid_text
from stages.ingest.members import PIECE, Inflated
from stages.ingest.paths import SPLIT_BYTES, byte_splits, expand, open_split
from stages.ingest.records import MAX_RECORD_BYTES
from stages.ingest.window import Window

ZSTD_WINDOW = 1 << 31
"""The largest window `zstd --long=31` makes."""


@dataclass(frozen=True, kw_only=True)
class Jsonl(Source):
    """One JSON object a line: `.jsonl`, `.json`, `.ndjson`, also with `.gz` or `.zst`.

    A line that is no document is a row with a reason: `bad_json`, `not_an_object`, `invalid_utf8`, `no_text`
    (missing or no string), `empty`, `too_large`; a compressed file that breaks off ends with `damaged:<how>`.
    Blank lines are skipped. `offset` and `length` are the line's bytes, counted in the decompressed file if
    it is compressed. Plain files are cut at line ends; a compressed file is one split.

    Source: jsonlines.org; RFC 8259.
    Differs: a byte order mark is accepted.
    Null: the body is null in rows with a reason; `url`, `date` and kept columns where the object lacks them.
    Cost: 110 us/document of 8.6 KB, 79 MB/s (zst).
    """

    paths: str | tuple[str, ...]
    """Files or patterns (`*`, `**`); local or a URL."""
    source: str = ""
    """Value of the column `source`; empty: the name of the source in the recipe."""
    body: Literal["text", "html"] = "text"
    """What the documents are: the column they go to."""
    text_column: str = "text"
    """Field that holds the text or markup."""
    url_column: str = "url"
    """Field with the address it came from."""
    id_column: str = "id"
    """Field with the document's id, a string or an integer; without it, a hash of file and offset."""
    date_column: str = "date"
    """Field with the time it was fetched or written."""
    keep: tuple[str, ...] = ()
    """Other fields to keep, as string columns; what is no string is kept as JSON."""
    split_bytes: int = SPLIT_BYTES
    """Bytes of a file that one task reads."""
    max_record_bytes: int = MAX_RECORD_BYTES
    """A line that is longer is dropped as `too_large`."""

    example: ClassVar[Mapping[str, Any]] = {"paths": "data/*.jsonl.zst"}

    def makes(self) -> pa.Schema:
        """The document columns, and those kept."""
        kept = [column(name, pa.string(), "kept from the input") for name in self.keep]
        return document_schema(HTML if self.body == "html" else TEXT, *kept)

    def check(self) -> None:
        """Raise PlanError for files that do not exist and columns named twice."""
        if min(self.split_bytes, self.max_record_bytes) <= 0:
            raise PlanError("split_bytes and max_record_bytes must be positive")
        names = self.makes().names
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise PlanError(f"keep: {', '.join(twice)}: the documents have a column of this name already")
        expand(self.paths)

    def splits(self) -> list[Split]:
        """Byte ranges of plain files, compressed files whole."""
        splits: list[Split] = []
        for path in expand(self.paths):
            whole = path.endswith((".gz", ".zst"))
            splits += byte_splits([path], 1 << 62 if whole else self.split_bytes)
        return splits

    def read(self, split: Split) -> Iterator[pa.RecordBatch]:
        """Documents of the lines that begin in the split."""
        yield from batches(self._rows(split), self.makes())

    def _rows(self, split: Split) -> Iterator[Row]:
        for offset, length, line in lines(split, self.max_record_bytes):
            row: Row = {"source": self.source, "file": split.path, "offset": offset, "length": length}
            made = self._document(line) if isinstance(line, bytes) else {"reasons": [line]}
            yield {"id": place_id(split.path, offset)} | row | made

    def _document(self, line: bytes) -> Row:
        value = parse_object(line)
        if isinstance(value, str):
            return {"reasons": [value]}
        text, name = value.get(self.text_column), value.get(self.id_column)
        row: Row = {k: _string(value.get(k)) for k in self.keep}
        row["url"], row["date"] = _string(value.get(self.url_column)), _string(value.get(self.date_column))
        if isinstance(name, str | int) and not isinstance(name, bool) and name != "":
            row["id"] = valid_text(str(name))
        if not isinstance(text, str):
            return row | {"reasons": ["no_text"]}
        return row | ({self.body: valid_text(text)} if text.strip() else {"reasons": ["empty"]})


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


Line = tuple[int, int | None, bytes | str]
"""(offset, length with its end, the line); in place of the line a reason why it cannot be had."""


def lines(split: Split, limit: int) -> Iterator[Line]:
    """The lines that begin in the split and are not blank, and what could not be read."""
    with open_split(split) as file:
        if split.path.endswith(".gz"):
            yield from _cut(_gunzip(Window(file, split.size), limit), 0, 1 << 62, limit)
        elif split.path.endswith(".zst"):
            yield from _cut(_unzstd(file), 0, 1 << 62, limit)
        else:
            # From one byte before: only then is it clear whether a line begins at `start`.
            file.seek(max(split.start - 1, 0))
            yield from _cut(iter(lambda: file.read(PIECE), b""), split.start, split.stop, limit)


def _cut(pieces: Iterable[bytes | str], start: int, stop: int, limit: int) -> Iterator[Line]:
    """Lines in `pieces`, which begin one byte before `start` unless that is 0."""
    held, at = b"", max(start - 1, 0)
    ours, long = start == 0, -1
    for piece in pieces:
        if isinstance(piece, str):
            yield at, None, f"damaged:{piece}"
            return
        *full, held = (held + piece).split(b"\n")
        for line in full:
            offset, at = at, at + len(line) + 1
            if long >= 0:
                yield long, at - long, "too_large"
            elif ours and (offset >= stop or line.strip()):
                if offset >= stop:
                    return
                yield offset, at - offset, "too_large" if len(line) > limit else line
            ours, long = True, -1
        if at >= stop and long < 0:
            return
        if len(held) > limit:
            long = at if ours and long < 0 else long
            at, held = at + len(held), b""
    if long >= 0:
        yield long, at + len(held) - long, "too_large"
    elif ours and held.strip():
        yield at, len(held), held


def _gunzip(window: Window, limit: int) -> Iterator[bytes | str]:
    """The decompressed file in pieces, then the reason why there is no more if it is not at its end."""
    data, at = Inflated(window, 0, limit), 0
    data.reach(PIECE)
    while piece := data.at(at, PIECE):
        yield piece
        data.release(at := at + len(piece))
        data.reach(at + PIECE)
    if data.error:
        yield data.error
    elif window.at(data.stop, 4096).strip(b"\0"):
        yield "garbage"


def _unzstd(file: BinaryIO) -> Iterator[bytes | str]:
    """As `_gunzip`; little at a time, since nothing but its input bounds what one call decompresses to."""
    frame, data = None, b""
    while data := data or file.read(1 << 10):
        frame = frame or zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
        try:
            yield frame.decompress(data)
        except zstandard.ZstdError:
            yield "zstd"
            return
        data = frame.unused_data
        frame = None if frame.eof else frame
    if frame is not None:
        yield "truncated"
