"""One document's signals, from its normalised words, its words and punctuation, and its lines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.filters.redpajama.lists import WordSet, count_entries, holds, longer
from stages.filters.redpajama.normal import SEED, Normal, normalise, same
from stages.text.buffers import Bytes, Offsets, byte
from stages.text.hashing import xxh64
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.ngrams import Repeated, chars_covered, chars_of, drop_single, pairs, top
from stages.text.ngrams import longer as longer_grams
from stages.text.ranges import OTHER_CASE, UPPERCASE, belongs
from stages.text.scan import count, count_chars, find
from stages.text.slots import Slots, bits_for, number
from stages.text.unicode import ALNUM, SPACE, char_class, decode, decode_before

BULLETS = "•‣▶◀◦■□▪▫–"
TERMINALS = ".!?”"
_BULLETS = np.array([ord(c) for c in BULLETS], np.int64)
_TERMINALS = np.array([ord(c) for c in TERMINALS], np.int64)
LOREM, IPSUM, JAVASCRIPT = b"lorem", b"ipsum", b"javascript"
HASH, DOT, ELLIPSIS, OPEN, CLOSE = 0x23, 0x2E, 0x2026, 0x7B, 0x7D

(
    N_WORDS, N_SENTENCES, N_LINES, MEAN_WORD_LENGTH, FRAC_UNIQUE_WORDS, UNIGRAM_ENTROPY, FRAC_STOP_WORDS,
    SYMBOLS_PER_WORD, FRAC_NO_ALPHABETIC_WORDS, FRAC_ALL_CAPS_WORDS, FRAC_ELLIPSIS_LINES,
    FRAC_TERMINAL_PUNCTUATION_LINES, FRAC_BULLET_LINES, MEAN_WORDS_PER_LINE, MEAN_FRAC_UPPERCASE,
    MEAN_FRAC_NUMERALS, N_JAVASCRIPT, CURLY_BRACKETS_PER_CHAR, LOREM_IPSUM_PER_CHAR, N_BAD_WORDS, TOP_2GRAM,
    TOP_3GRAM, TOP_4GRAM, DUPLICATE_5GRAMS,
) = range(24)  # fmt: skip
N_SIGNALS = DUPLICATE_5GRAMS + 6

Values = npt.NDArray[np.float64]


@kernel
def measure(
    data: Bytes, offsets: Offsets, rows: npt.NDArray[np.bool_], stop_words: WordSet, bad_words: WordSet,
    text: Normal, slots: Slots, times: npt.NDArray[np.int64], scratch: Repeated, out: Values,
) -> None:  # fmt: skip
    """Fills `out` [rows, signals] where `rows`; NaN is what has no value. `text` to `scratch` are scratch."""
    oldest: Int = np.int64(1)
    oldest_gram: Int = np.int64(1)
    for row in range(len(rows)):
        if rows[row]:
            start, stop, values = np.int64(offsets[row]), np.int64(offsets[row + 1]), out[row]
            n_words, n_lines, shares = normalise(data, start, stop, text)
            values[N_WORDS], values[N_LINES] = n_words, n_lines
            values[N_SENTENCES] = _count_sentences(data, start, stop)
            values[MEAN_FRAC_NUMERALS] = shares / n_lines if n_lines else np.nan
            values[MEAN_WORDS_PER_LINE] = n_words / n_lines if n_lines else np.nan
            values[N_BAD_WORDS] = (
                count_entries(bad_words, text.hashes, n_words) if bad_words.most_words else np.nan
            )
            oldest = _measure_vocabulary(text, n_words, slots, times, oldest, values)
            _measure_raw_words(data, start, stop, stop_words, values)
            _measure_lines(data, start, stop, values)
            oldest_gram = _measure_ngrams(text, n_words, scratch, oldest_gram, values)


@device
def _measure_vocabulary(
    text: Normal, n_words: Int, slots: Slots, times: npt.NDArray[np.int64], oldest: Int, out: Values
) -> Int:
    fresh, bits = oldest, bits_for(n_words)
    n_chars = n_lorem = n_javascript = np.int64(0)
    for i in range(n_words):
        # Numbers of a row begin at `oldest`, so its counts are the first of `times` and are set when first
        # met.
        which = number(slots, bits, oldest, text.hashes[i], fresh)
        if which == fresh:
            times[which - oldest] = 0
            fresh += 1
        times[which - oldest] += 1
        n_chars += np.int64(text.n_chars[i])
        n_lorem += i + 1 < n_words and same(text, i, LOREM, True) and same(text, i + 1, IPSUM, False)
        n_javascript += text.ends[i] - text.starts[i] == len(JAVASCRIPT) and same(text, i, JAVASCRIPT, True)
    entropy = 0.0
    for i in range(fresh - oldest):
        entropy -= times[i] / n_words * np.log(times[i] / n_words)
    out[N_JAVASCRIPT] = n_javascript
    out[LOREM_IPSUM_PER_CHAR] = n_lorem / (n_chars + n_words - 1) if n_words else 0.0
    out[MEAN_WORD_LENGTH] = n_chars / n_words if n_words else np.nan
    out[FRAC_UNIQUE_WORDS] = (fresh - oldest) / n_words if n_words else np.nan
    out[UNIGRAM_ENTROPY] = entropy if n_words else np.nan
    return fresh


@device
def _measure_ngrams(text: Normal, n_words: Int, scratch: Repeated, oldest: Int, out: Values) -> Int:
    for i in range(n_words):
        scratch.chars[i + 1] = scratch.chars[i] + np.int64(text.n_chars[i])
    n_chars = max(np.int64(scratch.chars[n_words]), np.int64(1))
    n, fresh = pairs(text.hashes, np.int64(0), n_words, scratch, oldest)
    for words in range(2, 11):
        n = drop_single(scratch, n)
        if words < 5:
            often, where = top(scratch, n, words, False)
            chars = often * chars_of(scratch, where, words) if n else np.int64(0)
            out[TOP_2GRAM + words - 2] = chars / n_chars
        else:
            out[DUPLICATE_5GRAMS + words - 5] = chars_covered(scratch, n, words, np.int64(-1)) / n_chars
        n, fresh = longer_grams(scratch, n, fresh)
    return fresh


@device
def _measure_raw_words(data: Bytes, start: Int, stop: Int, stop_words: WordSet, out: Values) -> None:
    """Words are runs of letters, digits and _, and runs of what is neither that nor white space."""
    n_words = n_alphabetic = n_caps = n_stop = n_symbols = dots = np.int64(0)
    pos = begin = start
    kind: Int = np.int64(-1)
    letters, upper, other = False, False, False
    while pos <= stop:
        code, after = decode(data, pos, stop) if pos < stop else (np.int64(0x20), pos + 1)
        flags = char_class(code)
        now = 0 if flags & SPACE else 1 if flags & ALNUM or code == 0x5F else 2
        if now != kind:
            if kind > 0:
                n_words += 1
                n_alphabetic += letters
                n_caps += upper and not other
                n_stop += holds(stop_words, longer(np.uint64(0), xxh64(data, begin, pos, SEED)))
            kind, begin, letters, upper, other = now, pos, False, False, False
        if code < 0x80:
            capital, small = bool(0x41 <= code <= 0x5A), bool(0x61 <= code <= 0x7A)
            letters = letters or capital or small
        else:
            capital, small = belongs(code, UPPERCASE), belongs(code, OTHER_CASE)
        upper = upper or capital
        other = other or small
        dots = dots + 1 if code == DOT else np.int64(0)
        n_symbols += code in (HASH, ELLIPSIS) or (dots > 0 and dots % 3 == 0)
        pos = after
    some = max(n_words, np.int64(1))
    out[SYMBOLS_PER_WORD] = n_symbols / some if n_words else np.nan
    out[FRAC_NO_ALPHABETIC_WORDS] = 1 - n_alphabetic / some if n_words else np.nan
    out[FRAC_ALL_CAPS_WORDS] = n_caps / some if n_words else np.nan
    out[FRAC_STOP_WORDS] = n_stop / some if out[N_WORDS] else 0.0
    if not stop_words.most_words:
        out[FRAC_STOP_WORDS] = np.nan


@device
def _measure_lines(data: Bytes, start: Int, stop: Int, out: Values) -> None:
    n_lines = n_ellipses = n_terminals = n_bullets = np.int64(0)
    shares = 0.0
    curly = count(data, start, stop, OPEN) + count(data, start, stop, CLOSE)
    out[CURLY_BRACKETS_PER_CHAR] = curly / max(count_chars(data, start, stop), np.int64(1))
    while start < stop:
        after = min(find(data, start, stop, np.int64(0x0A)) + 1, stop)
        n_lines += 1
        shares += _frac_uppercase(data, start, after)
        begin, end = strip(data, start, after)
        if begin < end:
            first, last = decode(data, begin, end)[0], decode_before(data, begin, end)[0]
            dots = last == DOT and end - begin >= 3 and byte(data, end - 2) == byte(data, end - 3) == DOT
            n_ellipses += last == ELLIPSIS or dots
            for mark in _TERMINALS:
                n_terminals += last == mark
            for mark in _BULLETS:
                n_bullets += first == mark
        start = after
    some = max(n_lines, np.int64(1))
    out[FRAC_ELLIPSIS_LINES] = n_ellipses / some if n_lines else np.nan
    out[FRAC_TERMINAL_PUNCTUATION_LINES] = n_terminals / some if n_lines else np.nan
    out[FRAC_BULLET_LINES] = n_bullets / some if n_lines else np.nan
    out[MEAN_FRAC_UPPERCASE] = shares / some if n_lines else np.nan


@device
def _frac_uppercase(data: Bytes, pos: Int, stop: Int) -> float:
    n_chars = n_upper = np.int64(0)
    while pos < stop:
        code, pos = decode(data, pos, stop)
        n_chars += 1
        n_upper += 0x41 <= code <= 0x5A if code < 0x80 else belongs(code, UPPERCASE)
    return n_upper / n_chars


@device
def _count_sentences(data: Bytes, pos: Int, stop: Int) -> Int:
    """Matches of `\\b[^.!?]+[.!?]*`: stretches between end marks that hold a letter, a digit or _."""
    n = np.int64(0)
    counted = False
    while pos < stop:
        code, pos = decode(data, pos, stop)
        if code in (0x2E, 0x21, 0x3F):
            counted = False
        elif not counted and (char_class(code) & ALNUM or code == 0x5F):
            n += 1
            counted = True
    return n
