"""Reads WARC records from any part of a file, plain or gzip; damage costs the record it hit and no other.

What a part yields are the items that begin in it. All parts together give exactly what one pass over the file
gives, wherever the file was cut.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from stages.ingest.framing import VERSION, Damage, Record, frames
from stages.ingest.members import MAGIC, PIECE, Inflated, begins_record, next_member, opening
from stages.ingest.window import Window, find

Item = Record | Damage

MAX_RECORD_BYTES = 64 << 20
LOOKBACK = 256 << 10
STORED_BYTES = 65535
"""A deflate stream holds at most this many bytes of its input as they were (RFC 1951, section 3.2.4)."""
ARC = re.compile(rb"filedesc:|[a-z]+:\S* \S+ \d{14} ")
CONTAINERS = {
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x5d\x2a\x4d\x18": "zstd",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
    b"PAR1": "parquet",
}


def records(
    window: Window, start: int = 0, stop: int | None = None, *, limit: int = MAX_RECORD_BYTES
) -> Iterator[Item]:
    """Records and damage that begin in [start, stop) of the file, in file order.

    In a gzip member that holds several records, all of them begin where the member does. A record of more
    than `limit` bytes is reported as damage and never held in memory.

    A part of a plain file is found by going from header to header from the beginning of the file, and one of
    a file that is a single gzip member by decompressing it: only then is it known what begins where.
    """
    stop = window.size if stop is None else stop
    kind = container(window)
    if kind == "gzip":
        yield from _gzip(window, start, stop, limit)
    elif kind == "plain":
        yield from _within(frames(window, limit, start), start, stop)
    elif window.size and start == 0 < stop:
        yield Damage(offset=0, length=window.size, reason=f"unsupported:{kind}")


def container(window: Window) -> str:
    """'gzip' or 'plain' if WARC records are found in one of them, else what the file looks like."""
    head = window.at(0, 4 << 10)
    zipped = head.startswith(MAGIC)
    first = opening(window, 0) if zipped else head.lstrip(b"\r\n")
    if zipped and (not first or begins_record(first)):
        return "gzip"
    if VERSION.match(first):
        return "plain"
    if ARC.match(first):
        return "arc"
    for magic, name in CONTAINERS.items():
        if first.startswith(magic):
            return name
    member = next_member(window, 0)
    line = find(Inflated(window, 0, PIECE), VERSION, 0) if zipped else find(window, VERSION, 0, member)
    if line is None:
        return "unknown" if member is None else "gzip"
    return "gzip" if zipped else "plain"


def _within(items: Iterable[Item], start: int, stop: int) -> Iterator[Item]:
    for item in items:
        if item.offset >= stop:
            return
        if item.offset >= start:
            yield item


def _gzip(window: Window, start: int, stop: int, limit: int) -> Iterator[Item]:
    """Looks back far enough to be sure that it meets the same members as one pass from the beginning.

    A crawled .warc.gz that lies in a record cannot be compressed again and may stand there as it was, so that
    its members look like ours. Not for long: deflate interrupts what it stores every 65,535 bytes at least,
    so a longer unbroken chain of members is no part of another member.
    """
    for anchor in _anchors(window, start):
        walk = _walk(window, anchor, limit)
        walk = itertools.dropwhile(lambda found: found[1] is not None and found[1].offset < start, walk)
        begun, item = next(walk)
        here = window.size if item is None else item.offset
        if anchor == 0 or here - begun > STORED_BYTES:
            items = (item for _, item in itertools.chain([(begun, item)], walk) if item is not None)
            yield from _within(items, start, stop)
            return


def _anchors(window: Window, start: int) -> Iterator[int]:
    """Members from which to walk to `start`, ever farther back."""
    back = LOOKBACK
    while back < start:
        member = next_member(window, start - back, start)
        if member is not None:
            yield member
        back *= 4
    yield 0


def _walk(window: Window, at: int, limit: int) -> Iterator[tuple[int, Item | None]]:
    """Items from the member at `at` on, each with where its chain of unbroken members began; at last None."""
    begun = at
    while at < window.size:
        reason, last, inner = "garbage", at, 0
        if window.at(at, len(MAGIC)) == MAGIC:
            data = Inflated(window, at, limit)
            for item in frames(data, limit):
                yield begun, item
            if not data.error:
                at = data.stop
                continue
            reason, last, inner = data.error, data.member, data.released
        following = next_member(window, last + 1)
        stop = window.size if following is None else following
        if stop - at > 64 or window.at(at, stop - at).strip(b"\r\n"):
            yield begun, Damage(offset=at, length=stop - at, inner=inner, reason=reason)
        begun = at = stop
    yield begun, None
