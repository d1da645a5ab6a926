"""HTTP responses as crawlers store them: header, transfer and content coding, media type. Nothing raises."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import zstandard
from fastwarc.stream_io import BrotliReader

from stages.ingest.fields import field_values, unfolded
from stages.ingest.inflate import SMALL_MEMBER_BYTES, decompress_member
from stages.ingest.window import Window

STATUS = re.compile(rb"(?:HTTP/\d(?:\.[\dx])?|ICY)[ \t]+(\d{3})(?!\d)")
CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
CHUNK_CUT = re.compile(rb"\r?[ \t]*[0-9A-Fa-f]{0,12}[ \t]*(?:;[^\r\n]{0,4096})?\r?")
MIME = re.compile(r"\s*([\w.+-]+/[\w.+-]+)", re.ASCII)
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
UNKNOWN_TYPES = frozenset(
    {"", "unknown/unknown", "application/unknown", "application/octet-stream", "application/x-unknown"}
)
NO_CODING = frozenset({"", "identity", "none", "chunked", "utf-8", "8bit", "binary"})
"""Values of Content-Encoding, as servers write them, that name no coding."""
RESERVING = frozenset({"x-robots-tag", "tdm-reservation"})
"""Headers that reserve rights: robots directives, and the TDM Reservation Protocol (W3C community group)."""
MAGICS = {
    b"%PDF-": "application/pdf",
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
    b"PK\x03\x04": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"\xd0\xcf\x11\xe0": "application/msword",
}
MAGIC = re.compile(b"|".join(map(re.escape, MAGICS)))
HTML_TAG = re.compile(
    rb"<!--|"
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link)[\s>]",
    re.IGNORECASE,
)
"""MIME Sniffing Standard, section 7.1, with two more that open fragments."""
FAMILIES = ("image", "audio", "video", "font")
KINDS = ("pdf", "json", "javascript", "css", "xml", "gzip", "zip", "octet-stream", "plain", "dns")


@dataclass(frozen=True, slots=True)
class Response:
    """A response. `status` is None where there is no status line; header names are in lower case."""

    status: int | None
    headers: dict[str, str]
    body: bytes
    robots: str = ""
    """What the server allows: all values of X-Robots-Tag, and `tdm-reservation: …`, joined by commas."""

    @property
    def content_type(self) -> str:
        """The header as sent, or ''."""
        return self.headers.get("content-type", "")


def parse_response(text: bytes, start: int = 0, stop: int | None = None) -> Response:
    """Status line, header and body as transferred, in [start, stop) of `text`; 1xx responses are skipped."""
    stop = len(text) if stop is None else stop
    while line := STATUS.match(text, start, stop):
        header_stop, body = _blank_line(text, start, stop)
        status = int(line[1])
        if status // 100 == 1 and STATUS.match(text, body, stop):
            start = body
            continue
        header = text[start:header_stop].decode("latin-1")
        headers = field_values(header)
        robots = "" if RESERVING.isdisjoint(headers) else _robots(header)
        return Response(status, headers, text[body:stop], robots)
    return Response(None, {}, text[start:stop])


def _robots(text: str) -> str:
    values = []
    for line in unfolded(text).split("\n")[1:]:
        name, _, value = (part.strip() for part in line.partition(":"))
        if name.lower() in RESERVING and value:
            values.append(value if name.lower() == "x-robots-tag" else f"{name.lower()}: {value}")
    return ", ".join(values)


def _blank_line(text: bytes, start: int, stop: int) -> tuple[int, int]:
    """Where the header ends and where the body begins."""
    end, n = text.find(b"\n\r\n", start, stop), 3
    if (bare := text.find(b"\n\n", start, stop if end < 0 else end + 1)) >= 0:
        end, n = bare, 2
    return (stop, stop) if end < 0 else (end, end + n)


def decoded_body(response: Response, limit: int) -> tuple[bytes, str]:
    """(body without transfer and content coding, reason why it cannot be had or '').

    A header that names a coding the body does not have is ignored: crawlers often store the body decoded. A
    body that ends too early or is damaged gives what comes before. At most `limit` bytes: 'too_large'.
    """
    body = response.body
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = dechunked(body)
    if "content-encoding" not in response.headers:
        return (body, "") if len(body) <= limit else (b"", "too_large")
    codings = re.split(r"[\s,]+", response.headers.get("content-encoding", "").lower().strip())
    for coding in reversed(codings):
        if coding in NO_CODING or not body or HTML_TAG.match(body[:512].lstrip()):
            continue
        if coding not in DECODERS:
            return b"", f"unsupported_encoding:{coding[:20]}"
        out = _collect(DECODERS[coding](body), limit)
        if not out and _sniffed(body) == "application/octet-stream":
            return b"", f"damaged_encoding:{coding}"
        body = out or body
    return (body, "") if len(body) <= limit else (b"", "too_large")


def dechunked(body: bytes) -> bytes:
    """Body without chunk framing (RFC 9112, section 7.1); as it is from where that breaks off."""
    chunks: list[bytes] = []
    position = 0
    while size := CHUNK.match(body, position):
        n = int(size[1], 16)
        start, stop = size.end(), size.end() + n
        if n == 0:
            return b"".join(chunks)
        after = body[stop : stop + 2]
        if not b"\r\n".startswith(after) and after[:1] != b"\n":
            break
        chunks.append(body[start:stop])
        position = stop + (2 if after == b"\r\n" else 1)
    rest = b"" if chunks and CHUNK_CUT.fullmatch(body, position) else body[position:]
    return b"".join([*chunks, rest])


def _collect(chunks: Iterator[bytes], limit: int) -> bytes:
    """The chunks joined, up to the first beyond `limit` bytes or the first that cannot be decoded."""
    out = bytearray()
    try:
        for chunk in chunks:
            out += chunk
            if len(out) > limit:
                break
    except (zlib.error, zstandard.ZstdError, OSError):
        return bytes(out)
    return bytes(out)


def _inflate(body: bytes, wbits: int) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits)
    for start in range(0, len(body), 16 << 10):
        data = body[start : start + (16 << 10)]
        while data and not inflate.eof:
            yield inflate.decompress(data, 1 << 20)
            data = inflate.unconsumed_tail


def _gzip(body: bytes) -> Iterator[bytes]:
    member = decompress_member(Window.of(body), 0, SMALL_MEMBER_BYTES)
    return iter(member[:1]) if member else _inflate(body, zlib.MAX_WBITS | 16)


def _deflate(body: bytes) -> Iterator[bytes]:
    # RFC 9110 means zlib's format; some servers send the bare stream. The first two bytes tell (RFC 1950).
    bare = body[0] & 15 != 8 or int.from_bytes(body[:2], "big") % 31
    return _inflate(body, -zlib.MAX_WBITS if bare else zlib.MAX_WBITS)


def _brotli(body: bytes) -> Iterator[bytes]:
    reader = BrotliReader(io.BytesIO(body))
    while chunk := reader.read(64 << 10):
        yield chunk


def _zstd(body: bytes) -> Iterator[bytes]:
    with zstandard.ZstdDecompressor().stream_reader(body) as reader:
        while chunk := reader.read(64 << 10):
            yield chunk


DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


def media_type(content_type: str, body: bytes) -> str:
    """Media type in lower case: as the header says, unless it says nothing or the first bytes deny it."""
    named = MIME.match(content_type)
    declared = named[1].lower() if named else ""
    if (declared in HTML_TYPES or declared in UNKNOWN_TYPES) and (magic := MAGIC.match(body)):
        return MAGICS[magic[0]]
    return _sniffed(body) if declared in UNKNOWN_TYPES else declared


def _sniffed(body: bytes) -> str:
    head = body[:1024].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\f")
    if HTML_TAG.match(head):
        return "text/html"
    if head.startswith(b"<?xml"):
        return "application/xhtml+xml" if b"<html" in head.lower() else "text/xml"
    binary = any(b < 9 or 13 < b < 27 for b in head[:512])
    return "application/octet-stream" if binary or not head else "text/plain"


def kind_of(mime: str) -> str:
    """A media type as one of a few words for counting: image, pdf, json, xml, plain … or 'other'."""
    family, _, subtype = mime.partition("/")
    return family if family in FAMILIES else next((k for k in KINDS if k in subtype), "other")
