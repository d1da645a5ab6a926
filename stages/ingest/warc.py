"""Web pages from WARC files, and their text from WET files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from pipeline.schema import HTML, TEXT, column, document_schema
from stages.ingest.archive import Archive
from stages.ingest.batches import Row, valid_text
from stages.ingest.charset import decode
from stages.ingest.framing import Record
from stages.ingest.http import Response, decoded_body, kind_of, parse_response
from stages.ingest.sniff import HTML_TYPES, is_unreadable, media_type
from stages.ingest.utf8 import certainly_utf_8

HTTP_STATUS = column("http_status", pa.int16(), "status of the HTTP response; null if it was none")
MIME = column("mime", pa.string(), "media type: from the HTTP header, unless the bytes deny it")
ROBOTS_HEADER = column(
    "robots_header",
    pa.string(),
    "what the HTTP header reserves: X-Robots-Tag, and `tdm-reservation: 1`; null if it says nothing",
)
CONTENT_LANGUAGE = column(
    "content_language",
    pa.string(),
    "languages the crawler identified, ISO 639-3, the first the most; null if it did not say",
)


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

    version: ClassVar[int] = 3
    example: ClassVar[Mapping[str, Any]] = {"paths": "crawl/*.warc.gz"}
    adds: ClassVar[pa.Schema] = document_schema(HTML, HTTP_STATUS, MIME, ROBOTS_HEADER)
    kinds: ClassVar[frozenset[str]] = frozenset({"response", "resource", "revisit", "continuation"})

    def content(self, fields: Mapping[str, str], record: Record) -> Row | None:
        """HTML, status, media type and rights of a response or resource."""
        kind = fields.get("warc-type", "").lower()
        if kind in ("revisit", "continuation"):
            return {"reasons": [kind]}
        if kind == "response":
            response = parse_response(record.text, record.start, record.stop)
        else:
            response = Response(None, {}, record.payload)
        declared = fields.get("content-type", "")
        if response.status is None and not declared.startswith("application/http"):
            response = Response(None, {"content-type": declared}, response.body)
        return self._page(response, fields.get("warc-identified-payload-type", ""))

    def _page(self, response: Response, identified: str) -> Row:
        status = response.status
        reasons = [] if status in (200, None) else [f"http_status:{status}"]
        body, why = decoded_body(response, self.max_record_bytes)
        mime = valid_text(media_type(response.content_type, body, identified))
        if why:
            reasons.append(why)
        elif not body or body.isspace():
            reasons.append("empty")
        if (body or response.content_type) and mime not in HTML_TYPES:
            reasons.append(f"not_html:{kind_of(mime)}")
        row: Row = {"http_status": status, "mime": mime, "robots_header": valid_text(response.robots) or None}
        if reasons:
            return row | {"reasons": reasons}
        if certainly_utf_8(body, response.content_type):
            return row | {"html": body}
        html = decode(body, response.content_type)
        if is_unreadable(html):
            return row | {"reasons": ["not_html:octet-stream"]}
        return row | {"html": html}


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

    def content(self, fields: Mapping[str, str], record: Record) -> Row | None:
        """Text and languages of a conversion."""
        text = valid_text(record.payload.decode("utf-8", "replace"))
        language = valid_text(fields.get("warc-identified-content-language", "")) or None
        body: Row = {"text": text} if text and not text.isspace() else {"reasons": ["empty"]}
        return body | {"content_language": language}
