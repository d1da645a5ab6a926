"""Text as RedPajama-v2 normalises it: no ASCII punctuation, lower case, decomposed, one space at a time."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.hashing import xxh64
from stages.text.kernel import Int, constants, device
from stages.text.ranges import NUMERIC, belongs
from stages.text.table import Bounds, Hashes
from stages.text.unicode import SPACE, char_class, decode, lower, two_stage
from stages.text.utf8 import encode

GROWTH = 3
"""Bytes of normalised text for each of the text, at most."""
SEED = np.uint64(0)
DOTTED_I, DOT_ABOVE = 0x130, 0x307


def _decompositions() -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Where the decomposition of each character stands in the last array (offset << 3 | length; 0: none)."""
    places, parts = np.zeros(0x110000, np.int32), [0]
    for code in (*range(0xC0, 0xD800), *range(0xF900, 0x30000)):
        apart = unicodedata.normalize("NFD", chr(code))
        if apart != chr(code):
            places[code] = len(parts) << 3 | len(apart)
            parts += map(ord, apart)
    return *two_stage(places), np.array(parts, np.int32)


_INDEX, _PLACES, _PARTS = constants(3, _decompositions)


class Normal(NamedTuple):
    """Scratch for one document: its normalised words, one space between them in `text`."""

    text: Bytes
    """uint8 [bytes * GROWTH]"""
    starts: Bounds
    """int32 [words]: first byte, in `text`."""
    ends: Bounds
    """int32 [words]: the byte behind the last."""
    n_chars: Bounds
    """int32 [words]: code points."""
    hashes: Hashes
    """uint64 [words]"""


def normal(n_bytes: int) -> Normal:
    """Scratch for documents of up to `n_bytes` bytes."""
    starts, ends, n_chars = (np.empty(n_bytes + 1, np.int32) for _ in range(3))
    text, hashes = np.empty(n_bytes * GROWTH + 8, np.uint8), np.empty(n_bytes + 1, np.uint64)
    return Normal(text, starts, ends, n_chars, hashes)


@device
def normalise(data: Bytes, start: Int, stop: Int, out: Normal) -> tuple[Int, Int, float]:
    """Write the words of `data[start:stop]`: (their number, lines, sum of the lines' shares of numerals).

    Lines end at \\n; the share is that of the characters of the normalised line, spaces among them.
    """
    pos: Int = np.int64(0)
    chars: Int = np.int64(0)
    numerals: Int = np.int64(0)
    begin: Int = np.int64(0)
    n_words = n_lines = line_chars = np.int64(0)
    shares = 0.0
    while start < stop:
        code, start = decode(data, start, stop)
        if code < 0x80:
            if 0x61 <= code <= 0x7A or 0x41 <= code <= 0x5A:
                out.text[np.uint64(pos)] = code | 0x20
                pos, chars = pos + 1, chars + 1
            elif char_class(code) & SPACE == 0 and not _is_punctuation(code):
                out.text[np.uint64(pos)] = code
                pos, chars = pos + 1, chars + 1
                numerals += 0x30 <= code <= 0x39
        elif char_class(code) & SPACE == 0:
            pos, more, n_numerals = _write(code, out.text, pos)
            chars, numerals = chars + more, numerals + n_numerals
        if start < stop and not char_class(code) & SPACE:
            continue
        if pos > begin:
            out.starts[n_words], out.ends[n_words], out.n_chars[n_words] = begin, pos, chars
            out.hashes[n_words] = xxh64(out.text, begin, pos, SEED)
            n_words += 1
            line_chars += chars + (line_chars > 0)
            out.text[np.uint64(pos)] = 0x20
            pos, chars = pos + 1, np.int64(0)
            begin = pos
        if code == 0x0A or start == stop:
            n_lines += 1
            shares += numerals / max(line_chars, np.int64(1))
            numerals = line_chars = np.int64(0)
    return n_words, n_lines, shares


@device
def _is_punctuation(code: Int) -> bool:
    """Whether it is in `string.punctuation`."""
    return bool(0x21 <= code <= 0x2F or 0x3A <= code <= 0x40 or 0x5B <= code <= 0x60 or 0x7B <= code <= 0x7E)


@device
def _write(code: Int, text: Bytes, pos: Int) -> tuple[Int, Int, Int]:
    """Write a character, lower-cased and decomposed: (where it ends, code points, numerals among them)."""
    dotted = code == DOTTED_I
    code = lower(code)
    place = np.int64(_PLACES[np.int64(_INDEX[code >> 7]) << 7 | code & 127])
    n = max(place & 7, np.int64(1)) + dotted
    numerals = np.int64(0)
    for i in range(n):
        part = np.int64(_PARTS[(place >> 3) + i]) if place else code
        part = np.int64(DOT_ABOVE) if dotted and i else part
        pos = encode(part, text, pos)
        numerals += belongs(part, NUMERIC)
    return pos, n, numerals


@device
def same(out: Normal, word: Int, text: bytes, at_end: bool) -> bool:
    """Whether a word ends with `text`, or (else) begins with it."""
    start, end = np.int64(out.starts[word]), np.int64(out.ends[word])
    if end - start < len(text):
        return False
    start = end - len(text) if at_end else start
    equal = True
    for i in range(len(text)):
        equal &= byte(out.text, start + i) == text[i]
    return equal
