"""The lines of a page that C4 keeps, written one after the other into a buffer, and why the others went."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.filters.c4.citations import copy, copy_without_citations
from stages.filters.c4.measures import (
    count_chars,
    count_words,
    find_phrases,
    has_long_word,
    may_hold_phrases,
)
from stages.text.buffers import Bytes, Offsets, byte
from stages.text.kernel import Int, device, kernel
from stages.text.lines import next_line, strip
from stages.text.phrases import Phrases
from stages.text.unicode import decode_before


class Edits(NamedTuple):
    """What is done to lines, and how toolkits differ in doing it. Numbers: 0 switches off."""

    max_word_chars: int
    """A line with a longer word goes."""
    remove_citations: bool
    """[1], [edit] and [citation needed] are taken out."""
    end_marks: Offsets
    """int32: code points; a line that ends with none of them goes. Empty: any may stay."""
    ellipsis_ends: bool
    """A line may end with three dots."""
    min_n_words_per_line: int
    """A line of fewer words goes."""
    drop_javascript_lines: bool
    """A line that mentions it goes."""
    drop_policy_lines: bool
    """A line with one of the phrases of POLICY goes."""
    newline_only: bool
    """Lines end at \\n alone, else where `str.splitlines` ends them."""
    stripped: bool
    """White space at the ends of a line is taken off first."""
    space_may_end: bool
    """White space behind the end mark (a citation that went may leave it) does not matter."""
    words_with_citations: bool
    """Words are counted before citations are taken out."""
    in_all_lines: bool
    """Phrases are looked for in all lines, also in those that went before; lines with javascript stay."""
    verbatim: bool
    """Kept lines keep their line ends and the spaces about them; else they are joined by \\n, and the text is
    stripped."""
    empty_stay: bool
    """Lines without a character stay, uncounted."""


(
    N_CHARS,
    N_LONG_LINES,
    N_LINES,
    N_LINES_KEPT,
    N_LINES_WITH_LONG_WORD,
    N_LINES_WITHOUT_TERMINAL_PUNCTUATION,
    N_LINES_TOO_SHORT,
    N_LINES_WITH_JAVASCRIPT,
    N_LINES_WITH_POLICY,
    N_LOREM_IPSUM,
    N_CURLY_BRACKETS,
    N_WORDS,
    N_SENTENCES,
) = range(13)
N_COUNTS = 13

LONG_LINE = 200
"""Characters of what mC4 calls a paragraph."""

Counts = npt.NDArray[np.int64]
Bounds = npt.NDArray[np.int32]


@kernel
def edit(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], edits: Edits, phrases: Phrases,
    out: Bytes, ends: Bounds, counts: Counts,
) -> None:  # fmt: skip
    """Kept text of row i goes to `out[ends[i]:ends[i + 1]]`, its numbers but the last to `counts[i]`."""
    pos: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
            counts[row, N_CHARS] = count_chars(data, start, stop)
            pos = _edit_page(data, start, stop, edits, phrases, out, pos, counts[row])
        ends[row + 1] = pos


@device
def _edit_page(
    data: Bytes, start: Int, stop: Int, edits: Edits, phrases: Phrases, out: Bytes, begin: Int, counts: Counts
) -> Int:
    """Write the kept lines of `data[start:stop]` to `out` from `begin` on; gives where they end."""
    pos = begin
    after = start
    while after < stop:
        first = after
        first, end, after = _next_line(data, first, stop, edits)
        some = bool(strip(data, first, end)[0] < end)
        counts[N_LINES] += some
        # There are no more characters than bytes: few lines have to be counted.
        if end - first >= LONG_LINE:
            counts[N_LONG_LINES] += count_chars(data, first, end) >= LONG_LINE
        if not some and not edits.empty_stay:
            continue
        if some and edits.max_word_chars and has_long_word(data, first, end, edits.max_word_chars):
            counts[N_LINES_WITH_LONG_WORD] += 1
            continue
        # The line is written before it is checked; if it goes, `pos` stays and the next overwrites it.
        write = pos + (pos > begin and not edits.verbatim)
        if edits.remove_citations:
            copied = copy_without_citations(data, first, end, out, write)
        else:
            copied = copy(data, first, end, out, write)
        empty = copied == write and edits.empty_stay
        if not empty and not _keeps(data, first, end, edits, phrases, out, write, copied, some, counts):
            continue
        counts[N_LINES_KEPT] += some
        if edits.verbatim:
            pos = copy(data, end, after, out, copied)
        elif pos == begin:
            pos = _drop_spaces(out, begin, copied)
        else:
            out[np.uint64(pos)] = 0x0A
            pos = copied
    return pos if edits.verbatim else strip(out, begin, pos)[1]


@device
def _next_line(data: Bytes, pos: Int, stop: Int, edits: Edits) -> tuple[Int, Int, Int]:
    """(start, end, where the next one starts) of the line at `pos`."""
    if not edits.newline_only:
        first, end, after = next_line(data, pos, stop)
        return (first, end, after) if edits.stripped else (pos, end, after)
    end = pos
    while end < stop and byte(data, end) != 0x0A:
        end += 1
    after = min(end + 1, stop)
    if edits.stripped:
        pos, end = strip(data, pos, end)
    return pos, end, after


@device
def _keeps(
    data: Bytes, first: Int, end: Int, edits: Edits, phrases: Phrases,
    out: Bytes, start: Int, stop: Int, some: bool, counts: Counts,
) -> bool:  # fmt: skip
    """Whether the line `data[first:end]`, which without citations is `out[start:stop]`, stays."""
    lorem: Int = np.int64(0)
    curly = javascript = policy = lorem
    if edits.in_all_lines and may_hold_phrases(out, start, stop):
        lorem, curly, javascript, policy = find_phrases(out, start, stop, phrases)
        counts[N_LOREM_IPSUM] += lorem
        counts[N_CURLY_BRACKETS] += curly
        counts[N_LINES_WITH_JAVASCRIPT] += javascript > 0
    if len(edits.end_marks) and not _ends_well(out, start, stop, edits):
        counts[N_LINES_WITHOUT_TERMINAL_PUNCTUATION] += some
        return False
    n_words = n_first = count_words(out, start, stop)
    if edits.words_with_citations and stop - start < end - first:
        n_first = count_words(data, first, end)
    if n_first < edits.min_n_words_per_line:
        counts[N_LINES_TOO_SHORT] += some
        return False
    if not edits.in_all_lines and may_hold_phrases(out, start, stop):
        lorem, curly, javascript, policy = find_phrases(out, start, stop, phrases)
        counts[N_LOREM_IPSUM] += lorem
        if edits.drop_javascript_lines and javascript:
            counts[N_LINES_WITH_JAVASCRIPT] += 1
            return False
        counts[N_CURLY_BRACKETS] += curly
    if edits.drop_policy_lines and policy:
        counts[N_LINES_WITH_POLICY] += 1
        return False
    counts[N_WORDS] += n_words
    return True


@device
def _ends_well(out: Bytes, start: Int, stop: Int, edits: Edits) -> bool:
    if edits.space_may_end:
        start, stop = strip(out, start, stop)
    if start == stop:
        return False
    last, _ = decode_before(out, start, stop)
    ends = False
    for mark in edits.end_marks:
        ends |= last == mark
    if edits.ellipsis_ends or last != 0x2E or stop - start < 3:
        return ends
    return ends and not (byte(out, stop - 2) == 0x2E and byte(out, stop - 3) == 0x2E)


@device
def _drop_spaces(out: Bytes, start: Int, stop: Int) -> Int:
    """Move `out[start:stop]` to its front, without white space before it; gives where it ends."""
    first = strip(out, start, stop)[0]
    if first == start:
        return stop
    if first == stop:
        return start
    for i in range(stop - first):
        out[np.uint64(start + i)] = byte(out, first + i)
    return start + stop - first
