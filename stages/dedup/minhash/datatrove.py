"""Shingles and permutations as datatrove's MinHash makes them: equal signatures, bit for bit.

Source: datatrove 0.10.1, `utils/text.py` (`simplify_text`) and `pipeline/dedup/minhash.py`. Text is made
    lower case, a number becomes 0, punctuation and white space one space, then everything is decomposed and
    loses its marks (NFD without Mn); words are spaCy's English tokens; a shingle is hashed as a string.
Differs: combining marks with a width of their own (25 of category Mc, in a few Indic scripts and in musical
    notation) stay in the order they were typed in; what `stages.text.english` says differs from spaCy.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stages.dedup.minhash.digests import LANES, Sha1, sha1, sha1_room, xxh32
from stages.text.buffers import Bytes, Offsets
from stages.text.english import split_english
from stages.text.hashing import xxh64
from stages.text.kernel import Int, device, kernel
from stages.text.marks import SYMBOLS, ranges
from stages.text.table import Bounds, Hashes, Rows
from stages.text.unicode import decode, two_stage
from stages.text.utf8 import encode

PRIME, _WRAP = np.uint64(2**61 - 1), np.uint64(2**64 - (2**61 - 1))
XXHASH, SHA1 = 0, 1

_GROWTH = 3
"""Bytes of simplified text for each of the text, at most: a syllable of Hangul becomes three letters."""
_DROPPED, _BLANK, _DIGIT, _HANGUL, _SEVERAL = (n << 24 for n in range(1, 6))
"""What becomes of a character where it is not one other, how far from it being told by what is less than
_DROPPED. From _SEVERAL on: the characters of `_PARTS` from (value - _SEVERAL) >> 2 on, as many as the last
two bits say."""
_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3
_POINTS = np.array([ord(c) for c in ".,،٫⎖⎗⎘"], np.int64)
_LATER_DIGITS = (
    0x10D40, 0x116D0, 0x116DA, 0x11BF0, 0x11DE0, 0x11F50, 0x16130, 0x16D70, 0x1CCF0, 0x1E4F0, 0x1E5F1,
)  # fmt: skip
"""Zeros that Unicode got after version 14, which the `regex` package knows and interpreters may not."""


def _simplified() -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """What becomes of each character: (blocks and index of the table, `_PARTS`)."""
    table, parts = np.zeros(0x110000, np.int32), [0]
    digits = [zero + i for zero in _LATER_DIGITS for i in range(10)]
    for code in chain(range(0x3400), range(0xA000, 0xAC00), range(0xF900, 0x20000), range(0x2F800, 0x2FA20)):
        lowered = chr(code).lower()
        left = [ord(c) for c in unicodedata.normalize("NFD", lowered) if unicodedata.category(c) != "Mn"]
        if unicodedata.category(chr(code)) == "Nd":
            digits.append(code)
        elif chr(code).isspace():
            table[code] = _BLANK
        elif len(left) > 1:
            table[code] = _SEVERAL + (len(parts) << 2 | len(left))
            parts += left
        else:
            table[code] = left[0] - code if left else _DROPPED
    for first, last in ranges(SYMBOLS):
        table[first : last + 1] = _BLANK
    table[digits] = _DIGIT  # a full-width one is among the symbols, too, which come second
    table[0xE0100:0xE01F0] = _DROPPED
    table[_FIRST_SYLLABLE : _LAST_SYLLABLE + 1] = _HANGUL
    return *two_stage(table), np.array(parts, np.int32)


_INDEX, _TABLE, _PARTS = _simplified()
_ASCII = np.where(_TABLE[:128] < _DROPPED, np.arange(128) + _TABLE[:128], 0).astype(np.uint8)
_ASCII[_TABLE[:128] == _BLANK] = 0x20
"""0 for digits"""


class Room(NamedTuple):
    """Scratch for one document at a time."""

    simple: Bytes
    """uint8 [bytes * _GROWTH + 8]: the simplified text."""
    joined: Bytes
    """uint8 [2 * bytes * _GROWTH + 8]: its words, one space between them."""
    starts: Bounds
    """int32 [bytes * _GROWTH + LANES]: of the words, in either."""
    ends: Bounds
    """int32 [bytes * _GROWTH + LANES]"""
    sha1: Sha1


def room(n_bytes: int) -> Room:
    """Scratch for documents of up to `n_bytes` bytes."""
    n = n_bytes * _GROWTH
    texts = np.empty(n + 8, np.uint8), np.empty(2 * n + 8, np.uint8)
    return Room(*texts, np.empty(n + LANES, np.int32), np.empty(n + LANES, np.int32), sha1_room())


@lru_cache(maxsize=8)
def permutations(n: int, seed: int) -> tuple[Hashes, Hashes]:
    """uint64 [n] factors and uint64 [n] terms: h -> (factor * h + term mod 2^64) mod 2^61 - 1."""
    random = np.random.RandomState(seed)
    factors = random.randint(1, int(PRIME), dtype=np.uint64, size=n)
    return factors, random.randint(0, int(PRIME), dtype=np.uint64, size=n)


@kernel
def hash_shingles(
    data: Bytes, texts: Offsets, valid: npt.NDArray[np.bool_], ngram: Int, hashing: Int, bits: Int,
    out: Hashes, ends: Rows, scratch: Room,
) -> None:  # fmt: skip
    """Fills `out` with the hashes of all shingles, and `ends[i + 1]` with where those of row i end.

    Behind them `out` needs room for LANES more. A hash has `bits` bits: 32 or 64.
    """
    n: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            length = simplify(data, np.int64(texts[row]), np.int64(texts[row + 1]), scratch.simple)
            n_words = split_english(
                scratch.simple, np.int64(0), length, scratch.starts, scratch.ends, np.int64(0)
            )
            n_shingles = max(n_words - ngram + 1, np.int64(0))
            if n_shingles:
                _join(scratch, n_words)
                _hash(scratch, n_shingles, ngram, hashing, bits, out, n)
            n += n_shingles
        ends[row + 1] = n


@kernel
def sign(hashes: Hashes, ends: Rows, factors: Hashes, terms: Hashes, minima: Hashes) -> None:
    """Fills the uint64 [rows, n] `minima`, all ones before, but for rows without a hash."""
    # v mod p, for v < 2p, has the order of v - p mod 2^64, where what wraps is largest: one comparison less.
    for row in range(len(minima)):
        for i in range(minima.shape[1]):
            lowest, factor, term = minima[row, i], factors[i], terms[i]
            for j in range(ends[row], ends[row + 1]):
                h = hashes[np.uint64(j)] * factor + term
                lowest = min(lowest, np.uint64((h >> np.uint64(61)) - (~h & PRIME)))
            if ends[row] < ends[row + 1]:
                minima[row, i] = lowest + PRIME if lowest >= _WRAP else lowest


@kernel
def sign_32(
    hashes: Hashes, ends: Rows, factors: Hashes, terms: Hashes, minima: npt.NDArray[np.uint32]
) -> None:
    """Lowers the uint32 [rows, n] `minima`: of the last 32 bits of what is permuted in 61."""
    for row in range(len(minima)):
        for i in range(minima.shape[1]):
            lowest, factor, term = np.uint64(minima[row, i]), factors[i], terms[i]
            for j in range(ends[row], ends[row + 1]):
                h = hashes[np.uint64(j)] * factor + term
                h = (h >> np.uint64(61)) + (h & PRIME)
                lowest = min(lowest, min(h, h - PRIME) & np.uint64(0xFFFFFFFF))
            minima[row, i] = lowest


@device
def simplify(data: Bytes, start: Int, stop: Int, out: Bytes) -> Int:
    """Write `data[start:stop]` simplified; gives its length. There may be one space at the end."""
    n: Int = np.int64(0)
    blank: Int = np.int64(1)
    at = start
    while at < stop:
        code, after = decode(data, at, stop)
        if code < 0x80:
            value: Int = np.int64(_ASCII[np.uint64(code)])
            if value == 0:
                value, after = np.int64(0x30), _behind_number(data, after, stop)
            # Always written, and kept if no second space in a row: nothing for the processor to guess.
            out[np.uint64(n)] = value
            n += 1 - (blank & (value == 0x20))
            blank = np.int64(value == 0x20)
        else:
            value = _simple(code)
            if value == _BLANK:
                out[np.uint64(n)] = 0x20
                n += 1 - blank
                blank = np.int64(1)
            elif value != _DROPPED:
                if value == _DIGIT:
                    after = _behind_number(data, after, stop)
                n = _write(value, code, out, n)
                blank = np.int64(0)
        at = after
    return n


@device
def _simple(code: Int) -> Int:
    return np.int64(_TABLE[np.uint64(np.int64(_INDEX[np.uint64(code >> 7)]) << 7 | code & 127)])


@device
def _behind_number(data: Bytes, at: Int, stop: Int) -> Int:
    """Where the number ends whose first digit ends at `at`: digits, or digits, a point and digits."""
    at = _behind_digits(data, at, stop)
    if at < stop:
        code, after = decode(data, at, stop)
        point = False
        for i in range(len(_POINTS)):
            point |= code == _POINTS[i]
        if point:
            end = _behind_digits(data, after, stop)
            return end if end > after else at
    return at


@device
def _behind_digits(data: Bytes, at: Int, stop: Int) -> Int:
    while at < stop:
        code, after = decode(data, at, stop)
        if _simple(code) != _DIGIT:
            break
        at = after
    return at


@device
def _write(value: Int, code: Int, out: Bytes, at: Int) -> Int:
    """Write what `code` becomes, `value` by the table; gives where it ends."""
    if value < _DROPPED:
        return encode(code + value, out, at)
    if value == _DIGIT:
        return encode(np.int64(0x30), out, at)
    if value == _HANGUL:  # arithmetic of the Unicode Standard, section 3.12
        syllable = code - _FIRST_SYLLABLE
        at = encode(0x1100 + syllable // 588, out, at)
        at = encode(0x1161 + syllable % 588 // 28, out, at)
        return encode(0x11A7 + syllable % 28, out, at) if syllable % 28 else at
    first = (value - _SEVERAL) >> 2
    for i in range(first, first + (value & 3)):
        at = encode(np.int64(_PARTS[i]), out, at)
    return at


@device
def _join(scratch: Room, n_words: Int) -> None:
    """Copy the words of `simple` to `joined`, one space behind each; `starts` and `ends` then tell where."""
    starts, ends = scratch.starts, scratch.ends
    at, word = np.int64(0), np.int64(0)
    while word < n_words:
        first, shift = word, at - starts[word]
        while word + 1 < n_words and starts[word + 1] == ends[word] + 1:
            word += 1
        begin, length = np.int64(starts[first]), np.int64(ends[word] - starts[first])
        for i in range(length):
            scratch.joined[np.uint64(at + i)] = scratch.simple[np.uint64(begin + i)]
        scratch.joined[np.uint64(at + length)] = 0x20
        for i in range(first, word + 1):
            starts[i], ends[i] = starts[i] + shift, ends[i] + shift
        at, word = at + length + 1, word + 1


@device
def _hash(scratch: Room, n: Int, ngram: Int, hashing: Int, bits: Int, out: Hashes, first: Int) -> None:
    """Write the hashes of the first `n` shingles to `out`, from `first` on."""
    text, starts, ends = scratch.joined, scratch.starts, scratch.ends[ngram - 1 :]
    if hashing == XXHASH:
        for i in range(n):
            begin, end = np.int64(starts[i]), np.int64(ends[i])
            long = bits == 64
            h = xxh64(text, begin, end, np.uint64(0)) if long else np.uint64(xxh32(text, begin, end))
            out[np.uint64(first + i)] = h
        return
    for i in range(n, n + LANES):
        starts[i] = ends[i] = 0
    for i in range(0, n, LANES):
        sha1(text, starts[i : i + LANES], ends[i : i + LANES], out, first + i, scratch.sha1)
    if bits == 32:
        for i in range(first, first + n):
            out[np.uint64(i)] &= np.uint64(0xFFFFFFFF)
