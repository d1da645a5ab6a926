"""Counting what the Gopher quality rules are about, as each profile reads them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, Offsets, byte
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.marks import is_symbol
from stages.text.scan import HIGH, holds, load
from stages.text.segments import next_segment
from stages.text.stopwords import StopWords, find_stop_word
from stages.text.table import Bounds, Words
from stages.text.unicode import ALNUM, LETTER, PUNCTUATION, char_class, decode

Values = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

(
    N_WORDS,
    MEAN_WORD_LENGTH,
    HASHES_PER_WORD,
    ELLIPSES_PER_WORD,
    FRAC_SYMBOLS,
    FRAC_BULLET_LINES,
    FRAC_ELLIPSIS_LINES,
    FRAC_ALPHABETIC_WORDS,
    N_STOP_WORDS,
) = range(9)
ALL_WORDS, NOT_SYMBOLS, STARTING_ALNUM = range(3)
"""Which words count: all; those not of `is_symbol` alone; those that start with a letter or number, parted at
ASCII's white space and NUL."""
LARGER, SUM, CONTAINING, MOSTLY = range(4)
"""What of symbols is put to words: the larger of # and ellipses; their sum, `. . .` included; words with a #
or …; words that are an ellipsis or more than half runs of #."""
START, END, WHOLE = range(3)
HASH, DOT, BLANK = ord("#"), ord("."), ord(" ")


class GopherDefinition(NamedTuple):
    """How a profile reads the rules; truth values are 0 and 1."""

    lines: int
    """Separator (`stages.text.segments`)."""
    blank_lines: int
    """Whether blank lines are lines."""
    raw_lines: int
    """Whether white space at the ends of a line is looked at."""
    counted: int
    """Which words `n_words` and their length are about."""
    median: int
    """Whether the median of the lengths stands for their mean."""
    symbols: int
    """What `frac_symbols` counts."""
    comparison: int
    """How stop words are compared (`stages.text.stopwords`)."""
    each: int
    """Whether a stop word counts each time it occurs."""


class Marks(NamedTuple):
    """Some strings, in UTF-8; i is `data[offsets[i]:offsets[i + 1]]`."""

    data: Bytes
    offsets: Offsets


def marks(strings: tuple[str, ...]) -> Marks:
    """The strings as kernels take them."""
    parts = [s.encode() for s in strings]
    ends = np.cumsum([0, *map(len, parts)]).astype(np.int32)
    return Marks(np.frombuffer(b"".join(parts), np.uint8).copy(), ends)


@kernel
def measure(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], table: Words, definition: GopherDefinition,
    bullets: Marks, ellipses: Marks, stop_words: StopWords, group: Numbers, seen: Numbers, out: Values,
) -> None:  # fmt: skip
    """Fills `out` [rows, signals]; `group` [rows]: the list of stop words of each; `seen`: scratch, zeros."""
    for row in range(len(valid)):
        if valid[row]:
            start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
            _measure_words(data, start, stop, table, row, definition, ellipses, out[row])
            _measure_stop_words(data, table, row, definition, stop_words, group[row], seen, out[row])
            _measure_lines(data, start, stop, definition, bullets, ellipses, out[row])


