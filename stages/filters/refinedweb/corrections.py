"""Which lines are no prose by RefinedWeb's table, and what is cut out of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.filters.refinedweb.menus import Menus, copy, edited
from stages.text.buffers import Bytes, Offsets, byte
from stages.text.hashing import hash_lower
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.ranges import DECIMAL, DIGIT, NUMERIC, UPPERCASE, belongs
from stages.text.scan import find
from stages.text.unicode import ALNUM, SPACE, char_class, decode

COUNTED = (
    "likes", "shares", "comments", "retweets", "reposts", "quotes", "bookmarks", "upvotes", "downvotes",
    "downloads", "views", "followers",
)  # fmt: skip
"""What counters count."""
SHORT = 10
"""Words of a line that is edited, at most."""

(
    N_LINES,
    N_LINES_KEPT,
    N_LINES_UPPERCASE,
    N_LINES_NUMERIC,
    N_LINES_COUNTER,
    N_LINES_ONE_WORD,
    N_LINES_EMPTIED,
    N_LINES_EDITED,
    N_WORDS,
    N_WORDS_REMOVED,
) = range(10)
N_COUNTS = 10

Counts = npt.NDArray[np.int64]


class Corrections(NamedTuple):
    """What is looked for, and how."""

    max_frac_uppercase: float
    counted: npt.NDArray[np.uint64]
    """Hashes of the words that a counter ends with."""
    menus: Menus
    dclm: bool
    """As DCLM does it: a number has no spaces in it; lines of white space go; words follow ASCII white space
    and begin with a letter or digit."""


def hashes(words: Sequence[str]) -> npt.NDArray[np.uint64]:
    """What `_is_counter` compares with."""
    given = [np.frombuffer(w.encode(), np.uint8) for w in words]
    return np.array([hash_lower(w, np.int64(0), np.int64(len(w)), np.uint64(0)) for w in given], np.uint64)


@kernel
def correct(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], given: Corrections,
    out: Bytes, ends: npt.NDArray[np.int32], counts: Counts,
) -> None:  # fmt: skip
    """Kept text of row i goes to `out[ends[i]:ends[i + 1]]`, its numbers to `counts[i]`.

    A line is written before it is known to stay: if it goes, the next one overwrites it.
    """
    pos: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            start, stop = strip(data, np.int64(offsets[row]), np.int64(offsets[row + 1]))
            pos = _correct_page(data, start, stop, given, out, pos, counts[row])
        ends[row + 1] = pos


@device
def _correct_page(
    data: Bytes, start: Int, stop: Int, given: Corrections, out: Bytes, begin: Int, counts: Counts
) -> Int:
    pos = begin
    left: Int = np.int64(0)
    while start < stop:
        end = find(data, start, stop, np.int64(0x0A))
        first, last = strip(data, start, end)
        begins = first if pos == begin else start
        write = pos + (pos > begin)
        close = write
        if first < last:
            counts[N_LINES] += 1
            n_words = n_split = _count_words(data, first, last, False)
            if given.dclm:
                n_words = _count_words(data, first, last, True)
                first, last = begins, end
            counts[N_WORDS] += n_words
            why = _fate(data, first, last, n_split, given)
            if why == N_LINES_KEPT:
                if n_split <= SHORT:
                    close = edited(data, begins, end, given.menus, out, write)
                else:
                    close = copy(data, begins, end, out, write)
                if close - write < end - begins:
                    why = N_LINES_KEPT if strip(out, write, close)[0] < close else N_LINES_EMPTIED
                    counts[N_LINES_EDITED] += why == N_LINES_KEPT
                    n_words = _count_words(out, write, close, given.dclm)
                left += n_words
            counts[why] += 1
            keeps = why == N_LINES_KEPT
        else:
            keeps = pos > begin and (start == end or not given.dclm)
            close = copy(data, start, end, out, write) if keeps else write
        if keeps:
            if pos == begin:  # the text is stripped in the end
                close = copy(out, strip(out, write, close)[0], close, out, write)
            else:
                out[np.uint64(pos)] = 0x0A
            pos = close
        start = end + 1
    counts[N_WORDS_REMOVED] = counts[N_WORDS] - left
    return strip(out, begin, pos)[1]


@device
def _fate(data: Bytes, start: Int, end: Int, n_words: Int, given: Corrections) -> Int:
    """The place in the counts of why the line goes, or N_LINES_KEPT."""
    if _is_mainly_uppercase(data, start, end, given.max_frac_uppercase):
        return N_LINES_UPPERCASE
    if _is_number(data, start, end, given.dclm):
        return N_LINES_NUMERIC
    if _is_counter(data, start, end, given.counted):
        return N_LINES_COUNTER
    return N_LINES_ONE_WORD if n_words < 2 else N_LINES_KEPT


@device
def _is_mainly_uppercase(data: Bytes, start: Int, stop: Int, max_frac: float) -> bool:
    n_chars: Int = np.int64(0)
    n_ascii = n_upper = n_chars
    # Without branches, 32 bytes at a time: with all that is not ASCII taken for capitals there are at most so
    # many, which settles most lines.
    for i in range(np.uint64(start), np.uint64(stop)):
        n_chars += data[i] & 0xC0 != 0x80
        n_ascii += data[i] < 0x80
        n_upper += (data[i] >= 0x41) & (data[i] <= 0x5A)
    if (n_upper + n_chars - n_ascii) / n_chars <= max_frac:
        return False
    while start < stop:
        code, start = decode(data, start, stop)
        n_upper += code >= 0x80 and belongs(code, UPPERCASE)
    return n_upper / n_chars > max_frac


@device
def _is_number(data: Bytes, pos: Int, stop: Int, dclm: bool) -> bool:
    while pos < stop:
        code, pos = decode(data, pos, stop)
        number = 0x30 <= code <= 0x39 or (code >= 0x80 and belongs(code, DIGIT if dclm else NUMERIC))
        if not number and (dclm or not char_class(code) & SPACE):
            return False
    return True


@device
def _is_counter(data: Bytes, pos: Int, stop: Int, counted: npt.NDArray[np.uint64]) -> bool:
    """A number, perhaps in thousands (k), millions (m) or billions (b), a space, and a word of a list."""
    pos = _skip_marks(data, pos, stop)
    if pos == stop or not belongs(decode(data, pos, stop)[0], DECIMAL):
        return False
    while pos < stop:
        code, after = decode(data, pos, stop)
        if not (code == 0x2C or code == 0x2E or belongs(code, DECIMAL)):
            break
        pos = after
    if pos < stop and byte(data, pos) | 0x20 in (0x6B, 0x6D, 0x62):
        pos += 1
    word, _ = strip(data, pos, stop)
    if word == pos:
        return False
    pos = word
    while pos < stop:
        code, after = decode(data, pos, stop)
        if not (char_class(code) & ALNUM or code == 0x5F):
            break
        pos = after
    lowered = hash_lower(data, word, pos, np.uint64(0))
    for known in counted:
        if lowered == known:
            return bool(_skip_marks(data, pos, stop) == stop)
    return False


@device
def _skip_marks(data: Bytes, pos: Int, stop: Int) -> Int:
    while pos < stop:
        code, after = decode(data, pos, stop)
        if char_class(code) & ALNUM or code == 0x5F:
            break
        pos = after
    return pos


@device
def _count_words(data: Bytes, pos: Int, stop: Int, dclm: bool) -> Int:
    n_words = 0
    between = True
    while pos < stop:
        code, pos = decode(data, pos, stop)
        kind = char_class(code)
        if dclm:
            space = code in (0, 9, 10, 11, 12, 13, 32)
            n_words += between and not space and kind & ALNUM != 0
        else:
            space = kind & SPACE != 0
            n_words += between and not space
        between = space
    return n_words
