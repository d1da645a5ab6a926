"""Reads records of WARC and ARC files from any part of a file; damage costs the record it hit and no other.

What a part yields are the items that begin in it. All parts together give exactly what one pass over the file
gives, wherever the file was cut.

    window.py    a file as bytes at any offset; `Bytes` is what framing reads from
    members.py   the same of what a run of compressed members decompresses to (inflate.py, zstd.py, bzip2.py)
    framing.py   bytes -> records and damage, written as WARC or, arc.py, as ARC
    records.py   which of these a file needs, and where to begin for the part that starts at an offset
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from stages.ingest.arc import ARC, LINE, LINE_BYTES
from stages.ingest.framing import VERSION, WARC, Damage, Dialect, Record, frames, lone, lone_flawed
from stages.ingest.inflate import CHUNK_BYTES, SMALL_MEMBER_BYTES
from stages.ingest.members import BZIP2, GZIP, Codec, Inflated, next_member, opening, zstd_codec
from stages.ingest.window import PROBE, Window, find

Item = Record | Damage

MAX_RECORD_BYTES = 64 << 20
LOOKBACK = 256 << 10
MARK_BYTES = 1 << 20
"""How far apart the marks of a plain file are."""
CODECS: dict[str, Callable[[Window], Codec]] = {
    "gzip": lambda _: GZIP,
    "zstd": zstd_codec,
    "bzip2": lambda _: BZIP2,
}
MAGICS = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x5d\x2a\x4d\x18": "zstd",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
    b"PAR1": "parquet",
}


def records(
    window: Window,
    start: int = 0,
    stop: int | None = None,
    *,
    limit: int = MAX_RECORD_BYTES,
    marks: list[int] | None = None,
) -> Iterator[Item]:
    """Records and damage that begin in [start, stop) of the file, in file order.

    In a compressed member that holds several records, all of them begin where the member does. A record of
    more than `limit` bytes is reported as damage and never held in memory.

    In a plain file only the headers from its beginning on tell where a record begins: what lies in a block
    may be a WARC file itself. `marks` keeps some of those places for parts that are read later (give the same
    list for the same file and limit, [0] at first): each header is then met once, not once for each part.
    In a file that is one compressed stream all begins at 0: other parts give nothing, but only after they
    decompressed it.
    """
    stop = window.size if stop is None else stop
    kind = container(window)
    name, _, variant = kind.rpartition(" ") if kind.endswith("arc") else (kind, "", "")
    dialect = ARC if variant else WARC
    if kind in ("plain", "arc"):
        yield from _plain(window, start, stop, limit, dialect, [0] if marks is None else marks)
    elif name in CODECS:
        codec = CODECS[name](window)
        if variant:
            codec = replace(codec, opens=LINE, glance=LINE_BYTES)
        yield from _compressed(window, start, stop, limit, codec, dialect)
    elif window.size and start == 0 < stop:
        yield Damage(offset=0, length=window.size, reason=f"unsupported:{kind}")


def container(window: Window) -> str:
    """What the file looks like: 'plain', 'gzip', 'zstd' or 'bzip2' if there are WARC records in it.

    With ARC records: 'arc', 'gzip arc' and so on. Otherwise what cannot be read: 'lz4', 'unknown' …
    """
    first = window.read(0, LINE_BYTES)
    outer = _magic(first)
    codec = CODECS[outer](window) if outer in CODECS else None
    if codec:
        start = codec.skip(window, 0)
        first = codec.peek(window, start, LINE_BYTES)
        damaged = not first and codec.begin.match(window.read(start, PROBE)) is not None
        if damaged and (
            next_member(window, 0, codec=codec) is not None or _first_record(window) == "unknown"
        ):
            return outer
    first = first.lstrip(b"\r\n")
    if VERSION.match(first) or (codec and codec.opens.match(first)):
        return outer or "plain"
    if LINE.match(first) or first.startswith(b"filedesc:"):
        return f"{outer} arc" if codec else "arc"
    if inner := _magic(first):
        return inner
    if not codec:
        return _first_record(window)
    if first and find(Inflated(window, 0, CHUNK_BYTES, codec), VERSION, 0) is not None:
        return outer
    return _first_record(window)


def _first_record(window: Window) -> str:
    """The container of the first WARC record, in a file that begins with something else."""
    starts = {name: next_member(window, 0, codec=make(window)) for name, make in CODECS.items()}
    candidates = [*starts.items(), ("unknown", window.size)]
    start, name = min((start, name) for name, start in candidates if start is not None)
    return name if find(window, VERSION, 0, start) is None else "plain"


def _magic(head: bytes) -> str:
    return next((name for magic, name in MAGICS.items() if head.startswith(magic)), "")


def is_one_stream(window: Window, after: int, look: int) -> bool:
    """Whether all records seem to begin where the file does: none begins in `look` bytes after `after`."""
    kind = container(window).removesuffix(" arc")
    return kind in CODECS and next_member(window, after, after + look, CODECS[kind](window)) is None


def _within(items: Iterable[Item], start: int, stop: int) -> Iterator[Item]:
    for item in items:
        if item.offset >= stop:
            return
        if item.offset >= start:
            yield item


def _plain(
    window: Window, start: int, stop: int, limit: int, dialect: Dialect, marks: list[int]
) -> Iterator[Item]:
    """Goes from header to header from the last mark before `start`, and sets marks on its way."""
    position = marks[bisect.bisect_right(marks, start) - 1]

    def marking(items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if item.offset >= marks[-1] + MARK_BYTES:
                marks.append(item.offset)
            yield item

    if position < start:
        skipped = marking(frames(window.sparse(), limit, wanted=window.size, start=position, dialect=dialect))
        position = next((item.offset for item in skipped if item.offset >= start), window.size)
    yield from _within(marking(frames(window, limit, start=position, dialect=dialect)), start, stop)


def _compressed(
    window: Window, start: int, stop: int, limit: int, codec: Codec, dialect: Dialect
) -> Iterator[Item]:
    """Looks back far enough to be sure that it meets the same members as one pass from the beginning.

    A crawled .warc.gz that lies in a record cannot be compressed again and may stand there as it was, so that
    its members look like ours. Not for long: the format interrupts what it stores every `codec.stored` bytes
    at least, so a longer unbroken chain of members is no part of another member.
    """
    for anchor in _anchors(window, start, codec):
        walk = _walk(window, anchor, limit, codec, dialect)
        walk = itertools.dropwhile(lambda step: step[1] is not None and step[1].offset < start, walk)
        begun, item = next(walk)
        here = window.size if item is None else item.offset
        if anchor == 0 or here - begun > codec.stored:
            items = (item for _, item in itertools.chain([(begun, item)], walk) if item is not None)
            yield from _within(items, start, stop)
            return


def _anchors(window: Window, start: int, codec: Codec) -> Iterator[int]:
    """Members from which to walk to `start`, ever farther back."""
    back = LOOKBACK
    while back < start:
        member = next_member(window, start - back, start, codec)
        if member is not None:
            yield member
        back *= 4
    yield 0


def _is_certain(window: Window, stop: int, codec: Codec) -> bool:
    """Whether a record that ends with its member at `stop` ends there: another begins, or nothing follows."""
    return stop >= window.size or codec.opens.match(opening(window, stop, codec)) is not None


def _walk(
    window: Window, start: int, limit: int, codec: Codec, dialect: Dialect
) -> Iterator[tuple[int, Item | None]]:
    """Items from the member at `start` on, each with where its chain of unbroken members began; then None."""
    begun = start
    while start < window.size:
        member = codec.decompress(window, start, SMALL_MEMBER_BYTES) if dialect is WARC else None
        # Most members hold one record and nothing else: no state machine is needed for them.
        if member is not None and (record := lone(member[0], start, member[1], limit)) is not None:
            yield begun, record
            start = member[1]
            continue
        if (
            member is not None
            and _is_certain(window, member[1], codec)
            and (record := lone_flawed(member[0], start, member[1], limit)) is not None
        ):
            yield begun, record
            start = member[1]
            continue
        reason, last, inner = "garbage", start, 0
        if codec.begin.match(window.read(start, PROBE)):
            data = Inflated(window, start, limit, codec)
            for item in frames(data, limit, dialect=dialect):
                yield begun, item
            if not data.error:
                start = data.stop
                continue
            reason, last, inner = data.error, data.member, data.released
        elif (after := codec.skip(window, start)) > start:
            start = after
            continue
        following = next_member(window, last + 1, codec=codec)
        stop = window.size if following is None else following
        if stop - start > 64 or window.read(start, stop - start).strip(b"\r\n"):
            yield begun, Damage(offset=start, length=stop - start, inner=inner, reason=reason)
        begun = start = stop
    yield begun, None