@device
def _measure_words(
    data: Bytes, start: Int, stop: Int, table: Words, row: Int, definition: GopherDefinition, ellipses:
    Marks, out: Values,
) -> None:  # fmt: skip
    first, last = table.offsets[row], table.offsets[row + 1]
    n_counted = n_chars = n_alphabetic = np.int64(0)
    n_symbols: Int = np.int64(0)
    for i in range(first, last):
        flags = np.int64(table.flags[i])
        n_alphabetic += flags & LETTER
        if definition.counted != NOT_SYMBOLS or flags & LETTER or not _symbols_only(data, table, i):
            n_counted += 1
            n_chars += np.int64(table.n_chars[i])
        if flags & PUNCTUATION and definition.symbols >= CONTAINING:
            n_symbols += _is_symbolic(data, table, i, definition.symbols, ellipses)
    n_words = last - first
    if n_words == 0:
        return
    n_hashes, n_ellipses, n_spaced = _count_symbols(data, start, stop)
    out[N_WORDS] = n_counted
    if definition.counted == STARTING_ALNUM:
        out[N_WORDS] = _starting_alnum(data, start, stop)
    out[MEAN_WORD_LENGTH] = n_chars / n_counted if n_counted else 0.0
    if definition.median:
        out[MEAN_WORD_LENGTH] = _median(table.n_chars, first, last)
    out[HASHES_PER_WORD] = n_hashes / n_words
    out[ELLIPSES_PER_WORD] = n_ellipses / n_words
    if definition.symbols == LARGER:
        n_symbols = n_hashes if n_hashes > n_ellipses else n_ellipses
    if definition.symbols == SUM:
        n_symbols = n_hashes + n_ellipses + n_spaced
    out[FRAC_SYMBOLS] = n_symbols / n_words
    out[FRAC_ALPHABETIC_WORDS] = n_alphabetic / n_words


@device
def _measure_stop_words(
    data: Bytes, table: Words, row: Int, definition: GopherDefinition, stop_words: StopWords, group: Int,
    seen: Numbers, out: Values,
) -> None:  # fmt: skip
    n = np.int64(0)
    last = table.offsets[row + 1]
    for i in range(table.offsets[row], last):
        which = find_stop_word(stop_words, group, definition.comparison, data, table, i, last)
        # The row's number is the mark: nothing is cleared between rows.
        if which >= 0 and (definition.each or seen[which] != row + 1):
            seen[which] = row + 1
            n += 1
            if n == stop_words.n_words[group] and not definition.each:
                break
    out[N_STOP_WORDS] = n


@device
def _measure_lines(
    data: Bytes, start: Int, stop: Int, definition: GopherDefinition, bullets: Marks, ellipses: Marks, out:
    Values,
) -> None:  # fmt: skip
    n_lines = n_bullets = n_ellipses = np.int64(0)
    pos = start
    while pos <= stop:
        raw_begin, raw_end, pos = next_segment(data, pos, stop, definition.lines)
        begin, end = strip(data, raw_begin, raw_end)
        if begin == end and not definition.blank_lines:
            continue
        if definition.raw_lines:
            begin, end = raw_begin, raw_end
        n_lines += 1
        first = byte(data, begin) if begin < end else np.int64(0)
        if not 97 <= first | 32 <= 122:  # no bullet is a letter
            n_bullets += _has_mark(data, begin, end, bullets, START)
        n_ellipses += _has_mark(data, begin, end, ellipses, END)
    if n_lines:
        out[FRAC_BULLET_LINES] = n_bullets / n_lines
        out[FRAC_ELLIPSIS_LINES] = n_ellipses / n_lines


@device
def _has_mark(data: Bytes, start: Int, stop: Int, listed: Marks, where: Int) -> bool:
    """Whether `data[start:stop]` starts with, ends with or is one of the marks; ASCII letters in any case."""
    for i in range(len(listed.offsets) - 1):
        first, length = np.int64(listed.offsets[i]), np.int64(listed.offsets[i + 1] - listed.offsets[i])
        if length > stop - start or (where == WHOLE and length < stop - start):
            continue
        pos = stop - length if where == END else start
        same = np.int64(0)
        while same < length:
            have = byte(data, pos + same)
            have += 32 * (65 <= have <= 90)
            if have != byte(listed.data, first + same):
                break
            same += 1
        if same == length:
            return True
    return False


@device
def _symbols_only(data: Bytes, table: Words, word: Int) -> bool:
    pos: Int = np.int64(table.starts[word])
    stop = np.int64(table.ends[word])
    while pos < stop:
        code, pos = decode(data, pos, stop)
        if not is_symbol(code):
            return False
    return True


