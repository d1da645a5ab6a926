"""Counting what the Gopher repetition rules are about, as each profile reads them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, Offsets, byte
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.ngrams import (
    Repeated,
    chars_covered,
    chars_in_all,
    chars_of,
    chars_of_later,
    chars_walked,
    drop_single,
    longer,
    pairs,
    top,
)
from stages.text.scan import count_chars
from stages.text.segments import PAIRS, Segments, SegmentScratch, repeats
from stages.text.table import Words

Values = npt.NDArray[np.float64]

PARAGRAPHS, LINES, NGRAMS = 0, 2, 2
"""Where their signals begin: the share of segments, then of characters; the signal of n-grams is n + 2."""
OF_SEGMENTS, OF_WORDS, OF_TEXT = range(3)
"""What the characters of repeated segments are put to: those of all segments, of all words, of the text."""
ONCE, LONGEST, FIRST, JOINED, REMOVED = range(5)
"""The most frequent n-gram's share. ONCE: of the characters of words, those in it; LONGEST: of the same, its
own times its count; both 0 if none occurs twice, and of several the longest counts. FIRST: as LONGEST, but
whichever came first, even if it occurs once; JOINED: so with spaces, of the text; REMOVED: see `_removed`."""
IN_ANY, IN_ALL, WALKED, LATER = range(4)
"""The repeated n-grams' share. IN_ANY: of the characters of words, those in one; IN_ALL: of the characters of
all n-grams, theirs; of the text, WALKED: see `chars_walked`, LATER: see `chars_of_later`."""
NEVER, IF_EMPTY, IF_NO_LINES, IF_FEW_WORDS = range(4)
"""When a share is 1 for want of anything to count, because the toolkit drops such a text."""
BASE = np.uint64(0x9E3779B97F4A7C15)


class RepetitionDefinition(NamedTuple):
    """How a profile defines the signals."""

    denominator: int
    """What the characters of repeated lines and paragraphs are put to: OF_SEGMENTS …"""
    top: int
    """What the most frequent n-gram's share is: ONCE …"""
    duplicate: int
    """What the repeated n-grams' share is: IN_ANY …"""
    is_one: int
    """When a share is 1 though there is nothing to count: NEVER …"""


@kernel
def measure(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], table: Words,
    definition: RepetitionDefinition, lines: Segments, paragraphs: Segments, of_segments: SegmentScratch,
    of_grams: Repeated, out: Values,
) -> None:  # fmt: skip
    """Fills `out` [rows, signals]; `of_segments` is scratch for segments, `of_grams` for n-grams."""
    oldest: Int = np.int64(1)
    oldest_gram: Int = np.int64(1)
    for row in range(len(valid)):
        if not valid[row]:
            continue
        start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        first, n_words = table.offsets[row], table.offsets[row + 1] - table.offsets[row]
        for i in range(n_words):
            of_grams.chars[i + 1] = of_grams.chars[i] + np.int64(table.n_chars[first + i])
        n_chars = count_chars(data, start, stop)
        of = of_grams.chars[n_words] if definition.denominator == OF_WORDS else n_chars
        begin, end = strip(data, start, stop) if paragraphs.separator == PAIRS else (start, stop)
        tally = repeats(data, begin, end, paragraphs, of_segments, row, oldest)
        _write(tally, of, definition, out[row, PARAGRAPHS:])
        tally = repeats(data, start, stop, lines, of_segments, row, tally[4])
        _write(tally, of, definition, out[row, LINES:])
        oldest = tally[4]
        if (definition.is_one == IF_NO_LINES and tally[0] == 0) or (
            definition.is_one == IF_EMPTY and n_chars == 0
        ):
            out[row, LINES] = 1
        oldest_gram = _measure_ngrams(
            data, start, stop, n_chars, table, row, definition, of_grams, oldest_gram, out[row]
        )


