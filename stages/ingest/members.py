"""Gzip members: what they decompress to, at any offset, and where in damaged bytes the next one begins."""

from __future__ import annotations

import re
import zlib

from stages.ingest.window import Window, find

MAGIC = b"\x1f\x8b\x08"
MEMBER = re.compile(rb"\x1f\x8b\x08[\x00-\x1f]")
"""RFC 1952, section 2.3.1: deflate is the only method, the upper three flags are zero."""
SLICE = 16 << 10
"""Bytes handed to zlib at once; it copies what it has not used when a member ends."""
PIECE = 1 << 20
"""Bytes taken from zlib at once, whatever the compression ratio."""


def opening(window: Window, at: int) -> bytes:
    """The first few bytes of the gzip member at `at`, without line ends before them; b'' if there is none."""
    for n in (4 << 10, 80 << 10):  # a member's own header may hold 64 KiB of extra field
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            out = inflate.decompress(window.at(at, n), 32)
        except zlib.error:
            return b""
        if out or inflate.eof:
            return out.lstrip(b"\r\n")
    return b""


def begins_record(text: bytes) -> bool:
    """Whether decompressed bytes begin like a WARC record."""
    return text[:5].upper() == b"WARC/"


def next_member(window: Window, at: int, stop: int | None = None) -> int | None:
    """Where the first gzip member in [at, stop) begins that holds the beginning of a record."""
    while (found := find(window, MEMBER, at, stop)) is not None:
        if begins_record(opening(window, found)):
            return found
        at = found + 1
    return None


class Inflated:
    """What the gzip member at `start` decompresses to, with members after it that continue its last record.

    It holds `limit` bytes and a little more; asking for what was let go decompresses from `start` again.
    """

    def __init__(self, window: Window, start: int, limit: int):
        self._window, self.start, self._limit = window, start, limit
        self.released = 0
        self._joined: set[int] = set()
        self._careful: int | None = None
        self._reopen()

    def _reopen(self) -> None:
        self.error = ""
        self._held, self._base = bytearray(), 0
        self._open(self.start)

    def _open(self, member: int) -> None:
        self.member = self._next = self._slice = member
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._ended = False

    @property
    def stop(self) -> int:
        """Where in the file the bytes end that were needed so far."""
        return self._next - len(self._inflate.unconsumed_tail)

    def at(self, offset: int, n: int) -> bytes:
        """Up to `n` decompressed bytes from `offset`."""
        if offset < self._base:
            self._reopen()
        if not self._ended and offset + n > self._base + len(self._held):
            self._fill(offset + n, keep=offset)
        begin = offset - self._base
        return bytes(memoryview(self._held)[begin : begin + n])

    def reach(self, offset: int) -> bool:
        """Whether there are that many bytes. A member that goes on with the same record is joined."""
        while offset > self._base + len(self._held) and self._fill(offset, keep=offset) < offset:
            if self.error or self._window.at(self._next, 3) != MAGIC:
                return False
            if begins_record(opening(self._window, self._next)):
                return False
            self._joined.add(self._next)
            self._open(self._next)
        return True

    def end(self) -> int:
        """How many bytes there are; all are let go."""
        while not self._ended:
            self._step()
            self._drop(self._base + len(self._held))
        return self._base + len(self._held)

    def release(self, offset: int) -> None:
        """Nothing before `offset` will be asked for soon."""
        self.released = max(self.released, offset)
        self._drop(offset)

    def place(self, start: int, stop: int) -> tuple[int, int, int]:
        """All of a run of members counts as beginning where the run does."""
        return self.start, self.stop - self.start, start

    def _drop(self, offset: int) -> None:
        n = min(offset - self._base, len(self._held))
        if n > 0:
            del self._held[:n]
            self._base += n

    def _fill(self, target: int, keep: int) -> int:
        """Decompress to `target`, holding what lies from `keep` on; returns how far it came."""
        while self._base + len(self._held) < target and not self._ended:
            self._step()
            self._drop(self.released)
            if (excess := len(self._held) - self._limit - PIECE) > 0:
                self._drop(min(keep, self._base + excess))
        return self._base + len(self._held)

    def _step(self) -> None:
        data = self._inflate.unconsumed_tail
        if not data:
            careful = self._careful is not None and self._next >= self._careful
            data = self._window.at(self._next, 1 if careful else SLICE)
            self._slice = self._next
            self._next += len(data)
        if not data:
            self.error, self._ended = "truncated", True
            return
        try:
            self._held += self._inflate.decompress(data, PIECE)
        except zlib.error as error:
            self._fail(str(error))
            return
        if self._inflate.eof:
            self._next -= len(self._inflate.unused_data)
            self._ended = True
            if self._next in self._joined:
                self._open(self._next)

    def _fail(self, message: str) -> None:
        if self._careful is None:
            # zlib keeps what it had made of this slice to itself: again, byte by byte from here.
            self._careful = self._slice
            self._reopen()
            return
        self.error = "crc" if "incorrect" in message and "header" not in message else "inflate"
        self._ended = True
