"""HTTP responses as crawlers store them: header, transfer and content coding, media type. Nothing raises."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import zstandard
from fastwarc.stream_io import BrotliReader

from stages.ingest.fields import field_values, unfolded
from stages.ingest.inflate import SMALL_MEMBER_BYTES, decompress_member
from stages.ingest.sniff import HTML_TAG, sniffed
from stages.ingest.window import Window

STATUS = re.compile(rb"(?:HTTP/\d(?:\.[\dx])?|ICY)[ \t]+(\d{3})(?!\d)")
CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
CHUNK_CUT = re.compile(rb"\r?[ \t]*[0-9A-Fa-f]{0,12}[ \t]*(?:;[^\r\n]{0,4096})?\r?")
NO_CODING = frozenset({"", "identity", "none", "chunked", "utf-8", "8bit", "binary"})
"""Values of Content-Encoding, as servers write them, that name no coding."""
STEP_BYTES = 16 << 10
"""Of a compressed body that are looked at at a time."""
RESERVING = frozenset({"x-robots-tag", "tdm-reservation"})
"""Headers that reserve rights: robots directives, and the TDM Reservation Protocol (W3C community group)."""
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
    # Line ends written twice, by software that took CR LF for a line end of text: CR CR LF.
    if (twice := text.find(b"\n\r\r\n", start, stop if end < 0 else end + 1)) >= 0:
        end, n = twice, 4
    return (stop, stop) if end < 0 else (end, end + n)


def decoded_body(response: Response, limit: int) -> tuple[bytes, str]:
    """(body without transfer and content coding, reason why it cannot be had or '').

    A header that names a coding the body does not have is ignored: crawlers often store the body decoded; one
    that names another than gzip or zstd, which the first bytes show, is corrected. A body that ends too early
    or is damaged, in its checksum too, gives what comes before. At most `limit` bytes: 'too_large'.
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
        decoder = _decoder(coding, body)
        if decoder is None:
            return b"", f"unsupported_encoding:{coding[:20]}"
        out = _collect(decoder(body), limit)
        if not out and sniffed(body) == "application/octet-stream":
            return b"", f"damaged_encoding:{coding}"
        body = out or body
    return (body, "") if len(body) <= limit else (b"", "too_large")


def _decoder(coding: str, body: bytes) -> Callable[[bytes], Iterator[bytes]] | None:
    """What decodes this body: the coding that its first bytes show, whatever is named, else the named one."""
    shown = next((other for magic, other in CODING_MAGICS.items() if body.startswith(magic)), "")
    return DECODERS.get(shown or coding)


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
    """What the members of `body` hold, one after the other; of a damaged one all before the damage."""
    view, position = memoryview(body), 0
    while position < len(body) and (position == 0 or body.startswith(b"\x1f\x8b\x08", position)):
        inflate, member, n_out = zlib.decompressobj(wbits), position, 0
        while position < len(body) and not inflate.eof:
            data: bytes | memoryview = view[position : position + STEP_BYTES]
            position += len(data)
            while data and not inflate.eof:
                try:
                    out = inflate.decompress(data, 1 << 20)
                except zlib.error:
                    yield from _before_damage(view[member:position], wbits, n_out)
                    raise
                n_out += len(out)
                yield out
                data = inflate.unconsumed_tail
        position -= len(inflate.unused_data)


def _before_damage(member: memoryview, wbits: int, n_out: int) -> Iterator[bytes]:
    """What a member holds behind its first `n_out` bytes, until the byte with which it fails.

    zlib keeps back what it had from the bytes that it was given together with that one: it is among the last
    STEP_BYTES, which are given one by one.
    """
    inflate, last = zlib.decompressobj(wbits), (len(member) - 1) // STEP_BYTES * STEP_BYTES
    steps = [*range(0, last, STEP_BYTES), *range(last, len(member))]
    for start, stop in pairwise([*steps, len(member)]):
        out = inflate.decompress(member[start:stop])
        yield out[n_out:]
        n_out = max(n_out - len(out), 0)


def _gzip(body: bytes) -> Iterator[bytes]:
    member = decompress_member(Window.of(body), 0, SMALL_MEMBER_BYTES)
    return iter(member[:1]) if member and member[1] == len(body) else _inflate(body, zlib.MAX_WBITS | 16)


def _deflate(body: bytes) -> Iterator[bytes]:
    # RFC 9110 means zlib's format; some servers send the bare stream. The first two bytes tell (RFC 1950).
    bare = body[0] & 15 != 8 or int.from_bytes(body[:2], "big") % 31
    return _inflate(body, -zlib.MAX_WBITS if bare else zlib.MAX_WBITS)


def _brotli(body: bytes) -> Iterator[bytes]:
    reader, n = BrotliReader(io.BytesIO(body)), 0
    try:
        while chunk := reader.read(64 << 10):
            n += len(chunk)
            yield chunk
    except OSError:
        # It gives nothing of a piece that it cannot fill: byte by byte it gives all that comes before.
        reader = BrotliReader(io.BytesIO(body))
        reader.read(n)
        while chunk := reader.read(1):
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


CODING_MAGICS = {b"\x1f\x8b\x08": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def kind_of(mime: str) -> str:
    """A media type as one of a few words for counting: image, pdf, json, xml, plain … or 'other'."""
    family, _, subtype = mime.partition("/")
    return family if family in FAMILIES else next((k for k in KINDS if k in subtype), "other")
