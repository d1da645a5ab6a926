"""Shingles of words or characters in lower case, as hashes: one walk over bytes, in ASCII eight at a time.

Words are those of `stages.text.words`. A shingle's hash is a polynomial over the hashes of its parts, so the
next one costs a multiplication, however long shingles are (Karp, Rabin 1987).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, Offsets, byte
from stages.text.hashing import P1, P2, P4, P5, avalanche
from stages.text.kernel import Int, device, kernel
from stages.text.scan import EACH, HIGH, load
from stages.text.syllables import role_of
from stages.text.table import Hashes, Rows
from stages.text.unicode import IDEOGRAPH, MARK, SEPARATOR, SPACE, char_class, decode, lower
from stages.text.utf8 import utf8
from stages.text.words import ZERO_WIDTH_SPACE, next_word

ONE, SEVEN, EIGHT = np.uint64(1), np.uint64(7), np.uint64(8)
_ABOVE_BLANK, _FROM_A, _BEHIND_Z = (EACH * np.uint64(0x80 - n) for n in (0x21, 0x41, 0x5B))
_BLANKS = sum(1 << code for code in range(33) if chr(code).isspace())


@kernel
def hash_shingles(
    data: Bytes,
    texts: Offsets,
    valid: npt.NDArray[np.bool_],
    chars: bool,
    ngram: Int,
    out: Hashes,
    ends: Rows,
) -> None:
    """Fills `out` with the hashes of all shingles of `ngram` words (or `chars`) and `ends[i + 1]` with where
    those of row i end. There must be room for all parts of the text."""
    n: Int = np.int64(0)
    for row in range(len(valid)):
        if valid[row]:
            start, stop = np.int64(texts[row]), np.int64(texts[row + 1])
            last = _hash_chars(data, start, stop, out, n) if chars else _hash_words(data, start, stop, out, n)
            n = _combine(out, n, last, ngram)
        ends[row + 1] = n


@device
def _combine(out: Hashes, first: Int, last: Int, ngram: Int) -> Int:
    """Make shingles of the parts in `out[first:last]`, in their place; gives where they end."""
    n = last - first - ngram + 1
    if n <= 0:
        return first
    h, power = np.uint64(0), np.uint64(1)
    for i in range(ngram):
        h = h * P4 + out[np.uint64(first + i)]
        power *= P4
    for i in range(n - 1):
        at = np.uint64(first + i)
        step = out[at + np.uint64(ngram)] - out[at] * power
        out[at] = avalanche(h)
        h = h * P4 + step
    out[np.uint64(first + n - 1)] = avalanche(h)
    return first + n


@device
def _hash_words(data: Bytes, start: Int, stop: Int, out: Hashes, n: Int) -> Int:
    """Write the hash of each word of `data[start:stop]` to `out`, from `n` on; gives where they end."""
    at = start
    while at < stop:
        begin, h = at, P5
        block = _up_to_eight(data, at, stop)
        other = _other_than_word(block)
        while other == 0:
            h = _absorb(h, _lower(block))
            at += 8
            block = _up_to_eight(data, at, stop)
            other = _other_than_word(block)
        within = ((other & (~other + ONE)) >> SEVEN) - ONE
        length = (within & EACH) * EACH >> np.uint64(56)
        code = (block >> (length * EIGHT)) & np.uint64(0xFF)
        at += np.int64(length)
        if at < stop and (code > np.uint64(0x20) or (_BLANKS >> np.int64(code)) & 1 == 0):
            at, n = _hash_any_word(data, begin, stop, out, n)
            continue
        if at > begin:
            if length:
                h = _absorb(h, _lower(block) & within)
            out[np.uint64(n)] = _finish(h, at - begin)
            n += 1
        at += 1
    return n


@device
def _hash_any_word(data: Bytes, at: Int, stop: Int, out: Hashes, n: Int) -> tuple[Int, Int]:
    """The words from `at` on, up to the first that a blank in ASCII ends: (where to go on, next number)."""
    begin = at
    flags: Int = np.int64(0)
    h, block, length = _nothing()
    while at < stop:
        code, after = decode(data, at, stop)
        kind = char_class(code)
        if role_of(code) or code == ZERO_WIDTH_SPACE:
            return _hash_syllable(data, begin, stop, out, n)
        if kind & (SEPARATOR | IDEOGRAPH) or (flags & IDEOGRAPH and not kind & MARK):
            if at > begin:
                out[np.uint64(n)] = _finish_block(h, block, length)
                n += 1
            if kind & SEPARATOR and code < 0x80:
                return after, n
            begin, flags = at, np.int64(0)
            h, block, length = _nothing()
        if kind & SEPARATOR:
            begin = after
        else:
            flags |= kind
            h, block, length = _absorb_char(h, block, length, lower(code))
        at = after
    if at > begin:
        out[np.uint64(n)] = _finish_block(h, block, length)
        n += 1
    return at, n


@device
def _hash_syllable(data: Bytes, at: Int, stop: Int, out: Hashes, n: Int) -> tuple[Int, Int]:
    """The next word of `data[at:stop]`, whatever it is: (where it ends, the next number)."""
    start, end, n_chars, _ = next_word(data, at, stop)
    if n_chars == 0:
        return stop, n
    h, block, length = _nothing()
    while start < end:
        code, start = decode(data, start, end)
        h, block, length = _absorb_char(h, block, length, lower(code))
    out[np.uint64(n)] = _finish_block(h, block, length)
    return end, n + 1


@device
def _hash_chars(data: Bytes, start: Int, stop: Int, out: Hashes, n: Int) -> Int:
    """Write the hash of each code point to `out`, from `n` on: of white space one, and none at the ends."""
    first, at = n, start
    space = False
    while at < stop:
        code, at = decode(data, at, stop)
        if char_class(code) & SPACE:
            space = bool(n > first)
            continue
        if space:
            out[np.uint64(n)] = _hash_char(np.int64(0x20))
            n, space = n + 1, False
        out[np.uint64(n)] = _hash_char(lower(code))
        n += 1
    return n


@device
def _hash_char(code: Int) -> np.uint64:
    h = np.uint64(code + 1) * P1
    return (h ^ h >> np.uint64(32)) * P2


@device
def _up_to_eight(data: Bytes, at: Int, stop: Int) -> np.uint64:
    """The bytes of `data[at:stop]`, but no more than eight, as one number."""
    if at + 8 <= stop:
        return load(data, at)
    value = np.uint64(0)
    for i in range(stop - at):
        value |= np.uint64(byte(data, at + i)) << np.uint64(8 * i)
    return value


@device
def _other_than_word(block: np.uint64) -> np.uint64:
    """The highest bit of each byte that is white space, a control character or not ASCII."""
    return (~((block & ~HIGH) + _ABOVE_BLANK) | block) & HIGH


@device
def _lower(block: np.uint64) -> np.uint64:
    """Eight bytes in lower case, as far as they are ASCII: none behind another is what it was."""
    return block | (block + _FROM_A & ~(block + _BEHIND_Z) & HIGH) >> np.uint64(2)


@device
def _absorb(h: np.uint64, block: np.uint64) -> np.uint64:
    h = (h ^ block) * P1
    return h ^ h >> np.uint64(32)


@device
def _nothing() -> tuple[np.uint64, np.uint64, Int]:
    """What `_absorb_char` goes on from."""
    return P5, np.uint64(0), np.int64(0)


@device
def _absorb_char(h: np.uint64, block: np.uint64, length: Int, code: Int) -> tuple[np.uint64, np.uint64, Int]:
    """(hash of full blocks, the block that is filled, bytes in all) after a code point in UTF-8."""
    value, n = utf8(code)
    filled = length & 7
    shift = np.uint64(8 * filled)
    block |= value << shift
    if filled + n >= 8:
        h = _absorb(h, block)
        block = value >> (np.uint64(64) - shift)
    return h, block, length + n


@device
def _finish_block(h: np.uint64, block: np.uint64, length: Int) -> np.uint64:
    return _finish(_absorb(h, block) if length & 7 else h, length)


@device
def _finish(h: np.uint64, length: Int) -> np.uint64:
    h = (h + np.uint64(length)) * P2
    return h ^ h >> np.uint64(29)
