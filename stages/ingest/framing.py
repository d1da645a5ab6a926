"""WARC framing: where records begin and end in bytes that may be damaged, one record lost for each damage."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stages.ingest.fields import field_values
from stages.ingest.window import PROBE, Bytes, Window, find

VERSION = re.compile(rb"[Ww][Aa][Rr][Cc]/\d\.\d{1,3}[ \t]*\r?\n[A-Za-z]")
"""A version line and the first letter of a field: what is taken for the beginning of a record."""
HEADER_STOP = re.compile(rb"[\nWw](?:(?<=\n)\r?\n|(?<=[Ww])[Aa][Rr][Cc]/\d\.\d{1,3}[ \t]*\r?\n[A-Za-z])")
"""The blank line that ends a header, or another version line: this header was cut off."""
CONTENT_LENGTH = re.compile(rb"\n(?i:content-length)\s*:\s*(\d{1,18})(?=[ \t\r\n])")
DIGEST = re.compile(rb"\n(?i:warc-block-digest)\s*:\s*(?i:(sha1|md5|sha256)):([A-Za-z0-9]+)")
KIND = re.compile(rb"\n(?i:warc-type)[ \t]*:[ \t]*([\w-]+)[ \t]*\r?\n(?![ \t])")
HEADER_BYTES = 2 << 10
MAX_HEADER_BYTES = 512 << 10


@dataclass(kw_only=True, slots=True)
class Record:
    """One WARC record."""

    offset: int
    """Where it begins in the file as stored: for gzip, where its member begins."""
    length: int
    """Bytes of the file it takes, with the line ends that close it."""
    inner: int
    """Where it begins in what the member decompresses to; 0 in a file that is not compressed."""
    header: bytes
    """Version line and fields, as they stand."""
    text: bytes
    """Bytes of which [start, stop) are the block: it is not copied before it is needed."""
    start: int = 0
    stop: int
    flaw: str = ""
    """What was wrong with it though nothing is lost: 'missing_crlf', 'content_length', or ''."""

    @property
    def payload(self) -> bytes:
        """The block: for a response, HTTP header and body."""
        return self.text[self.start : self.stop]

    def kind(self) -> str:
        """The field WARC-Type in lower case, without a look at the others."""
        if kind := KIND.search(self.header):
            return kind[1].decode().lower()
        return self.fields().get("warc-type", "").lower()

    def fields(self) -> dict[str, str]:
        """Header fields by name in lower case, continued lines joined; of several values the first."""
        try:
            text = self.header.decode()
        except UnicodeDecodeError:
            text = self.header.decode("latin-1")
        return field_values(text)


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """Bytes that could not be read as a record."""

    offset: int
    length: int
    inner: int = 0
    reason: str
    """garbage: no record begins here · bad_header · content_length: the block does not end where the header
    says · truncated · too_large · inflate, crc: the gzip member is broken · unsupported:<what it is>"""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How records are written: as WARC, or as ARC."""

    record: type[Record]
    begin: re.Pattern[bytes]
    """What is taken for the beginning of a record where one may begin …"""
    within: re.Pattern[bytes]
    """… and anywhere else."""
    span: int
    """Bytes that these match at most."""
    closes: tuple[bytes, ...]
    """Line ends after a block."""
    header: Callable[[Bytes, int, bytes], bytes | str]
    """The header at an offset, given the first bytes there, or the reason why there is none."""
    claims: Callable[[bytes], list[int]]
    """How long the block is, by a header."""


def frames(
    data: Bytes, limit: int, wanted: int = 0, start: int = 0, dialect: Dialect | None = None
) -> Iterator[Record | Damage]:
    """Records and damage in `data` from `start` on, in order and without gaps.

    Payloads are read for records that begin at `wanted` or later. Ends early where `data.error` says why: the
    bytes from the last item on are then the caller's to report.
    """
    dialect = dialect or WARC
    while head := data.read(start, HEADER_BYTES):
        if head[0] in b"\r\n":
            start += len(head) - len(head.lstrip(b"\r\n"))
            continue
        item, stop = _record(data, start, head, limit, dialect, read=start >= wanted)
        if isinstance(item, str):
            following = find(data, dialect.within, start + 1, span=dialect.span)
            if following is None and data.error:
                return
            stop = data.end() if following is None else following
            if item == "short":
                item = "truncated" if following is None else "content_length"
            offset, length, inner = data.location(start, stop)
            item = Damage(offset=offset, length=length, inner=inner, reason=item)
        yield item
        start = stop
        data.release(start)


def lone(text: bytes, start: int, stop: int, limit: int) -> Record | None:
    """The record that fills a member, if `text`, all that is in it, is one WARC record and nothing else.

    It is what `frames` would find, at a fraction of the cost; None where anything is unusual. The member lies
    at [start, stop) of the file.
    """
    block = text.find(b"\n\r\n", 0, MAX_HEADER_BYTES) + 3
    header = text[:block]
    claims = CONTENT_LENGTH.findall(header)
    if len(claims) != 1 or block + int(claims[0]) + 4 != len(text) or not text.endswith(b"\r\n\r\n"):
        return None
    if block < PROBE or len(text) - block - 4 > limit or not VERSION.match(header):
        return None
    if b"\n\n" in header or (header.lower().count(b"warc/") > 1 and VERSION.search(header, 5)):
        return None
    block_stop = len(text) - 4
    return Record(
        offset=start, length=stop - start, inner=0, header=header, text=text, start=block, stop=block_stop
    )


