"""Media types from first bytes: what a body is, whatever the server says of it.

Source: MIME Sniffing Standard, and the signatures of formats that crawls meet under `text/html`.
"""

from __future__ import annotations

import re

HTML_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
XML_TYPES = frozenset({"application/xml", "text/xml"})
UNKNOWN_TYPES = frozenset(
    {"", "unknown/unknown", "application/unknown", "application/octet-stream", "application/x-unknown"}
)
MIME = re.compile(r"\s*([\w.+-]+/[\w.+-]+)", re.ASCII)
MAGICS = {
    b"%PDF-": "application/pdf",
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"\0\0\1\0": "image/x-icon",
    b"PK\x03\x04": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"\xd0\xcf\x11\xe0": "application/msword",
    b"\x28\xb5\x2f\xfd": "application/zstd",
    b"\xfd7zXZ\0": "application/x-xz",
    b"7z\xbc\xaf\x27\x1c": "application/x-7z-compressed",
    b"Rar!\x1a\x07": "application/vnd.rar",
    b"\x7fELF": "application/octet-stream",
    b"\0asm": "application/wasm",
    b"SQLite format 3\0": "application/vnd.sqlite3",
    b"wOFF": "font/woff",
    b"wOF2": "font/woff2",
    b"OTTO\0": "font/otf",
    b"OggS\0": "audio/ogg",
    b"fLaC\0": "audio/flac",
    b"ID3": "audio/mpeg",
    b"\x1aE\xdf\xa3": "video/webm",
    b"FLV\1": "video/x-flv",
    b"FWS": "application/x-shockwave-flash",
    b"CWS": "application/x-shockwave-flash",
}
MAGIC = re.compile(b"|".join(map(re.escape, MAGICS)))
BOXES = re.compile(rb"(?s:....)ftyp|RIFF(?s:....)(?:WEBP|WAVE|AVI )|BZh[1-9]1AY&SY|%!PS-Adobe-")
"""Signatures with something in their middle."""
PLAIN_MAGICS = frozenset({b"ID3", b"FWS", b"CWS"})
"""Signatures that a text may begin with: control characters must be near."""
HTML_TAG = re.compile(
    rb"<!--|"
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link)[\s>]",
    re.IGNORECASE,
)
"""MIME Sniffing Standard, section 7.1, with two more that open fragments."""
XHTML_ROOT = re.compile(
    rb"(?:\s+|<\?.{0,1000}?\?>|<!--.{0,4000}?-->|<!doctype[^>]{0,1000}>)*<html\s[^>]*http://www\.w3\.org/1999/xhtml",
    re.IGNORECASE | re.DOTALL,
)
TEXT = bytes({*range(256)} - {*range(9), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)})
"""All but the binary data bytes of section 3 of the standard."""
SAMPLE_BYTES = 4096
MOST_BINARY = 20
"""A body of which more than one byte in so many is a control character is no text; noise has one in nine."""
UNREADABLE = re.compile("[\ufffd\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")
"""What stands where bytes are no text: of C1 the next line (85) alone is used."""


def media_type(content_type: str, body: bytes, identified: str = "") -> str:
    """Media type in lower case: as the header says, unless it says nothing or the bytes deny it.

    `identified` is what the crawler found in the body: it counts where it is a binary format and the body
    does not begin as HTML, or where nothing is said.
    """
    named = MIME.match(content_type)
    declared = named[1].lower() if named else ""
    if declared in XML_TYPES:
        return "application/xhtml+xml" if XHTML_ROOT.match(_without_mark(body)) else declared
    if declared not in HTML_TYPES and declared not in UNKNOWN_TYPES:
        return declared
    if binary := _binary(body):
        return binary
    found = MIME.match(identified)
    crawled = found[1].lower() if found else ""
    if _is_format(crawled) and sniffed(body) != "text/html":
        return crawled
    if declared in HTML_TYPES:
        return declared
    shown = sniffed(body)
    return crawled if crawled in HTML_TYPES and shown == "text/plain" else shown


def is_unreadable(text: str) -> bool:
    """Whether what was decoded is no text: more than one character in ten means nothing."""
    sample = text[: 16 * SAMPLE_BYTES]
    n = 0 if sample.isprintable() else len(UNREADABLE.findall(sample))
    return n >= 16 and n * 10 > len(sample)


def sniffed(body: bytes) -> str:
    """Media type by the first bytes alone."""
    head = body[:1024].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\f")
    if HTML_TAG.match(head):
        return "text/html"
    if head.startswith(b"<?xml"):
        return "application/xhtml+xml" if b"<html" in head.lower() else "text/xml"
    binary = any(b < 9 or 13 < b < 27 for b in head[:512])
    return "application/octet-stream" if binary or not head else "text/plain"


def _binary(body: bytes) -> str:
    """The binary format of a body, or ''."""
    head = body[:SAMPLE_BYTES]
    n_controls = len(head.translate(None, TEXT))
    start = head.lstrip(b" \t\r\n\f")
    if start[:1] == b"<":
        return ""
    for first in (head, start):
        magic = MAGIC.match(first)
        if magic and (n_controls or magic[0] not in PLAIN_MAGICS):
            return MAGICS[magic[0]]
    if BOXES.match(head):
        return "application/octet-stream"
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"<\0" in head or b"\0<" in head
    if (
        n_controls * MOST_BINARY > len(head)
        and n_controls > 3
        and not (wide and sniffed(body) == "text/html")
    ):
        return "application/octet-stream"
    return ""


def _is_format(mime: str) -> bool:
    """Whether this names a format that is neither text nor what text is taken for."""
    family, _, subtype = mime.partition("/")
    texts = ("xml", "html", "json", "script", "octet-stream", "rfc822", "plain")
    is_known = family in ("image", "audio", "video", "font", "application")
    return is_known and not any(text in subtype for text in texts)


def _without_mark(body: bytes) -> bytes:
    return body[:16384].removeprefix(b"\xef\xbb\xbf")
