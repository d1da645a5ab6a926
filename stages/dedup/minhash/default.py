"""The profile `default`: shingles of words or characters in lower case, hashed in one walk over bytes.

Words are runs of letters, numbers and marks, so that editions which differ in quotes and dashes are alike; an
ideograph or kana is one, and a syllable of what is written without spaces (`stages.text.words`). Texts are
compared composed and without what nobody sees (`stages.text.comparable`). ASCII is walked over eight bytes at
a time. A shingle's hash is a polynomial over the hashes of its parts, so the next one costs a multiplication,
however long shingles are (Karp, Rabin 1987).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.dedup.minhash.banding import Minima
from stages.dedup.minhash.shingles import Bits, Hasher, Shingling
from stages.dedup.minhash.signature import lower_permuted
from stages.text.buffers import Bytes, Offsets, byte
from stages.text.comparable import comparable
from stages.text.hashing import P1, P2, P4, P5, avalanche
from stages.text.kernel import Int, device, kernel
from stages.text.scan import EACH, HIGH, load
from stages.text.syllables import role_of
from stages.text.table import Hashes, Rows
from stages.text.unicode import ALNUM, IDEOGRAPH, MARK, SPACE, char_class, decode, lower
from stages.text.utf8 import utf8
from stages.text.words import next_word

ONE, SEVEN, EIGHT = np.uint64(1), np.uint64(7), np.uint64(8)
_CASE = EACH * np.uint64(0x20)
_FROM_0, _BEHIND_9, _FROM_A, _BEHIND_Z = (EACH * np.uint64(0x80 - n) for n in (0x30, 0x3A, 0x61, 0x7B))
"""Constants for eight bytes at once: added to a byte below 0x80, the sum is 0x80 or more from '0', the
character behind '9', 'a', or the character behind 'z' on."""


@dataclass(frozen=True, kw_only=True)
class Default(Shingling):
    """Words (a CJK ideograph or kana is one), or characters with white space made one space; lower case.

    A text with fewer than `ngram` of them is one shingle.
    """

    choices: ClassVar[Mapping[str, Sequence[Any]]] = {"hashing": ("xxhash",)}

    def prepared(self, array: pa.StringArray) -> pa.StringArray:
        return comparable(array)

    def hasher(self, longest: int, bits: Bits) -> Hasher:
        chars, ngram = self.unit == "char", self.ngram
        return lambda texts, out, ends: hash_shingles(*texts, chars, ngram, out, ends)

    def lower_minima(self, hashes: Hashes, ends: Rows, seed: int, minima: Minima) -> None:
        lower_permuted(hashes, ends, seed, minima)


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
    if last == first:
        return first
    ngram = min(ngram, last - first)
    n = last - first - ngram + 1
    # The hash of a shingle stands where its first part stood: that part is not asked for again.
    h, power = np.uint64(0), np.uint64(1)
    for i in range(ngram):
        h = h * P4 + out[np.uint64(first + i)]
        power *= P4
    for i in range(n - 1):
        position = np.uint64(first + i)
        # What enters and what leaves the window are one term, which does not wait for the hash before.
        step = out[position + np.uint64(ngram)] - out[position] * power
        out[position] = avalanche(h)
        h = h * P4 + step
    out[np.uint64(first + n - 1)] = avalanche(h)
    return first + n


@device
def _hash_words(data: Bytes, start: Int, stop: Int, out: Hashes, n: Int) -> Int:
    """Write the hash of each word of `data[start:stop]` to `out`, from `n` on; gives where they end."""
    position = start
    while position < stop:
        begin, h = position, P5
        block = _up_to_eight(data, position, stop)
        other = _other_than_letter(block)
        while True:
            # Eight letters at a time, as long as all of them belong to a word in ASCII.
            while other == 0:
                h = _absorb(h, _lower(block))
                position += 8
                block = _up_to_eight(data, position, stop)
                other = _other_than_letter(block)
            within, length = _before(other)
            code = (block >> (length * EIGHT)) & np.uint64(0xFF)
            if code < np.uint64(0x30) or code > np.uint64(0x39):
                break
            # Digits are rare: only where one ends the letters are they looked for.
            other = _other_than_word(block)
            if other:
                within, length = _before(other)
                code = (block >> (length * EIGHT)) & np.uint64(0xFF)
                break
        position += np.int64(length)
        if position < stop and code >= np.uint64(0x80):  # the slower walk knows the rules
            position, n = _hash_any_word(data, begin, stop, out, n)
            continue
        if position > begin:
            if length:
                h = _absorb(h, _lower(block) & within)
            out[np.uint64(n)] = _finish(h, position - begin)
            n += 1
        position += 1
    return n


@device
def _hash_any_word(data: Bytes, position: Int, stop: Int, out: Hashes, n: Int) -> tuple[Int, Int]:
    """The words from `position` on, up to one that ASCII ends: (where to go on, next number)."""
    begin = position
    flags: Int = np.int64(0)
    h, block, length = _nothing()
    while position < stop:
        code, after = decode(data, position, stop)
        kind = char_class(code)
        if role_of(code):
            return _hash_syllable(data, begin, stop, out, n)
        apart = not kind & (ALNUM | MARK)
        if apart or kind & IDEOGRAPH or (flags & IDEOGRAPH and not kind & MARK):
            if position > begin:
                out[np.uint64(n)] = _finish_block(h, block, length)
                n += 1
            if apart and code < 0x80:
                return after, n
            begin, flags = position, np.int64(0)
            h, block, length = _nothing()
        if apart:
            begin = after
        else:
            flags |= kind
            h, block, length = _absorb_char(h, block, length, lower(code))
        position = after
    if position > begin:
        out[np.uint64(n)] = _finish_block(h, block, length)
        n += 1
    return position, n


@device
def _hash_syllable(data: Bytes, position: Int, stop: Int, out: Hashes, n: Int) -> tuple[Int, Int]:
    """The next word of `data[position:stop]`, whatever it is: (where it ends, the next number)."""
    start, end, n_chars, flags = next_word(data, position, stop)
    if n_chars == 0:
        return stop, n
    if not flags & ALNUM:
        return end, n
    h, block, length = _nothing()
    while start < end:
        code, start = decode(data, start, end)
        if char_class(code) & (ALNUM | MARK):
            h, block, length = _absorb_char(h, block, length, lower(code))
    out[np.uint64(n)] = _finish_block(h, block, length)
    return end, n + 1


@device
def _hash_chars(data: Bytes, start: Int, stop: Int, out: Hashes, n: Int) -> Int:
    """Write the hash of each code point to `out`, from `n` on: of white space one, and none at the ends."""
    first, position = n, start
    space = False
    while position < stop:
        code, position = decode(data, position, stop)
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
def _up_to_eight(data: Bytes, position: Int, stop: Int) -> np.uint64:
    """The bytes of `data[position:stop]`, but no more than eight, as one number."""
    if position + 8 <= stop:
        return load(data, position)
    value = np.uint64(0)
    for i in range(stop - position):
        value |= np.uint64(byte(data, position + i)) << np.uint64(8 * i)
    return value


@device
def _before(other: np.uint64) -> tuple[np.uint64, np.uint64]:
    """(all ones in the bytes before the first that is marked, their number)"""
    # The lowest bit that is set marks the first byte. A one in each of those before it, multiplied by EACH,
    # adds up in the highest byte.
    within = ((other & (~other + ONE)) >> SEVEN) - ONE
    return within, (within & EACH) * EACH >> np.uint64(56)


@device
def _other_than_letter(block: np.uint64) -> np.uint64:
    """The highest bit of each byte that is no letter in ASCII."""
    # Without its highest bit no byte carries into the next one when a constant is added.
    low = block & ~HIGH | _CASE
    return (~((low + _FROM_A) & ~(low + _BEHIND_Z)) | block) & HIGH


@device
def _other_than_word(block: np.uint64) -> np.uint64:
    """The highest bit of each byte that is no letter and no digit in ASCII."""
    low = block & ~HIGH
    digits = (low + _FROM_0) & ~(low + _BEHIND_9)
    return _other_than_letter(block) & (~digits | block)


@device
def _lower(block: np.uint64) -> np.uint64:
    """Eight letters and digits in lower case: digits have the bit already that lowers a letter."""
    return block | _CASE


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
    # Code points fill blocks of eight bytes, so that a word has one hash by either walk.
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