def lone_flawed(text: bytes, start: int, stop: int, limit: int) -> Record | None:
    """The record that fills a member, though its Content-Length is wrong; None where any doubt is left.

    For members whose checksum is right and after which another record begins, or nothing.
    """
    head = _header(Window.of(text), 0, text[:HEADER_BYTES])
    if isinstance(head, str) or VERSION.search(text, 5) or not text.endswith((b"\r\n\r\n", b"\n\n")):
        return None
    claims = _claims(head)
    if len(claims) != 1 or len(text) > limit:
        return None
    block_stop = len(head) + claims[0]
    if block_stop <= len(text) and not text[block_stop : block_stop + 4096].strip(b"\r\n"):
        return None  # The length is right; only the line ends are not as usual.
    n_end = 4 if text.endswith(b"\r\n\r\n") else 2
    if not _digest_agrees(head, block := text[len(head) : -n_end], without=True):
        return None
    return Record(
        offset=start, length=stop - start, header=head, inner=0, text=block, stop=len(block),
        flaw="content_length",
    )  # fmt: skip


def _record(
    data: Bytes, start: int, head: bytes, limit: int, dialect: Dialect, *, read: bool
) -> tuple[Record | Damage | str, int]:
    """The record at `start` and where the next begins, or the reason why there is none.

    'short' if the bytes end before it does.
    """
    header = dialect.header(data, start, head)
    if isinstance(header, str):
        return header, start
    block = start + len(header)
    claims = dialect.claims(header)
    reason = "content_length" if claims else "bad_header"
    for n in claims:
        if not data.reach(block + n):
            reason = "short"
            continue
        stop, flaw = _ending(data, block + n, dialect)
        if stop < 0:
            continue
        if n > limit:
            offset, length, inner = data.location(start, stop)
            return Damage(offset=offset, length=length, inner=inner, reason="too_large"), stop
        if flaw == "followed_by_garbage":
            if _wrong_length(data, header, block, n, dialect):
                continue
            flaw = ""
        text = data.read(block, n) if read else b""
        offset, length, inner = data.location(start, stop)
        record = dialect.record(
            offset=offset, length=length, inner=inner, header=header, text=text, stop=len(text), flaw=flaw
        )
        return record, stop
    return reason, start


def _claims(header: bytes) -> list[int]:
    return list(map(int, dict.fromkeys(CONTENT_LENGTH.findall(header))))


def _header(data: Bytes, start: int, head: bytes) -> bytes | str:
    """The header at `start` with its blank line, or the reason why it is none."""
    if len(head) < PROBE and data.reach(start + len(head) + 1):
        head = data.read(start, HEADER_BYTES)
    if not VERSION.match(head):
        return "garbage"
    while (stop := HEADER_STOP.search(head, 5)) is None:
        if len(head) >= MAX_HEADER_BYTES:
            return "bad_header"
        if not data.reach(start + len(head) + 1):
            return "short"
        head = data.read(start, 4 * len(head))
    return "bad_header" if b"/" in stop[0] else head[: stop.end()]


def _ending(data: Bytes, end: int, dialect: Dialect) -> tuple[int, str]:
    """Where the next record begins if a block ends at `end`, and what is odd about it; -1 if it cannot."""
    start, rest = end, data.read(end, dialect.span)
    closed = rest.startswith(dialect.closes)
    while rest and rest[0] in b"\r\n":
        start += len(rest) - len(rest.lstrip(b"\r\n"))
        rest = data.read(start, dialect.span)
    if rest and len(rest) < dialect.span // 2 and data.reach(start + len(rest) + 1):
        rest = data.read(start, dialect.span)
    if dialect.begin.match(rest) or not (rest or data.error):
        return start, "" if closed else "missing_crlf"
    # The line ends are there, and then something else: damage to the next record, or a length that is wrong.
    return (start, "followed_by_garbage") if closed and not data.error else (-1, "")


def _wrong_length(data: Bytes, header: bytes, block: int, n: int, dialect: Dialect) -> bool:
    """Whether a block of `n` bytes, which ends before something unknown, is not the one that was written."""
    if DIGEST.search(header) is None:
        return find(data, dialect.within, block, block + n, dialect.span) is not None
    return not _digest_agrees(header, data.read(block, n), without=True)


def _digest_agrees(header: bytes, block: bytes, *, without: bool) -> bool:
    """Whether this is the block whose digest the header gives; `without` where it gives none."""
    expected = DIGEST.search(header)
    if expected is None:
        return without
    digest = hashlib.new(expected[1].decode().lower(), block, usedforsecurity=False).digest()
    return expected[2].lower() in (digest.hex().encode(), base64.b32encode(digest).lower())


WARC = Dialect(
    record=Record,
    begin=VERSION,
    within=VERSION,
    span=PROBE,
    closes=(b"\r\n\r\n", b"\n\n"),
    header=_header,
    claims=_claims,
)
"""ISO 28500, and the drafts before it (0.17, 0.18)."""
