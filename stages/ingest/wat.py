"""Titles, links and metadata of web pages from WAT files, which hold no pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urljoin

import pyarrow as pa

from pipeline.bounds import Natural
from pipeline.schema import column, document_schema
from stages.ingest.archive import DATE, Archive
from stages.ingest.batches import Row, valid_text
from stages.ingest.framing import Record
from stages.ingest.http import kind_of
from stages.ingest.sniff import HTML_TYPES, media_type
from stages.ingest.warc import HTTP_STATUS, MIME

TITLE = column("title", pa.string(), "the page's title; null if it has none")
CANONICAL = column("canonical", pa.string(), "address the page gives for itself, absolute; null if none")
LINKS = column(
    "links",
    pa.list_(pa.struct([(name, pa.string()) for name in ("url", "text", "rel", "path")])),
    "http(s) links: absolute address, text (or an image's alt), rel, element and attribute as in 'A@/href'",
)
METAS = column(
    "metas",
    pa.list_(pa.struct([("name", pa.string()), ("content", pa.string())])),
    "<meta> elements: name, property or http-equiv, and content",
)
WARC_FILE = column("warc_file", pa.string(), "name of the WARC file that holds the page")
WARC_OFFSET = column("warc_offset", pa.int64(), "where in it the page's record starts", "bytes")
WARC_LENGTH = column("warc_length", pa.int64(), "how much of it the record takes, compressed", "bytes")
MAX_METAS = 1000
WEB = ("http://", "https://")


@dataclass(frozen=True, kw_only=True)
class Wat(Archive):
    """Links and metadata of web pages: the JSON records of WAT files that describe HTTP responses.

    The row is the page's: `id`, `url` and `date` are those of its record in the WARC file, so that rows join
    with what `warc` reads; `file`, `offset` and `length` are where the row was read from. Relative links are
    resolved against the page's <base> or address; what is then not http(s) (mailto:, javascript:, data:) is
    left out.

    Rows with a reason instead: `http_status:<code>` (not 200), `not_html:<kind>`, `damaged:json` for a record
    that is no JSON object of this kind, `damaged:<how>`, `too_large`, `unsupported:<container>`. Records
    about requests and crawls give no rows.

    Source: Common Crawl's WAT files, made by ia-web-commons.
    Not implemented: scripts, forms, HTTP headers, links of redirects.
    Null: what a page lacks; `links` and `metas` are empty lists then.
    Cost: 1,050 us/document (pages with 200 links).
    """

    max_links: Natural = 10_000
    """Links of a page beyond so many are left out."""

    example: ClassVar[Mapping[str, Any]] = {"paths": "crawl/*.warc.wat.gz"}
    adds: ClassVar[pa.Schema] = document_schema(
        TITLE, HTTP_STATUS, MIME, CANONICAL, LINKS, METAS, WARC_FILE, WARC_OFFSET, WARC_LENGTH
    )
    kinds: ClassVar[frozenset[str]] = frozenset({"metadata"})

    def content(self, fields: Mapping[str, str], record: Record) -> Row | None:
        """Links and metadata of a page, with its own id, address and date."""
        if not fields.get("content-type", "").lower().startswith("application/json"):
            return None
        try:
            value = json.loads(record.payload)
        except (ValueError, RecursionError):
            value = None
        envelope = _object(value, "Envelope")
        if not envelope:
            return {"reasons": ["damaged:json"]}
        response = _object(envelope, "Payload-Metadata", "HTTP-Response-Metadata")
        if not response:
            return None
        header = _object(envelope, "WARC-Header-Metadata")
        page = {"id": (_text(header, "WARC-Record-ID") or "").strip("<> ").removeprefix("urn:uuid:"),
                "url": (_text(header, "WARC-Target-URI") or "").strip("<> "),
                "date": date if DATE.match(date := _text(header, "WARC-Date") or "") else ""}  # fmt: skip
        container = _object(value, "Container")
        return self._page(response, header, page["url"]) | {
            **{k: v for k, v in page.items() if v},
            "warc_file": _text(container, "Filename"),
            "warc_offset": _number(container, "Offset"),
            "warc_length": _number(_object(container, "Gzip-Metadata"), "Deflate-Length"),
        }

    def _page(self, response: Mapping[str, Any], header: Mapping[str, Any], url: str) -> Row:
        html = _object(response, "HTML-Metadata")
        headers = {k.lower(): v for k, v in _object(response, "Headers").items()}
        declared = _text(headers, "content-type") or _text(header, "WARC-Identified-Payload-Type") or ""
        mime = media_type(declared, b"<html>" if html else b"")
        status = _number(_object(response, "Response-Message"), "Status")
        reasons = [f"http_status:{status}"] if status not in (200, None) else []
        if mime not in HTML_TYPES:
            reasons.append(f"not_html:{kind_of(mime)}")
        row: Row = {"http_status": status if status is None or status < 1000 else None, "mime": mime}
        if reasons:
            return row | {"reasons": reasons}
        head = _object(html, "Head")
        base = Base(Base(url).resolved(_text(head, "Base")) or url)
        canonical = (link for link in _each(head, "Link") if "canonical" in _rel(link).lower().split())
        return row | {
            "title": _text(head, "Title"),
            "canonical": next(filter(None, (base.resolved(_text(c, "url")) for c in canonical)), None),
            "links": list(_links(html, base, self.max_links)),
            "metas": list(_metas(head)),
        }


def _links(html: Mapping[str, Any], base: Base, limit: int) -> Iterator[Row]:
    for link in _each(html, "Links")[:limit]:
        if url := base.resolved(_text(link, "url")):
            text = _text(link, "text") or _text(link, "alt")
            yield {"url": url, "text": text, "rel": _text(link, "rel"), "path": _text(link, "path")}


def _metas(head: Mapping[str, Any]) -> Iterator[Row]:
    for meta in _each(head, "Metas")[:MAX_METAS]:
        if name := _text(meta, "name") or _text(meta, "property") or _text(meta, "http-equiv"):
            yield {"name": name, "content": _text(meta, "content")}


class Base:
    """An address against which others are resolved."""

    def __init__(self, address: str):
        self._address = address
        self._root = (self._joined("/") or "").rstrip("/")

    def resolved(self, url: str | None) -> str | None:
        """The absolute address; None if it is none of the web."""
        if not url or not url.isprintable() or url[0] == " " or url[-1] == " ":
            return self._joined(url.strip()) if url is not None else None
        if url.startswith(WEB) and url.count("/") > 2 and "//[" not in url:
            return url
        if self._root and url[0] == "/" and url[1:2] != "/" and "/." not in url:
            return self._root + url  # most links; urljoin takes ten times as long
        return self._joined(url)

    def _joined(self, url: str) -> str | None:
        try:
            joined = urljoin(self._address, url)
        except ValueError:
            return None
        return joined if joined[:8].lower().startswith(WEB) else None


def _rel(link: Mapping[str, Any]) -> str:
    return _text(link, "rel") or ""


def _object(value: Any, *keys: str) -> Mapping[str, Any]:
    """The JSON object under these keys; {} if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _each(value: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    items = value.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _text(value: Mapping[str, Any], key: str) -> str | None:
    """The string under a key, or the first of several; None if there is none."""
    text = value.get(key)
    if isinstance(text, list) and text:
        text = text[0]
    return valid_text(text) if isinstance(text, str) else None


def _number(value: Mapping[str, Any], key: str) -> int | None:
    """Numbers are written as strings; None for what 64 bits do not hold."""
    digits = str(value.get(key))
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else None
