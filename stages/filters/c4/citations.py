"""Lines written to a buffer, with or without the citation marks that pages of encyclopedias leave in text."""

from __future__ import annotations

import numpy as np

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device
from stages.text.ranges import DECIMAL, belongs
from stages.text.unicode import decode

CITATIONS = (b"edit]", b"citation needed]")


@device
def copy(data: Bytes, start: Int, stop: Int, out: Bytes, pos: Int) -> Int:
    """Copy `data[start:stop]` to `out` from `pos` on; gives where it ends there."""
    for i in range(stop - start):
        out[np.uint64(pos + i)] = data[np.uint64(start + i)]
    return pos + stop - start


@device
def copy_without_citations(data: Bytes, start: Int, stop: Int, out: Bytes, pos: Int) -> Int:
    # Nearly no line has a bracket: a loop without branches says so 32 bytes at a time.
    some = False
    for i in range(start, stop):
        some |= data[np.uint64(i)] == 0x5B
    if not some:
        return copy(data, start, stop, out, pos)
    while start < stop:
        char = byte(data, start)
        behind = _citation(data, start + 1, stop) if char == 0x5B else np.int64(0)
        if behind:
            start = behind
        else:
            out[np.uint64(pos)] = char
            pos += 1
            start += 1
    return pos


@device
def _citation(data: Bytes, pos: Int, stop: Int) -> Int:
    """Where the citation whose bracket opens before `pos` ends; 0 if it is none."""
    behind = pos
    while behind < stop:
        if byte(data, behind) == 0x5D:
            return behind + 1
        code, after = decode(data, behind, stop)
        if not belongs(code, DECIMAL):
            break
        behind = after
    for text in CITATIONS:
        if stop - pos >= len(text):
            same = True
            for i in range(len(text)):
                same &= byte(data, pos + i) == text[i]
            if same:
                return pos + len(text)
    return np.int64(0)
