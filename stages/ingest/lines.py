"""Lines of files, plain or compressed, from any split of them.

A line belongs to the split in which it begins: all splits together give what one pass over the file gives.
A split of a compressed file is the members that begin in it (chain.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from pipeline.stage import Split
from stages.ingest.chain import CHAINS, Chain, Gap
from stages.ingest.inflate import CHUNK_BYTES
from stages.ingest.paths import is_remote, open_file, open_split
from stages.ingest.window import Window

Line = tuple[int, int | None, bytes | str]
"""(offset, length with the line end, the line or a reason why it cannot be read)."""
END = 1 << 62


def lines(split: Split, limit: int) -> Iterator[Line]:
    """The lines that begin in the split and are not blank, and what could not be read.

    Offsets and lengths count bytes of the decompressed file. A line of more than `limit` bytes is not held.
    """
    with open_split(split) as file:
        if kind := CHAINS.get(PurePath(split.path).suffix):
            chain = kind(Window(file, split.size), split.path, split.stamp)
            yield from _compressed(chain, split, limit)
        else:
            # From one byte before: only then is it clear whether a line begins at `start`.
            file.seek(max(split.start - 1, 0))
            chunks = iter(lambda: file.read(CHUNK_BYTES), b"")
            yield from _lines(chunks, split.start, split.stop, limit)


def is_one_stream(path: str, size: int) -> bool:
    """Whether a file is compressed and its lines can only be read from its beginning; any remote one."""
    kind = CHAINS.get(PurePath(path).suffix)
    if kind is None or is_remote(path):
        return kind is not None  # a look into each of very many files would take longer than it saves
    with open_file(path) as file:
        return kind(Window(file, size)).is_one()


def _compressed(chain: Chain, split: Split, limit: int) -> Iterator[Line]:
    first = chain.first(split.start)
    after = chain.first(split.stop) if split.stop < split.size else None
    if first is None or first == after:
        return
    # A line that begins where a member does belongs with the member before: whose last byte is unknown here.
    start = first.plain + 1 if split.start else 0
    yield from _lines(chain.text(first), start, after.plain + 1 if after else END, limit)


def _lines(chunks: Iterable[bytes | Gap], start: int, stop: int, limit: int) -> Iterator[Line]:
    """Lines that begin in [start, stop); `chunks` begin one byte before `start` unless that is 0."""
    # What came of the line at `position` in chunks before: joined once, however many they are.
    held, position = bytearray(), max(start - 1, 0)
    # Whether the line at `position` begins in our part, and where a line began that is too long to be held.
    ours, long = start == 0, -1
    for chunk in chunks:
        if isinstance(chunk, Gap):
            if ours:
                yield position if long < 0 else long, None, f"damaged:{chunk.reason}"
            if chunk.resume is None or chunk.resume >= stop:
                return
            held.clear()
            position, ours, long = chunk.resume, False, -1
            continue
        complete = _completed(held, chunk)
        while complete:
            line = [complete.pop()]  # which is passed on, not held here: it may be as large as all else
            size, blank = len(line[0]), not line[0] or line[0].isspace()
            offset, position = position, position + size + 1
            if long >= 0:
                yield long, position - long, "too_large"
            elif ours and offset >= stop:
                return
            elif ours and not blank:
                yield offset, size + 1, "too_large" if size > limit else line.pop()
            ours, long = True, -1
        if position >= stop and long < 0:
            return
        if len(held) > limit:
            long = position if ours and long < 0 else long
            position += len(held)
            held.clear()
    if long >= 0:
        yield long, position + len(held) - long, "too_large"
    elif ours and held and not held.isspace():
        yield position, len(held), bytes(held)


def _completed(held: bytearray, chunk: bytes) -> list[bytes]:
    """Lines that end in the chunk, the last first; the one that does not is added to what is held."""
    *complete, rest = chunk.split(b"\n")
    if held and complete:
        held += complete[0]
        complete[0] = bytes(held)
        held.clear()
    held += rest
    complete.reverse()
    return complete
