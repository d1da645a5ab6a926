"""Lines and paragraphs by the separators that toolkits part them with, and how much of them is repeated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, Offsets, byte
from stages.text.hashing import xxh64
from stages.text.kernel import Int, device, kernel
from stages.text.lines import ends_line, strip
from stages.text.scan import EACH, HIGH, count_chars, find, holds, load
from stages.text.slots import Slots, bits_for, number, slots
from stages.text.unicode import SPACE, char_class, decode

SPLITLINES, NEWLINE, NEWLINES, PAIR, PAIRS, BLANK = range(6)
r"""Separators: those of `str.splitlines`; `\n`; `\n+`; `\n\n`; `\n{2,}`; blank lines (white space with two
`\n` in it). As in `str.split`, empty segments at both ends count, but for SPLITLINES none at the end."""
NL, CR = 10, 13
Bounds = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]


class Segments(NamedTuple):
    """What a profile compares; truth values are 0 and 1."""

    separator: int
    blank: int
    """Whether segments of white space alone count."""
    stripped: int
    """Whether white space at the ends is left out."""
    every: int
    """Whether every occurrence of what occurs twice is repeated, or all but the first."""


@device
def next_segment(data: Bytes, pos: Int, stop: Int, separator: Int) -> tuple[Int, Int, Int]:
    """The segment that starts at `pos` <= `stop`: (start, end, where the next starts; > `stop` if none)."""
    if separator == SPLITLINES:
        return _line(data, pos, stop)
    end = pos
    while True:
        end = find(data, end, stop, NL)
        if end == stop:
            return pos, stop, stop + 1
        after = _behind(data, end, stop, separator)
        if after > 0:
            return pos, end, after
        end = -after


@device
def _line(data: Bytes, pos: Int, stop: Int) -> tuple[Int, Int, Int]:
    end = pos
    while end < stop:
        if end + 8 <= stop:
            block = load(data, end)
            # Line ends are below 0x20 or begin with 0xC2 (U+0085) or 0xE2 (U+2028, U+2029): most blocks have
            # none.
            controls = (block - np.uint64(0x20) * EACH) & ~block & HIGH
            if controls | holds(block, np.uint64(0xC2)) | holds(block, np.uint64(0xE2)) == 0:
                end += 8
                continue
        lead = byte(data, end)
        if lead < 0x20 or lead == 0xC2 or lead == 0xE2:
            code, after = decode(data, end, stop)
            if ends_line(code):
                after += code == CR and after < stop and byte(data, after) == NL
                return pos, end, after if after < stop else stop + 1
        end += 1
    return pos, stop, stop + 1


@device
def _behind(data: Bytes, pos: Int, stop: Int, separator: Int) -> Int:
    """Where the separator that starts with the `\\n` at `pos` ends; if it is none, minus where to look on."""
    after = pos + 1
    if separator == NEWLINE:
        return after
    if separator == PAIR:
        return after + 1 if after < stop and byte(data, after) == NL else -after
    last = pos
    while after < stop and (separator == BLANK or byte(data, after) == NL):
        code, behind = decode(data, after, stop)
        if not char_class(code) & SPACE:
            break
        last = after if code == NL else last
        after = behind
    if separator == BLANK:
        return last + 1 if last > pos else -after
    return after if separator == NEWLINES or last > pos else -after


@kernel
def bound_segments(data: Bytes, offsets: Offsets, out: Numbers) -> None:
    """Fills `out` [rows]: no separator makes more segments of a row."""
    for row in range(len(out)):
        n = np.int64(1)
        for pos in range(np.int64(offsets[row]), np.int64(offsets[row + 1])):
            char = data[np.uint64(pos)]
            # Of the separators that are not ASCII this is the last byte. A vector instruction looks at 32.
            n += (char < 0x20) | (char == 0x85) | (char == 0xA8) | (char == 0xA9)
        out[row] = n


class SegmentScratch(NamedTuple):
    """Scratch for the segments of one document at a time."""

    slots: Slots
    counts: Bounds
    """int32 [segments]: how often a segment occurs, but no further than 2."""
    most: Numbers
    """int64 [rows]: how many segments there may be."""


def segment_scratch(data: Bytes, offsets: Offsets) -> SegmentScratch:
    """Scratch for the documents in `data`."""
    most = np.empty(len(offsets) - 1, np.int64)
    bound_segments(data, offsets, most)
    n = int(most.max(initial=1))
    return SegmentScratch(slots(n), np.empty(n, np.int32), most)


@device
def times_met(
    data: Bytes, start: Int, stop: Int, scratch: SegmentScratch, bits: Int, oldest: Int, fresh: Int
) -> Int:
    """1 if `data[start:stop]` is met for the first time, which uses up `fresh`; 2 for the second; 3 after."""
    which = number(scratch.slots, bits, oldest, xxh64(data, start, stop, np.uint64(0)), fresh)
    times = np.int64(1 if which == fresh else scratch.counts[which - oldest] + 1)
    scratch.counts[which - oldest] = min(times, np.int64(2))
    return times


@device
def repeats(
    data: Bytes, start: Int, stop: Int, segments: Segments, scratch: SegmentScratch, row: Int, oldest: Int
) -> tuple[Int, Int, Int, Int, Int]:
    """How much of `data[start:stop]` repeats: (segments, repeated ones, characters of all, of the repeated
    ones, the next free id).
    """
    n = n_repeated = chars = chars_repeated = np.int64(0)
    fresh, bits, pos = oldest, bits_for(scratch.most[row]), start
    while pos <= stop:
        begin, end, pos = next_segment(data, pos, stop, segments.separator)
        inner, outer = strip(data, begin, end)
        if inner == outer and not segments.blank:
            continue
        if segments.stripped:
            begin, end = inner, outer
        length = count_chars(data, begin, end)
        times = times_met(data, begin, end, scratch, bits, oldest, fresh)
        n += 1
        chars += length
        if times == 1:
            fresh += 1
        else:
            n_more = 2 if segments.every and times == 2 else 1
            n_repeated += n_more
            chars_repeated += n_more * length
    return n, n_repeated, chars, chars_repeated, fresh
