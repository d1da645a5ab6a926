"""Web pages from WARC files, and their text from WET files."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pyarrow as pa

from pipeline.errors import PlanError
from pipeline.schema import HTML, TEXT, column, document_schema
from pipeline.stage import Source, Split
from stages.ingest.batches import Row, batches, place_id, valid_text
from stages.ingest.charset import decode
from stages.ingest.framing import Damage, Record
from stages.ingest.http import HTML_TYPES, Response, decoded_body, kind_of, media_type, parse_response
from stages.ingest.paths import SPLIT_BYTES, byte_splits, expand, is_remote, open_file, open_split
from stages.ingest.records import MAX_RECORD_BYTES, is_one_stream, records
from stages.ingest.utf8 import certainly_utf_8
from stages.ingest.window import Window

HTTP_STATUS = column("http_status", pa.int16(), "status of the HTTP response; null if it was none")
MIME = column("mime", pa.string(), "media type: from the HTTP header, else from the first bytes")
ROBOTS_HEADER = column(
    "robots_header",
    pa.string(),
    "what the HTTP header reserves: X-Robots-Tag, and `tdm-reservation: 1`; null if it says nothing",
)
DATE = re.compile(r"\d{4}-\d\d[\dT:.Z+-]*$")
CONTENT_LANGUAGE = column(
    "content_language",
    pa.string(),
    "languages the crawler identified, ISO 639-3, the first the most; null if it did not say",
)


LOOK_BYTES = 8 << 20
"""A compressed file in which no record begins in so many bytes after the first cut passes for one stream."""


@functools.lru_cache(maxsize=64)
def _marks(path: str, size: int, stamp: str, limit: int) -> list[int]:
    """Where records of a plain file are known to begin, for the parts of it that this process reads."""
    return [0]


def _is_one_stream(split: Split) -> bool:
    if is_remote(split.path):
        return False  # a look into each of very many files would take longer than it saves
    with open_file(split.path) as file:
        return is_one_stream(Window(file, split.size), split.start, LOOK_BYTES)


@dataclass(frozen=True, kw_only=True)
class Archive(Source):
    """What WARC and WET files share."""

    paths: str | tuple[str, ...]
    """Files or patterns (`*`, `**`); local or a URL."""
    source: str = ""
    """Value of the column `source`; empty: the name of the source in the recipe."""
    split_bytes: int = SPLIT_BYTES
    """Bytes of a file that one task reads."""
    max_record_bytes: int = MAX_RECORD_BYTES
    """A record, or a body, that is larger is dropped as `too_large`."""

    kinds: ClassVar[frozenset[str]] = frozenset()
    """WARC-Type of records that can be documents; empty: any."""

    def check(self) -> None:
        """Raise PlanError for files that do not exist and sizes that make no sense."""
        if min(self.split_bytes, self.max_record_bytes) <= 0:
            raise PlanError("split_bytes and max_record_bytes must be positive")
        if self.max_record_bytes > 1 << 30:
            raise PlanError("max_record_bytes must be at most 1 GiB: a text column holds 2")
        expand(self.paths)

    def splits(self) -> list[Split]:
        """Byte ranges of the files. A local file of one compressed stream is one: all of it begins at 0."""
        splits = byte_splits(expand(self.paths), self.split_bytes)
        streams = {s.path for s in splits if s.start == self.split_bytes and _is_one_stream(s)}
        return [
            replace(s, stop=s.size) if s.path in streams else s
            for s in splits
            if s.start == 0 or s.path not in streams
        ]

    def read(self, split: Split) -> Iterator[pa.RecordBatch]:
        """Documents of the records that begin in the split."""
        with open_split(split) as file:
            window = Window(file, split.size)
            marks = _marks(split.path, split.size, split.stamp, self.max_record_bytes)
            found = records(window, split.start, split.stop, limit=self.max_record_bytes, marks=marks)
            rows = (row for item in found if (row := self._row(item, split.path)) is not None)
            yield from batches(rows, self.makes())

    def _row(self, item: Record | Damage, file: str) -> Row | None:
        row: Row = {"source": self.source, "file": file, "offset": item.offset, "length": item.length}
        if isinstance(item, Damage):
            intact = item.reason.startswith(("unsupported:", "too_large"))
            reason = item.reason if intact else f"damaged:{item.reason}"
            return row | {"id": place_id(file, item.offset, item.inner), "reasons": [reason]}
        if self.kinds and item.kind() not in self.kinds:
            return None
        fields = item.fields()
        content = self._read(fields, item)
        if content is None:
            return None
        name = fields.get("warc-record-id", "").strip("<> ").removeprefix("urn:uuid:")
        return row | content | {
            "id": valid_text(name) or place_id(file, item.offset, item.inner),
            "url": valid_text(fields.get("warc-target-uri", "").strip("<> ")) or None,
            "date": date if DATE.match(date := fields.get("warc-date", "")) else None,
        }  # fmt: skip

    def _read(self, fields: Mapping[str, str], record: Record) -> Row | None:
        return self._content(fields, record.payload)

    def _content(self, fields: Mapping[str, str], payload: bytes) -> Row | None:
        """What the columns of its own hold for a record, and `reasons`; None if it is no document."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Warc(Archive):
    """Web pages: the HTML of `response` and `resource` records of WARC files, and of ARC records.

    Files may be plain, gzip, zstd (with a dictionary too) or bzip2, a member for each record or one stream.

    Rows with a reason instead of HTML: `http_status:<code>` (not 200), `not_html:<kind>`, `empty`, `revisit`
    (the crawler had the same content before), `continuation` (a segment of a record), `too_large`,
    `unsupported_encoding:<coding>`, `damaged_encoding:<coding>`, `damaged:<how>` for bytes that are no
    record, and `unsupported:<container>` for a file that holds none. Other records give no rows.

    Source: ISO 28500 (WARC 1.1) and its drafts from 0.17; Internet Archive's ARC 1.0 and 1.1; IIPC, Zstandard
    Compression for WARC Files 1.0; Common Crawl's files.
    Differs: a damaged record costs that record only; readers in use end with it, or end in silence.
    Not implemented: segmented records are not joined; lz4 and xz files. A file that is one compressed stream
    cannot be read in parts: a local one is one split, each part of a remote one decompresses what is before.
    Null: `html` is null in rows with a reason, `url` and `date` where the record does not say.
    Cost: 500 us/document, with the request and metadata records around it (376 web pages of 133 KB).
    """

    version: ClassVar[int] = 2
    example: ClassVar[Mapping[str, Any]] = {"paths": "crawl/*.warc.gz"}
    adds: ClassVar[pa.Schema] = document_schema(HTML, HTTP_STATUS, MIME, ROBOTS_HEADER)
    kinds: ClassVar[frozenset[str]] = frozenset({"response", "resource", "revisit", "continuation"})

    def _read(self, fields: Mapping[str, str], record: Record) -> Row | None:
        kind = fields.get("warc-type", "").lower()
        if kind in ("revisit", "continuation"):
            return {"reasons": [kind]}
        if kind == "response":
            response = parse_response(record.text, record.start, record.stop)
        else:
            response = Response(None, {}, record.payload)
        if response.status is None and not (said := fields.get("content-type", "")).startswith(
            "application/http"
        ):
            response = Response(None, {"content-type": said}, response.body)
        return self._page(response)

    def _page(self, response: Response) -> Row:
        status = response.status
        reasons = [] if status in (200, None) else [f"http_status:{status}"]
        body, why = decoded_body(response, self.max_record_bytes)
        mime = valid_text(media_type(response.content_type, body))
        if why:
            reasons.append(why)
        elif not body or body.isspace():
            reasons.append("empty")
        if (body or response.content_type) and mime not in HTML_TYPES:
            reasons.append(f"not_html:{kind_of(mime)}")
        row: Row = {"http_status": status, "mime": mime, "robots_header": valid_text(response.robots) or None}
        if reasons:
            return row | {"reasons": reasons}
        plain = certainly_utf_8(body, response.content_type)
        return row | {"html": body if plain else decode(body, response.content_type)}


@dataclass(frozen=True, kw_only=True)
class Wet(Archive):
    """Plain text: the `conversion` records of WET files, in the same containers.

    Rows with a reason instead of text: `empty`, `damaged:<how>`, `unsupported:<container>`. Other records
    give no rows.

    Source: Common Crawl's WET files: text in UTF-8 made from the HTML of the WARC file of the same name.
    Null: `text` is null in rows with a reason, `content_language` where the record does not say.
    Cost: 200 us/document (14 Common Crawl pages of 9 KB).
    """

    example: ClassVar[Mapping[str, Any]] = {"paths": "crawl/*.warc.wet.gz"}
    adds: ClassVar[pa.Schema] = document_schema(TEXT, CONTENT_LANGUAGE)
    kinds: ClassVar[frozenset[str]] = frozenset({"conversion"})

    def _content(self, fields: Mapping[str, str], payload: bytes) -> Row | None:
        text = valid_text(payload.decode("utf-8", "replace"))
        language = valid_text(fields.get("warc-identified-content-language", "")) or None
        body: Row = {"text": text} if text and not text.isspace() else {"reasons": ["empty"]}
        return body | {"content_language": language}
