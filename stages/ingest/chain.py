"""Compressed files of lines: where their members begin, in the file and in what it decompresses to.

A file is read from the middle where it says both without being decompressed up to there:

    BGZF (bgzip)               a member has its length in a header field, and its size in its trailer
    zstd with a seek table     the table at the end has both for each frame
    zstd, frames with sizes    a frame's header may have its size; its blocks' headers add up to its length

Of other members (gzip files that were joined, what zstd makes of a pipe, pzstd) not both are known before
they are decompressed: from the first of these on, all belongs to the split in which it begins.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import zstandard

from stages.ingest import inflate, zstd
from stages.ingest.members import Member
from stages.ingest.window import PROBE, Window

ZSTD_WINDOW = 1 << 31
"""The largest window `zstd --long=31` makes."""
MARK_BYTES = 1 << 20
"""How far apart the places are that are kept."""
LOOK_BYTES = 64 << 20
"""A file whose first member is longer passes for one of a single member."""
PADDING_BYTES = 4 << 10
"""So many bytes after the last member are looked at: zeros are padding."""

Extent = tuple[int, int]
"""(where in the file a member ends, bytes it decompresses to)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member begins."""

    stored: int
    """Offset in the file."""
    plain: int
    """Offset in what the file decompresses to."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes that cannot be had."""

    reason: str
    resume: int | None
    """Offset, in what the file decompresses to, of the bytes that follow; None: none do."""


@functools.lru_cache(maxsize=64)
def _places(path: str, size: int, stamp: str) -> list[Place]:
    """Members whose place is known, for the splits of a file that this process reads."""
    return [Place(0, 0)]


class Chain:
    """The members of a file, in their order."""

    def __init__(self, window: Window, path: str = "", stamp: str = ""):
        self._window = window
        self._known = _places(path, window.size, stamp) if stamp else [Place(0, 0)]

    def extent(self, start: int, within: int = LOOK_BYTES) -> Extent | None:
        """That of the member at `start`, without decompressing it; None where the file does not say."""
        raise NotImplementedError

    def _open(self, start: int) -> Member:
        raise NotImplementedError

    def _is_promised(self) -> bool:
        """Whether `extent` is to be compared with what a member is found to be."""
        raise NotImplementedError

    def _after_last(self, start: int) -> str | None:
        """Why no member is read at `start`, '' if nothing follows; None if one is."""
        raise NotImplementedError

    def is_one(self) -> bool:
        """Whether the file has one member, or does not say early where a second one begins."""
        start, n_members = 0, 0
        while n_members < 2:
            if start >= min(LOOK_BYTES, self._window.size) or (extent := self.extent(start)) is None:
                return True
            start, n_members = extent[0], n_members + (extent[1] > 0)
        return False

    def first(self, offset: int) -> Place | None:
        """The first member that begins at `offset` or later; None if the file does not say where."""
        known = self._known
        place = known[bisect.bisect_right(known, offset, key=lambda p: p.stored) - 1]
        while place.stored < offset:
            extent = self.extent(place.stored, self._window.size)
            if extent is None:
                return None
            place = Place(extent[0], place.plain + extent[1])
            if place.stored >= known[-1].stored + MARK_BYTES:
                known.append(place)
        return place

    def text(self, place: Place) -> Iterator[bytes | Gap]:
        """What the members from one of them on decompress to, in chunks; a damaged one is a gap.

        Reading goes on after it if the file says where.
        """
        while (ending := self._after_last(place.stored)) is None:
            member, n = self._open(place.stored), 0
            while not member.ended:
                if chunk := member.step():
                    n += len(chunk)
                    yield chunk
            extent: Extent | None = (member.stop, n)
            reason = member.error
            if reason or self._is_promised():
                said = self.extent(place.stored, self._window.size)
                reason = reason or ("length" if said not in (None, extent) else "")
                extent = said if reason else extent
            if reason:
                yield Gap(self._named(reason), None if extent is None else place.plain + extent[1])
            if extent is None:
                return
            place = Place(extent[0], place.plain + extent[1])
        if ending:
            yield Gap(ending, None)

    def _named(self, reason: str) -> str:
        return reason


class GzipChain(Chain):
    """Members of a gzip file."""

    def extent(self, start: int, within: int = LOOK_BYTES) -> Extent | None:
        """Known of BGZF blocks."""
        return inflate.bgzf_extent(self._window, start)

    def _is_promised(self) -> bool:
        return True

    def _open(self, start: int) -> Member:
        return inflate.GzipMember(self._window, start)

    def _after_last(self, start: int) -> str | None:
        # What the file begins with passes for a member, so that it is said what is wrong with it.
        if start == 0 or inflate.MEMBER.match(self._window.read(start, PROBE)):
            return None
        return "garbage" if self._window.read(start, PADDING_BYTES).strip(b"\0") else ""


class ZstdChain(Chain):
    """Frames of a zstd file; skippable ones decompress to nothing."""

    _decompressor: ClassVar = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)

    @functools.cached_property
    def _table(self) -> dict[int, Extent]:
        return zstd.seek_table(self._window)

    def extent(self, start: int, within: int = LOOK_BYTES) -> Extent | None:
        """As the seek table says, or else the headers of the frame and its blocks."""
        if (said := self._table.get(start)) is not None:
            return said
        if (stop := zstd.skippable(self._window, start)) > start:
            return stop, 0
        return zstd.frame_extent(self._window, start, start + within)

    def _is_promised(self) -> bool:
        return bool(self._table)

    def _open(self, start: int) -> Member:
        if (stop := zstd.skippable(self._window, start)) > start:
            return Skipped(stop)
        return zstd.ZstdFrame(self._window, start, self._decompressor)

    def _after_last(self, start: int) -> str | None:
        return "" if start >= self._window.size else None

    def _named(self, reason: str) -> str:
        return reason if reason in ("truncated", "length") else "zstd"


@dataclass(slots=True)
class Skipped:
    """A frame that holds nothing of the text."""

    stop: int
    ended: bool = True
    error: str = ""

    def step(self) -> bytes:
        """Nothing."""
        return b""


CHAINS: dict[str, type[Chain]] = {".gz": GzipChain, ".zst": ZstdChain}
"""Ending of a file -> how it is compressed."""