@device
def _write(
    tally: tuple[Int, Int, Int, Int, Int], of: Int, definition: RepetitionDefinition, out: Values
) -> None:
    n, n_repeated, chars, chars_repeated, _ = tally
    chars = chars if definition.denominator == OF_SEGMENTS else of
    out[0] = n_repeated / n if n else 0.0
    out[1] = chars_repeated / chars if chars else 0.0


@device
def _measure_ngrams(
    data: Bytes, start: Int, stop: Int, n_chars: Int, table: Words, row: Int,
    definition: RepetitionDefinition, of_grams: Repeated, oldest: Int, out: Values,
) -> Int:  # fmt: skip
    """Fills the signals of n-grams; returns the next free id."""
    first, last = table.offsets[row], table.offsets[row + 1]
    n_words = last - first
    n, fresh = pairs(table.hashes, first, last, of_grams, oldest)
    for words in range(2, 11):
        if n_words < words:
            out[words + NGRAMS] = 1 if definition.is_one == IF_FEW_WORDS else 0
            continue
        n = drop_single(of_grams, n)
        if words > 4:
            out[words + NGRAMS] = _duplicate(n, words, n_words, n_chars, definition.duplicate, of_grams)
        else:
            times, where = top(of_grams, n, words, definition.top <= LONGEST)
            if definition.top == REMOVED:
                n_removed = _removed(data, start, stop, table, first + where, words)
                out[words + NGRAMS] = n_removed / n_chars
            else:
                of = n_chars if definition.top == JOINED else of_grams.chars[n_words]
                out[words + NGRAMS] = _top(n, words, times, where, definition.top, of_grams) / of
        n, fresh = longer(of_grams, n, fresh)
    return fresh


@device
def _top(n: Int, words: Int, times: Int, where: Int, kind: Int, of_grams: Repeated) -> Int:
    if kind == ONCE:
        return chars_covered(of_grams, n, words, where)
    if kind == LONGEST and n == 0:
        return np.int64(0)
    return times * (chars_of(of_grams, where, words) + (words - 1 if kind == JOINED else 0))


@device
def _duplicate(n: Int, words: Int, n_words: Int, n_chars: Int, kind: Int, of_grams: Repeated) -> float:
    if kind == IN_ANY:
        return float(chars_covered(of_grams, n, words, np.int64(-1)) / of_grams.chars[n_words])
    if kind == WALKED:
        return float(chars_walked(of_grams, n, words) / n_chars)
    if kind == LATER:
        return float(chars_of_later(of_grams, n, words) / n_chars)
    total = np.int64(0)
    for place in range(n_words - words + 1):
        total += of_grams.chars[place + words] - of_grams.chars[place]
    return float(chars_in_all(of_grams, n, words) / total)


@device
def _removed(data: Bytes, start: Int, stop: Int, table: Words, first: Int, words: Int) -> Int:
    """How many characters go when some words, with one space between them, are taken from `data[start:stop]`
    wherever they stand, in the middle of others too: from the left, without overlap.

    Source: Karp, Rabin 1987, "Efficient randomized pattern-matching algorithms", with 64-bit arithmetic.
    """
    wanted = have = np.uint64(0)
    power = np.uint64(1)
    length = chars = np.int64(0)
    for word in range(first, first + words):
        for pos in range(table.starts[word], table.ends[word] + (word + 1 < first + words)):
            inside = pos < table.ends[word]
            wanted = wanted * BASE + np.uint64(byte(data, pos) if inside else 32)
            power *= BASE
        length += np.int64(table.ends[word]) - np.int64(table.starts[word]) + (word > first)
        chars += np.int64(table.n_chars[word]) + (word > first)
    n = np.int64(0)
    free = start
    for pos in range(start, stop):
        # A rolling hash: the byte that leaves the window has been multiplied `length` times, so `power` takes
        # it off. Behind a match the window is empty again.
        have = have * BASE + np.uint64(byte(data, pos))
        if pos - length >= free:
            have -= power * np.uint64(byte(data, pos - length))
        if pos + 1 - free >= length and have == wanted:
            n += 1
            have = np.uint64(0)
            free = pos + 1
    return n * chars