@device
def _is_symbolic(data: Bytes, table: Words, word: Int, symbols: Int, ellipses: Marks) -> bool:
    start, stop = np.int64(table.starts[word]), np.int64(table.ends[word])
    n_hashes = n_runs = n_ellipses = np.int64(0)
    before: Int = np.int64(0)
    for pos in range(start, stop):
        char = byte(data, pos)
        n_hashes += char == HASH
        n_runs += char == HASH and before != HASH
        n_ellipses += char == 0xA6 and _is_ellipsis(data, start, pos + 1)
        before = char
    if symbols == CONTAINING:
        return bool(n_hashes + n_ellipses > 0)
    if 2 * n_runs > np.int64(table.n_chars[word]):
        return True
    return _has_mark(data, start, stop, ellipses, WHOLE)


@device
def _count_symbols(data: Bytes, start: Int, stop: Int) -> tuple[Int, Int, Int]:
    """How often `data[start:stop]` holds: #; … or ...; `. . .`: each found from the left, without overlap."""
    n_hashes = n_ellipses = n_spaced = dots = np.int64(0)
    spaced: Int = start
    pos = start
    while pos < stop:
        while pos + 8 <= stop:
            value = load(data, pos)
            # Eight bytes at once: … is not ASCII, and without #, dots and what is not ASCII there is no
            # symbol.
            if holds(value, np.uint64(HASH)) | holds(value, np.uint64(DOT)) | value & HIGH:
                break
            pos += 8
            dots = np.int64(0)
        block = min(pos + 8, stop)
        while pos < block:
            char = byte(data, pos)
            n_hashes += char == HASH
            dots = dots + 1 if char == DOT else np.int64(0)
            n_ellipses += (dots > 0 and dots % 3 == 0) or (
                char == 0xA6 and _is_ellipsis(data, start, pos + 1)
            )
            if char == DOT and pos - 4 >= spaced and _is_spaced(data, pos):
                n_spaced += 1
                spaced = pos + 1
            pos += 1
    return n_hashes, n_ellipses, n_spaced


@device
def _is_ellipsis(data: Bytes, start: Int, stop: Int) -> bool:
    """Whether `data[start:stop]` ends with …"""
    return bool(stop - start >= 3 and byte(data, stop - 2) == 0x80 and byte(data, stop - 3) == 0xE2)


@device
def _is_spaced(data: Bytes, last: Int) -> bool:
    """Whether `. . .` ends with the dot at `last`."""
    a, b, c, d = byte(data, last - 4), byte(data, last - 3), byte(data, last - 2), byte(data, last - 1)
    return bool(a == DOT and b == BLANK and c == DOT and d == BLANK)


@device
def _starting_alnum(data: Bytes, start: Int, stop: Int) -> Int:
    n = np.int64(0)
    outside = True
    while start < stop:
        code, after = decode(data, start, stop)
        if code == 0 or 9 <= code <= 13 or code == BLANK:
            outside = True
        else:
            n += outside and char_class(code) & ALNUM != 0
            outside = False
        start = after
    return n


@device
def _median(lengths: Bounds, first: Int, last: Int) -> float:
    """The median of `lengths[first:last]`: the mean of the middle two if their number is even."""
    n = last - first
    return (_smallest(lengths, first, last, (n - 1) // 2) + _smallest(lengths, first, last, n // 2)) / 2


@device
def _smallest(lengths: Bounds, first: Int, last: Int, rank: Int) -> Int:
    """The length that would stand at `rank` if they were sorted: each pass halves where it may lie."""
    low = high = np.int64(0)
    for i in range(first, last):
        high = max(high, np.int64(lengths[i]))
    while low < high:
        middle = (low + high) // 2
        n = np.int64(0)
        for i in range(first, last):
            n += lengths[i] <= middle
        if n > rank:
            high = middle
        else:
            low = middle + 1
    return low
