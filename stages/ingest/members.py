"""Compressed members: what they decompress to, at any offset, and where in damaged bytes the next begins."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from stages.ingest import bzip2, inflate, zstd
from stages.ingest.window import PROBE, Window, find

CHUNK_BYTES = inflate.CHUNK_BYTES
"""This much more than was asked for may be held."""


class Member(Protocol):
    """A gzip member, zstd frame or bzip2 stream that is being decompressed."""

    ended: bool
    error: str
    """Why it ended: '' at its proper end."""

    @property
    def stop(self) -> int:
        """Where in the file the bytes end that were needed so far."""
        ...

    def step(self) -> bytes:
        """The next bytes, few enough to be held; b'' does not mean the end."""
        ...


@dataclass(frozen=True, kw_only=True)
class Codec:
    """A format of members, and how they begin in a file of records."""

    begin: re.Pattern[bytes]
    """What a member begins with; it matches at most PROBE bytes."""
    stored: int
    """So many bytes of what was compressed may lie in the file as they were, without a break."""
    open: Callable[[Window, int], Member]
    peek: Callable[[Window, int, int], bytes]
    """Up to so many of the first bytes that the member at an offset decompresses to; b'' if it is none."""
    decompress: Callable[[Window, int, int], tuple[bytes, int] | None] = lambda window, start, most: None
    """(all that the member at an offset decompresses to, where it ends), at most so many bytes; None if it is
    larger or anything is wrong with it."""
    skip: Callable[[Window, int], int] = lambda window, start: start
    """Where bytes end that begin at an offset and carry no records."""
    opens: re.Pattern[bytes] = re.compile(rb"(?i:warc/)")
    """What a record begins with …"""
    glance: int = 32
    """… within so many bytes."""


GZIP = Codec(
    begin=inflate.MEMBER,
    stored=inflate.STORED_BYTES,
    open=inflate.GzipMember,
    peek=inflate.peek,
    decompress=inflate.decompress_member,
)
BZIP2 = Codec(begin=bzip2.STREAM, stored=0, open=bzip2.Bzip2Stream, peek=bzip2.peek)


def zstd_codec(window: Window) -> Codec:
    """For a file whose frames may need the dictionary at its beginning."""
    decompressor = zstd.decompressor(window)
    return Codec(
        begin=zstd.FRAME,
        stored=zstd.STORED_BYTES,
        open=lambda window, start: zstd.ZstdFrame(window, start, decompressor),
        peek=lambda window, start, n: zstd.peek(window, start, n, decompressor),
        skip=zstd.skippable,
    )


def opening(window: Window, start: int, codec: Codec = GZIP) -> bytes:
    """The first few bytes of the member at `start`, without line ends before them; b'' if there is none."""
    return codec.peek(window, start, codec.glance).lstrip(b"\r\n")


def next_member(window: Window, start: int, stop: int | None = None, codec: Codec = GZIP) -> int | None:
    """Where the first member in [start, stop) begins that holds the beginning of a record."""
    while (member := find(window, codec.begin, start, stop)) is not None:
        if codec.opens.match(opening(window, member, codec)):
            return member
        start = member + 1
    return None


class Inflated:
    """What the member at `start` decompresses to, with members after it that continue its last record.

    It holds `limit` bytes and a little more; asking for what was let go decompresses from `start` again.
    """

    def __init__(self, window: Window, start: int, limit: int, codec: Codec = GZIP):
        self._window, self.start, self._limit, self._codec = window, start, limit, codec
        self.released = 0
        self._joined: set[int] = set()
        self._reopen()

    def _reopen(self) -> None:
        self.error = ""
        self._held, self._base = bytearray(), 0
        self._open(self.start)

    def _open(self, start: int) -> None:
        self.member, self._ended = start, False
        self._source: Member = self._codec.open(self._window, start)

    @property
    def stop(self) -> int:
        """Where in the file the bytes end that were needed so far."""
        return self._source.stop

    def read(self, offset: int, n: int) -> bytes:
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
            if self.error or self._codec.begin.match(self._window.read(self.stop, PROBE)) is None:
                return False
            if self._codec.opens.match(opening(self._window, self.stop, self._codec)):
                return False
            self._joined.add(self.stop)
            self._open(self.stop)
        return True

    def end(self) -> int:
        """How many bytes there are; all are let go."""
        while not self._ended:
            self._step()
            self._drop(self._base + len(self._held))
        return self._base + len(self._held)

    def release(self, offset: int) -> None:
        """Let go of what lies before `offset`."""
        self.released = max(self.released, offset)
        self._drop(offset)

    def location(self, start: int, stop: int) -> tuple[int, int, int]:
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
            if (excess := len(self._held) - self._limit - CHUNK_BYTES) > 0:
                self._drop(min(keep, self._base + excess))
        return self._base + len(self._held)

    def _step(self) -> None:
        self._held += self._source.step()
        if self._source.ended:
            self.error, self._ended = self._source.error, True
            if not self.error and self.stop in self._joined:
                self._open(self.stop)
