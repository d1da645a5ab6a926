"""Gzip members (RFC 1952): in chunks by zlib, or in one call of ISA-L where nothing is wrong with them."""

from __future__ import annotations

import re
import zlib
from typing import cast

from isal import isal_zlib

from stages.ingest.window import PROBE, Window

MAGIC = b"\x1f\x8b\x08"
MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
"""RFC 1952, section 2.3.1: deflate is the only method, the upper three flags are zero."""
STORED_BYTES = 65535
"""A deflate stream holds at most this many bytes of its input as they were (RFC 1951, section 3.2.4)."""
SLICE = 16 << 10
"""Bytes handed over at once; what a member does not use of them is copied."""
CHUNK_BYTES = 1 << 20
"""Bytes decompressed by one call, whatever the compression ratio."""
SMALL_MEMBER_BYTES = 8 << 20
"""A member that decompresses to more is read in chunks."""
SHORTEST = 18
"""Bytes of a member's header and trailer."""
BGZF = b"BC\2\0"
"""Subfield of a member's extra field that holds its length less one (SAM specification, section 4.1)."""
BGZF_BYTES = 1 << 16
"""A BGZF block decompresses to at most this many."""
EXTRA = 4
"""Flag of a member that has an extra field."""
CHECKED = 0xE2
"""Flags that zlib checks and ISA-L does not: the reserved ones, and the one for a checksum of the header."""

ISAL_ERROR = cast(type[Exception], isal_zlib.error)


class GzipMember:
    """The member at `start`, by zlib: what comes before damage is given to the last byte."""

    def __init__(self, window: Window, start: int):
        self._window, self._start = window, start
        self._careful: int | None = None
        self._open()

    def _open(self) -> None:
        self.ended, self.error = False, ""
        self._next = self._slice = self._start
        self._given = 0
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def stop(self) -> int:
        """Where in the file the bytes end that were needed so far."""
        # At its end zlib may name what is left twice, as unused and as not consumed.
        return self._next if self.ended else self._next - len(self._inflate.unconsumed_tail)

    def step(self) -> bytes:
        """The next bytes, at most CHUNK_BYTES; sets `ended`, and `error` where that is not its proper end."""
        data = self._inflate.unconsumed_tail
        if not data:
            careful = self._careful is not None and self._next >= self._careful
            data = self._window.read(self._next, 1 if careful else SLICE)
            self._slice = self._next
            self._next += len(data)
        if not data:
            self.error, self.ended = "truncated", True
            return b""
        try:
            out = self._inflate.decompress(data, CHUNK_BYTES)
        except zlib.error as error:
            return self._fail(str(error))
        if self._inflate.eof:
            self._next -= len(self._inflate.unused_data)
            self.ended = True
        self._given += len(out)
        return out

    def _fail(self, message: str) -> bytes:
        if self._careful is not None:
            self.error = "crc" if "incorrect" in message and "header" not in message else "inflate"
            self.ended = True
            return b""
        # zlib keeps to itself what it had made of this slice: start over, and go byte by byte from here.
        self._careful, repeated = self._slice, self._given
        self._open()
        while True:
            out = self.step()
            repeated -= len(out)
            if repeated < 0 or self.ended:
                return out[repeated:] if repeated < 0 else b""


def peek(window: Window, start: int, n: int) -> bytes:
    """Up to `n` of the first bytes of the member at `start`; b'' if there is none."""
    for size in (4 << 10, 80 << 10):  # a member's own header may hold 64 KiB of extra field
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            out = inflate.decompress(window.read(start, size), n)
        except zlib.error:
            return b""
        if out or inflate.eof:
            return out
    return b""


def bgzf_extent(window: Window, start: int) -> tuple[int, int] | None:
    """(where the member at `start` ends, bytes it decompresses to) if it is a BGZF block, and not cut off."""
    head = window.read(start, PROBE)
    if len(head) < SHORTEST or not MEMBER.match(head) or not head[3] & EXTRA:
        return None
    field, fields_stop = 12, 12 + int.from_bytes(head[10:12], "little")
    while field < fields_stop and head[field : field + 4] != BGZF:
        field += 4 + int.from_bytes(head[field + 2 : field + 4], "little")
    if field + 6 > min(fields_stop, len(head)):
        return None
    stop = start + int.from_bytes(head[field + 4 : field + 6], "little") + 1
    size = int.from_bytes(window.read(stop - 4, 4), "little")
    return (stop, size) if stop - start > fields_stop and stop <= window.size and size <= BGZF_BYTES else None


def decompress_member(window: Window, start: int, most: int) -> tuple[bytes, int] | None:
    """What the member at `start` decompresses to, and where in the file it ends.

    None if it is damaged, odd or of more than `most` bytes: ISA-L's inflate is twice as fast as zlib's, but
    what it makes of damage is its own, so only what bears its checksum out is taken from it.
    """
    data = window.read(start, SLICE)
    if data[:3] != MAGIC or len(data) < SHORTEST or data[3] & CHECKED:
        return None
    if (following := data.find(MAGIC, SHORTEST, SLICE // 4)) >= 0:
        data = data[:following]  # most likely where it ends: what is handed over beyond its end costs time
    inflate = isal_zlib.decompressobj(zlib.MAX_WBITS | 16)
    chunks = []
    try:
        while data and most > 0:
            chunks.append(inflate.decompress(data, most))
            start += len(data)
            if inflate.eof:
                return b"".join(chunks), start - len(inflate.unused_data)
            most -= len(chunks[-1])
            data = window.read(start, 4 * SLICE)
    except ISAL_ERROR:
        return None
    return None
