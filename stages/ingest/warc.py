"""Web pages from WARC files, and their text from WET files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from pipeline.errors import PlanError
from pipeline.schema import HTML, TEXT, column, document_schema
from pipeline.stage import Source, Split
from stages.ingest.batches import Row, batches, place_id, valid_text
from stages.ingest.charset import decode
from stages.ingest.framing import Damage, Record
from stages.ingest.http import HTML_TYPES, Response, decoded_body, kind_of, media_type, parse_response
from stages.ingest.paths import SPLIT_BYTES, byte_splits, expand, open_file
from stages.ingest.records import MAX_RECORD_BYTES, records
from stages.ingest.window import Window

HTTP_STATUS = column("http_status", pa.int16(), "status of the HTTP response; null if it was none")
MIME = column("mime", pa.string(), "media type: from the HTTP header, else from the first bytes")
DATE = re.compile(r"\d{4}-\d\d[\dT:.Z+-]*$")
CONTENT_LANGUAGE = column(
    "content_language",
    pa.string(),
    "languages the crawler identified, ISO 639-3, the first the most; null if it did not say",
)


@dataclass(frozen=True, kw_only=True)
class _Archive(Source):
    """What WARC and WET files share."""

    paths: str | tuple[str, ...]
    """Files or patterns (`*`, `**`); local or a URL."""
    source: str = ""
    """Value of the column `source`; empty: the name of the source in the recipe."""
    split_bytes: int = SPLIT_BYTES
    """Bytes of a file that one task reads."""
    max_record_bytes: int = MAX_RECORD_BYTES
    """A record, or a body, that is larger is dropped as `too_large`."""

    def check(self) -> None:
        """Raise PlanError for files that do not exist and sizes that make no sense."""
        if min(self.split_bytes, self.max_record_bytes) <= 0:
            raise PlanError("split_bytes and max_record_bytes must be positive")
        expand(self.paths)

    def splits(self) -> list[Split]:
        """Byte ranges of the files."""
        return byte_splits(expand(self.paths), self.split_bytes)

    def read(self, split: Split) -> Iterator[pa.RecordBatch]:
        """Documents of the records that begin in the split."""
        with open_file(split.path) as file:
            window = Window(file, split.size)
            found = records(window, split.start, split.stop, limit=self.max_record_bytes)
            rows = (row for item in found if (row := self._row(item, split.path)) is not None)
            yield from batches(rows, self.makes())

    def _row(self, item: Record | Damage, file: str) -> Row | None:
        row: Row = {"source": self.source, "file": file, "offset": item.offset, "length": item.length}
        if isinstance(item, Damage):
            intact = item.reason.startswith(("unsupported:", "too_large"))
            reason = item.reason if intact else f"damaged:{item.reason}"
            return row | {"id": place_id(file, item.offset, item.inner), "reasons": [reason]}
        fields = item.fields()
        content = self._content(fields, item.payload)
        if content is None:
            return None
        name = fields.get("warc-record-id", "").strip("<> ").removeprefix("urn:uuid:")
        return row | content | {
            "id": valid_text(name) or place_id(file, item.offset, item.inner),
            "url": valid_text(fields.get("warc-target-uri", "").strip("<> ")) or None,
            "date": date if DATE.match(date := fields.get("warc-date", "")) else None,
        }  # fmt: skip

    def _content(self, fields: Mapping[str, str], payload: bytes) -> Row | None:
        """What the columns of its own hold for a record, and `reasons`; None if it is no document."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Warc(_Archive):
    """Web pages: the HTML of `response` and `resource` records of WARC files, plain or gzip.

    Rows with a reason instead of HTML: `http_status:<code>` (not 200), `not_html:<kind>`, `empty`, `revisit`
    (the crawler had the same content before), `continuation` (a segment of a record), `too_large`,
    `unsupported_encoding:<coding>`, `damaged_encoding:<coding>`, `damaged:<how>` for bytes that are no
    record, and `unsupported:<container>` for a file that holds none. Other records give no rows.

    Source: ISO 28500 (WARC 1.1); Common Crawl's WARC files.
    Differs: a damaged record costs that record only; readers in use end with it, or end in silence.
    Not implemented: segmented records are not joined; ARC, zstd, lz4 and bzip2 files.
    Null: `html` is null in rows with a reason, `url` and `date` where the record does not say.
    Cost: 1,000 us/document, with the request and metadata records around it (18 Common Crawl pages of 31 KB).
    """

    example: ClassVar[Mapping[str, Any]] = {"paths": "crawl/*.warc.gz"}
    adds: ClassVar[pa.Schema] = document_schema(HTML, HTTP_STATUS, MIME)

    def _content(self, fields: Mapping[str, str], payload: bytes) -> Row | None:
        kind = fields.get("warc-type", "").lower()
        if kind in ("revisit", "continuation"):
            return {"reasons": [kind]}
        if kind not in ("response", "resource"):
            return None
        response = parse_response(payload) if kind == "response" else Response(None, {}, payload)
        if response.status is None:
            content_type = fields.get("content-type", "")
            said = {} if content_type.startswith("application/http") else {"content-type": content_type}
            response = Response(None, said, payload)
        return self._page(response)

    def _page(self, response: Response) -> Row:
        status = response.status
        reasons = [] if status in (200, None) else [f"http_status:{status}"]
        body, why = decoded_body(response, self.max_record_bytes)
        mime = valid_text(media_type(response.content_type, body))
        if why:
            reasons.append(why)
        elif not body.strip():
            reasons.append("empty")
        if (body or response.content_type) and mime not in HTML_TYPES:
            reasons.append(f"not_html:{kind_of(mime)}")
        row: Row = {"http_status": status, "mime": mime}
        return row | ({"reasons": reasons} if reasons else {"html": decode(body, response.content_type)})


@dataclass(frozen=True, kw_only=True)
class Wet(_Archive):
    """Plain text: the `conversion` records of WET files, plain or gzip.

    Rows with a reason instead of text: `empty`, `damaged:<how>`, `unsupported:<container>`. Other records
    give no rows.

    Source: Common Crawl's WET files: text in UTF-8 made from the HTML of the WARC file of the same name.
    Null: `text` is null in rows with a reason, `content_language` where the record does not say.
    Cost: 200 us/document (14 Common Crawl pages of 9 KB).
    """

    example: ClassVar[Mapping[str, Any]] = {"paths": "crawl/*.warc.wet.gz"}
    adds: ClassVar[pa.Schema] = document_schema(TEXT, CONTENT_LANGUAGE)

    def _content(self, fields: Mapping[str, str], payload: bytes) -> Row | None:
        if fields.get("warc-type", "").lower() != "conversion":
            return None
        text = valid_text(payload.decode("utf-8", "replace"))
        language = valid_text(fields.get("warc-identified-content-language", "")) or None
        body: Row = {"text": text} if text.strip() else {"reasons": ["empty"]}
        return body | {"content_language": language}
